"""Waiting for a ticket: when the next poll follows."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord.effects import AskAll, Effect, Sleep, run
from roundelay.chord.refs import NodeRef
from roundelay.federation.requests import Progress
from roundelay.federation.tickets import COLLECT_PAUSE_S, COLLECT_WAIT_S, await_ticket

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

    run(await_ticket([NODE], "ticket", clock=lambda: now), perform)
    return found


@pytest.mark.parametrize(
    ("poll_s", "expected"), [(0.0, [COLLECT_PAUSE_S] * 2), (COLLECT_PAUSE_S, []), (COLLECT_WAIT_S, [])]
)
def test_a_pause_follows_only_a_poll_that_the_node_did_not_hold(poll_s: float, expected: list[float]) -> None:
    assert pauses(poll_s) == expected
