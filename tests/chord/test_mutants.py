"""Zave's corrections are needed: a recorded trace breaks each mutant without one, and does not break the core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chord import ring_mutants
from tests.chord.record_traces import TRACES, play, read, write

RECORDED = sorted(TRACES.glob("*.json"))


def test_every_mutant_has_its_traces() -> None:
    assert {p.stem[0] for p in RECORDED} == set(ring_mutants.MUTANTS)


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
def test_a_recorded_trace_breaks_the_mutant_and_not_the_core(path: Path) -> None:
    trace = read(path)

    assert play(trace, "") == []
    broken = play(trace, trace.mutant)
    assert broken, f"{path.name} no longer breaks its mutant: record_traces.py finds new ones"
    assert broken[0].startswith(trace.breaks)


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: p.stem)
def test_no_action_of_a_trace_can_be_left_out(path: Path) -> None:
    """Each action is needed, so that a trace shows what goes wrong and nothing else."""
    trace = read(path)

    for place in range(len(trace.actions)):
        without = replace(trace, actions=trace.actions[:place] + trace.actions[place + 1 :])
        assert not play(without, trace.mutant), f"action {place} of {path.name} changes nothing"


def test_a_trace_is_read_as_it_was_written(tmp_path: Path) -> None:
    trace = read(RECORDED[0])
    write(trace, tmp_path / "again.json")

    assert read(tmp_path / "again.json") == trace
