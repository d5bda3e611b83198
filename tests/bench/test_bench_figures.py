"""How figures are compared with their limits and printed, and that a missing figure says why."""

import json
import math
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bench import buffered, compression, performance, personal, report
from bench.blas import ONE_THREAD, use_own_choice
from bench.compare import ratio, take_turns
from bench.figures import Limit, Line, Table, broken_limits, compared, measured
from bench.performance import Part, largest

WIRE = Part("wire", most_s=1.0, usual_s=1.0)


def test_a_limit_applies_to_the_ratio_if_there_is_a_peer_and_else_to_our_figure() -> None:
    beside = Line("speed", "MB/s", 10.0, "peer", 40.0, 0.25, Limit(0.35))
    alone = Line("start", "s", 2.0, limit=Limit(3.0, at_least=False))

    assert (beside.held, alone.held) == ("no", "yes")
    assert broken_limits([Table("t", (beside, alone))]) == ["t: speed"]


def test_a_strict_limit_excludes_its_bound() -> None:
    assert [Limit(1.0, strict=strict).holds(1.0) for strict in (False, True)] == [True, False]
    assert [str(Limit(1.0, strict=strict)) for strict in (False, True)] == [">= 1", "> 1"]


def test_a_figure_without_its_peer_says_why_and_breaks_no_limit() -> None:
    line = Line("speed", "MB/s", 10.0, "peer", limit=Limit(2.0), why_not="make bench-peers")

    assert line.held == ""
    assert "| make bench-peers |" in Table("t", (line,)).markdown()


def test_all_measures_have_equal_turns_and_the_order_alternates() -> None:
    called: list[str] = []

    def measure(name: str) -> float:
        called.append(name)
        return float(len(called))

    found = take_turns({name: partial(measure, name) for name in "ab"}, turns=2, warm_up=0)

    assert called == ["a", "b", "b", "a"]
    assert found == {"a": [1.0, 4.0], "b": [2.0, 3.0]}


def test_a_benchmark_lets_blas_choose_its_kernel_and_gives_it_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"OPENBLAS_CORETYPE": "Prescott", "HOME": "/"})

    use_own_choice()

    assert os.environ == {"HOME": "/", **ONE_THREAD}


def test_a_ratio_is_the_median_of_the_ratios_of_the_turns() -> None:
    assert ratio([1.0, 10.0, 1.0], [2.0, 20.0, 9.0]) == 2.0


def test_a_functions_cost_is_its_own_samples_without_waiting_and_imports() -> None:
    stacks = [
        'process 1:"python client.py";main (client.py:1);mean (ml/exact.py:9) 30',
        'process 2:"python -m roundelay.ml.trainer";step (ml/kernels.py:5) 50',
        'process 2:"python -m roundelay.ml.trainer";step (ml/kernels.py:7) 20',
        'process 1:"python client.py";run (threading.py:1);wait (threading.py:3) 900',
        'process 1:"python client.py";wait (rpc/server.py:1);FramedSocket._begin (roundelay/rpc/transport.py:216) 900',
        'process 1:"python client.py";_find (<frozen importlib._bootstrap>:1);exec (a.py:1) 900',
    ]

    assert largest(stacks) == [("trainer: step (ml/kernels.py)", 0.7), ("client: mean (ml/exact.py)", 0.3)]


def test_a_figure_of_several_turns_is_judged_by_its_median_and_shows_its_quartiles() -> None:
    overhead = measured("overhead", "ms", [9.0, 8.0, 30.0, 7.0, 8.5], Limit(10.0, at_least=False))
    speed = compared("speed", "MB/s", 10.0, "peer", 5.0, [1.0, 2.0, 3.0], Limit(2.5))

    assert (overhead.ours, overhead.quartiles, overhead.held) == (8.5, (8.0, 9.0), "yes")
    assert (speed.ratio, speed.quartiles, speed.held) == (2.0, (1.5, 2.5), "no")
    assert "| 1.5 to 2.5 |" in Table("t", (speed,)).markdown()


