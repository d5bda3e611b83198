"""The effect runner: outcomes are sent in, errors are raised at the `yield`, and every procedure is closed."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.effects import Ask, Effect, Gather, Procedure, Sleep, gather_or_raise, intercept, run
from roundelay.chord.errors import Busy, NodeUnreachable
from roundelay.chord.refs import Address
from roundelay.chord.requests import SayHello

HELLO = Ask(Address("host", 1), SayHello())


def ask_and_sleep(closed: list[bool] | None = None) -> Procedure[list[Any]]:
    seen: list[Any] = []
    try:
        for effect in (HELLO, Sleep(1.0), HELLO):
            try:
                seen.append((yield effect))
            except NodeUnreachable as error:
                seen.append(f"raised {error}")
    finally:
        if closed is not None:
            closed.append(True)
    return seen


def perform_by_hand(effect: Effect) -> Any:
    return "hello" if isinstance(effect, Ask) else NodeUnreachable("silent")


def test_run_sends_each_outcome_and_raises_a_returned_error_in_the_procedure() -> None:
    assert run(ask_and_sleep(), perform_by_hand) == ["hello", "raised silent", "hello"]


def test_run_raises_in_the_procedure_what_perform_raises() -> None:
    def perform(effect: Effect) -> Any:
        raise NodeUnreachable("silent")

    assert run(ask_and_sleep(), perform) == ["raised silent"] * 3


def test_run_raises_an_error_that_the_procedure_does_not_handle() -> None:
    with pytest.raises(Busy):
        run(ask_and_sleep(), lambda effect: Busy("full"))


def test_run_closes_the_procedure_when_it_is_interrupted() -> None:
    closed: list[bool] = []

    def perform(effect: Effect) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(ask_and_sleep(closed), perform)
    assert closed == [True]


def test_intercept_observes_every_effect_and_changes_nothing() -> None:
    seen: list[tuple[Effect, Any]] = []

    found = run(intercept(ask_and_sleep(), lambda effect, outcome: seen.append((effect, outcome))), perform_by_hand)

    assert found == ["hello", "raised silent", "hello"]
    assert [effect for effect, _ in seen] == [HELLO, Sleep(1.0), HELLO]
    assert [str(outcome) for _, outcome in seen] == ["hello", "silent", "hello"]


def test_an_observer_that_raises_ends_the_procedure() -> None:
    closed: list[bool] = []

    def observe(effect: Effect, outcome: Any) -> None:
        raise Busy("enough")

    with pytest.raises(Busy):
        run(intercept(ask_and_sleep(closed), observe), perform_by_hand)
    assert closed == [True]


def test_gather_or_raise_returns_the_results_in_order_or_raises_the_first_error() -> None:
    def gathered(outcomes: list[Any]) -> list[Any]:
        def perform(effect: Gather) -> list[Any]:
            assert effect.limit == 2 and len(effect.procedures) == len(outcomes)
            return outcomes

        return run(gather_or_raise([ask_and_sleep() for _ in outcomes], limit=2), perform)

    assert gathered([]) == []
    assert gathered(["a", "b"]) == ["a", "b"]
    with pytest.raises(Busy, match="first"):
        gathered(["a", Busy("first"), NodeUnreachable("second")])
