"""An interrupted benchmark of defaults goes on with the cases that it has not measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import defaults
from bench.default_cases import Case
from bench.generated_tables import GeneratedTable
from bench.kept_results import KeptResults, UnreadableResults

FEW = {"rounds": 2, "hidden": (8,)}
CASES = [Case(GeneratedTable("normal", 120, 4, classes), settings=FEW) for classes in (2, 3)]
LIMITLESS = float("inf")


def test_a_case_that_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first = list(defaults._measure_all(CASES[:1], tmp_path, LIMITLESS, None, KeptResults(path)))
    path.write_text(path.read_text() + json.dumps(first[0])[:20])  # the second was interrupted

    both = list(defaults._measure_all(CASES, tmp_path, LIMITLESS, None, KeptResults(path)))

    assert both[0] == first[0]
    assert [json.loads(line) for line in path.read_text().splitlines()] == both


def test_cases_that_are_kept_count_also_when_the_time_is_up(tmp_path: Path) -> None:
    kept = KeptResults(tmp_path / "results.jsonl")
    known = {"table": CASES[1].table.name, "what": "", "seconds_in_all": 1.0, "error": 0.1}
    kept.add(known)

    assert list(defaults._measure_all(CASES, tmp_path, 0.0, None, KeptResults(tmp_path / "results.jsonl"))) == [known]


def test_a_file_of_other_things_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text('{"table": "iris", "what": ""}\nmilk\n')

    with pytest.raises(UnreadableResults, match=r"notes\.txt:2: not a result"):
        KeptResults(path)