@pytest.mark.parametrize(
    ("runs", "has_time", "missed", "used"),
    [
        ([["a"], ["b"]], True, [], 2),  # no figure is missed twice
        ([["a", "b"], ["a"], ["a"]], True, ["a"], 3),
        ([["a"], None, ["a"]], True, ["a"], 3),  # one run did not end
        ([[], ["a"]], True, [], 1),
        ([["a"], []], False, ["a"], 1),
        ([None, ["a"]], False, None, 1),
    ],
)
def test_a_limit_is_missed_only_if_every_attempt_misses_it(
    runs: list[list[str] | None], has_time: bool, missed: list[str] | None, used: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(runs)

    def run(part: Part, only: tuple[str, ...]) -> dict[str, Any] | None:
        not_held = left.pop(0)
        return (
            None if not_held is None else {"not_held": not_held, "seconds": 2.0, "missed": dict.fromkeys(not_held, 1.0)}
        )

    monkeypatch.setattr(performance, "_run", run)
    found = performance._attempts(WIRE, math.inf if has_time else -math.inf)

    assert (found["not_held"] if found else None) == missed
    assert len(runs) - len(left) == used


def test_only_the_sections_that_miss_a_limit_are_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def run(part: Part, only: tuple[str, ...]) -> dict[str, Any]:
        asked.append(only)
        return {"not_held": [] if only else ["t: x"], "seconds": 1.5, "missed": {} if only else {"slow": 1.0}}

    monkeypatch.setattr(performance, "_run", run)
    found = performance._attempts(WIRE, math.inf)

    assert asked == [(), ("slow",)]
    assert found == {"not_held": [], "seconds": 3.0, "missed": {}}


def test_a_section_that_is_measured_again_replaces_its_tables_and_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    monkeypatch.setattr(report, "KEPT", tmp_path / "kept")
    speeds = iter((1.0, 5.0, 3.0))

    def measure(title: str) -> list[Table]:
        return [Table(title, (Line("speed", "MB/s", next(speeds), limit=Limit(2.0)),))]

    sections = {name: partial(measure, name) for name in ("slow", "fast")}
    for arguments in (["--json"], ["--json", "--only", "slow"]):
        assert report.main("speeds", "Speeds", sections, arguments) == 0

    whole, again = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (list(whole["missed"]), whole["not_held"]) == (["slow"], ["slow: speed"])
    assert (again["missed"], again["not_held"]) == ({}, [])
    written = (tmp_path / "speeds.md").read_text()
    assert list(report.tables_of(written)) == ["## slow", "## fast"]
    assert "| speed | MB/s | 3 |" in written and "| speed | MB/s | 5 |" in written and "| 1 |" not in written
    assert "python -m bench speeds --only slow" in written


def test_a_section_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        report.main("speeds", "Speeds", {"slow": list, "fast": list}, ["--only", "other"])

    assert "--only: other; known are slow, fast" in capsys.readouterr().err


def test_a_proof_that_does_not_hold_breaks_the_limit_of_replay() -> None:
    run = buffered.Run((), (), {})
    good = buffered.Pair("good", run, run, buffered.BUFFERED_ROUNDS + 1, holds=True)
    bad = buffered.Pair("bad", run, run, 0, holds=False)

    assert [line.held for line in buffered._replays([good, bad]).lines] == ["yes", "no"]


def test_a_mode_with_one_seed_is_compared_with_exact_updates_of_that_seed() -> None:
    def of(*errors: float) -> list[compression.Run]:
        return [compression.Run(1.0, 1.0, error, "hash", attempts=1) for error in errors]

    exact = of(4.0, 3.0, 2.0)
    lines = compression._errors(
        {"auto": exact, "lossless": of(4.0), "int8": exact, "int4": of(4.5), "topk": of(5.0, 3.0, 2.0)}
    ).lines

    assert {line.what: line.ours for line in lines if "more than" in line.what} == {
        "int8: more than exact updates": 0.0,
        "int4: more than exact updates": 0.5,
        "topk: more than exact updates": 0.333,
    }


def test_each_personal_method_is_judged_where_sites_differ_most() -> None:
    errors = {personal.SHARED: 0.1, "--personal head": 0.07, "--personal ditto": 0.05, "--personal fine-tune": 0.2}

    table = personal.judged({(0.1, 1): errors, (100.0, 1): errors})

    assert [line.held for line in table.lines] == ["yes", "yes", "no", "yes"]
