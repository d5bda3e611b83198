"""Waiting for a ticket: when the next poll follows."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.effects import AskAll, Effect, Sleep, run
from roundelay.chord.refs import NodeRef
from roundelay.federation.jobs import RUNNING_MAX
from roundelay.federation.requests import Progress
from roundelay.federation.tickets import COLLECT_PAUSE_S, COLLECT_WAIT_S, Elapsed, await_ticket

NODE = NodeRef(1, "127.0.0.1", 8001)


def pauses(poll_s: float) -> list[float]:
    """Return the pauses of a wait of three polls, each answered after `poll_s`."""
    now, polls, found = 0.0, 0, list[float]()

    def perform(effect: Effect) -> Any:
        nonlocal now, polls
        if isinstance(effect, Sleep):
            now += effect.seconds
            found.append(effect.seconds)
            return None
        assert isinstance(effect, AskAll)
        now, polls = now + poll_s, polls + 1
        return [Progress("done" if polls == 3 else "running")]

    run(await_ticket([NODE], "ticket", elapsed=Elapsed(lambda: now)), perform)
    return found


@pytest.mark.parametrize(
    ("poll_s", "expected"), [(0.0, [COLLECT_PAUSE_S] * 2), (COLLECT_PAUSE_S, []), (COLLECT_WAIT_S, [])]
)
def test_a_pause_follows_only_a_poll_that_the_node_did_not_hold(poll_s: float, expected: list[float]) -> None:
    assert pauses(poll_s) == expected


def test_time_in_the_queue_of_a_node_that_works_for_other_jobs_counts_little() -> None:
    now = 0.0
    elapsed = Elapsed(lambda: now)
    for state, seconds in (("queued", float(RUNNING_MAX)), ("running", 2.0)):
        now += seconds
        elapsed.observe([Progress(state)])

    assert elapsed.seconds == 1.0 + 2.0


def test_an_order_that_one_of_two_nodes_carries_out_is_not_in_the_queue() -> None:
    now = 0.0
    elapsed = Elapsed(lambda: now)
    now = 3.0
    elapsed.observe([Progress("queued"), Progress("running")])

    assert elapsed.seconds == 3.0
