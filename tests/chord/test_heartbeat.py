"""Tests of the heartbeat to the supernode: a refusal ends a node only if another process answers at its address."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Ask, Effect, Sleep, run
from roundelay.chord.errors import JoinRefused, NodeUnreachable
from roundelay.chord.maintenance import heartbeat_loop
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Heartbeat, Hello, SayHello
from roundelay.chord.ring import Ring

RING, ME = Ring(8, 2, 1), NodeRef(1, "me", 1, 1)
SUPERNODE = Address("supernode", 9091)
TURNS = 3


class Enough(BaseException):
    """The loop has gone on long enough."""


def run_refused(who_answers: NodeRef | None) -> int:
    """Run the loop with a supernode that refuses each heartbeat; return their number. Raises JoinRefused."""
    heartbeats = 0

    def perform(effect: Effect) -> object:
        nonlocal heartbeats
        match effect:
            case Ask(to, Heartbeat()):
                assert to == SUPERNODE
                heartbeats += 1
                raise JoinRefused("a later incarnation")
            case Ask(to, SayHello()):
                assert to == ME.address
                if who_answers is None:
                    raise NodeUnreachable("nobody")
                return Hello(who_answers, RING, True)
            case Sleep() if heartbeats == TURNS:
                raise Enough
        return None

    try:
        run(heartbeat_loop(ChordNode(ME, RING), lambda: SUPERNODE), perform)
    except Enough:
        return heartbeats
    raise AssertionError


def test_a_node_that_others_still_reach_goes_on_though_somebody_else_was_admitted_at_its_address() -> None:
    assert run_refused(ME) == TURNS


def test_a_node_that_is_too_busy_to_answer_itself_goes_on() -> None:
    assert run_refused(None) == TURNS


def test_a_node_whose_address_has_another_process_ends() -> None:
    with pytest.raises(JoinRefused, match="a later incarnation"):
        run_refused(NodeRef(1, "me", 1, 2))
