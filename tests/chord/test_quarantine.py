"""Tests of the quarantine: what fails unexpectedly is left alone for a while, and reported once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from roundelay.chord.effects import Procedure
from roundelay.chord.maintenance import run_pending
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import NAMES_MAX, PAUSE_MAX_S, PAUSE_MIN_S, UNCONTAINED, Quarantine
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reported() -> list[str]:
    return []


@pytest.fixture
def quarantine(clock: Clock, reported: list[str]) -> Quarantine:
    return Quarantine(clock, lambda what, error: reported.append(f"{what}: {error}"))


def test_a_name_is_left_alone_twice_as_long_after_each_failure(quarantine: Quarantine, clock: Clock) -> None:
    pause_s = PAUSE_MIN_S
    for _ in range(10):
        quarantine.add("job 1", ValueError("bad"))
        assert "job 1" in quarantine
        assert "job 2" not in quarantine
        clock.now += pause_s - 0.001
        assert "job 1" in quarantine
        clock.now += 0.001
        assert "job 1" not in quarantine
        pause_s = min(2 * pause_s, PAUSE_MAX_S)


def test_a_failure_is_reported_again_only_when_it_is_another(quarantine: Quarantine, reported: list[str]) -> None:
    for text in ("one", "one", "two"):
        quarantine.add("job 1", ValueError(text))

    assert [line.split(": ")[-1] for line in reported] == ["one", "two"]
    assert all(line.startswith("job 1 is left alone") for line in reported)


def test_only_so_many_names_are_remembered(quarantine: Quarantine) -> None:
    for number in range(NAMES_MAX + 1):
        quarantine.add(f"job {number}", ValueError("bad"))

    assert "job 0" not in quarantine
    assert "job 1" in quarantine


def test_what_is_uncontained_raises_each_time_and_keeps_nothing() -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            UNCONTAINED.add("job 1", ZeroDivisionError())
    assert "job 1" not in UNCONTAINED


def test_a_pending_task_that_fails_unexpectedly_holds_up_no_other(quarantine: Quarantine, reported: list[str]) -> None:
    node, done = ChordNode(NodeRef(1, "me", 1), Ring(8, 2, 1)), list[str]()

    def task(name: str, error: Exception | None = None) -> Callable[[], Procedure[None]]:
        def run() -> Procedure[None]:
            if error is not None:
                raise error
            done.append(name)
            return
            yield

        return run

    for _ in range(2):
        node.pending.add("rectify 7", task("7", RecursionError("deep")))
        node.pending.add("rectify 9", task("9"))
        list(run_pending(node, quarantine))

    assert done == ["9", "9"]
    assert len(reported) == 1
    assert "rectify 7" in quarantine
