"""What a calm ring checks grows rarer, up to a bound, and is checked soon again after a change."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from roundelay.chord import maintenance, protocol
from roundelay.chord.effects import Ask, Effect, Procedure, Sleep, SleepUntil, run
from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.maintenance import (
    FINGERS_INTERVAL_MAX_S,
    HEARTBEATS_PER_LEASE,
    MERGE_HEARTBEATS_MAX,
    MERGE_HEARTBEATS_MIN,
    MERGE_PROBE_INTERVAL_S,
    MERGE_PROBE_TURNS_MAX,
)
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Heartbeat, Hello, Hop, Lease, NextHop, SayHello
from roundelay.chord.ring import Ring

RING = Ring(8, 2, 1)
ME, NEXT, OTHER = NodeRef(1, "me", 1, 1), NodeRef(60, "next", 1, 1), NodeRef(120, "other", 1, 1)
SUPERNODE = Address("supernode", 9091)
JITTER = 1.25
Answer = Callable[[Ask], object]


class Enough(BaseException):
    """The loop has gone on long enough."""


def member() -> ChordNode:
    node = ChordNode(ME, RING)
    node.set_successors(NEXT, (OTHER,))
    node.predecessor, node.joined = OTHER, True
    return node


def one_ring(ask: Ask) -> object:
    """Answer as a member of our own ring, or as the supernode."""
    match ask.request:
        case Heartbeat():
            return Lease(HEARTBEATS_PER_LEASE, OTHER)
        case SayHello():
            return Hello(OTHER, RING, True)
        case NextHop():
            return Hop(True, nodes=(ME, NEXT))
    raise AssertionError(ask)


def times(loop: Procedure[None], kind: type[object], seconds: float, answer: Answer = one_ring) -> list[float]:
    """Run a loop for some virtual seconds. Return when it sent each request of a kind."""
    now, found = 0.0, list[float]()

    def perform(effect: Effect) -> object:
        nonlocal now
        match effect:
            case Sleep(pause_s):
                now += pause_s
                if now > seconds:
                    raise Enough
                return None
            case Ask(_, request):
                if isinstance(request, kind):
                    found.append(now)
                return answer(effect)
        raise AssertionError(effect)

    try:
        run(loop, perform)
    except Enough:
        return found
    raise AssertionError


def gaps(found: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(found)]


def probes(node: ChordNode, seconds: float, answer: Answer = one_ring) -> list[float]:
    loop = maintenance.merge_rings_loop(node, lambda: [Address("far", 1)], random.Random(1))
    return times(loop, SayHello, seconds, answer)


def test_a_calm_ring_is_probed_more_and_more_rarely_up_to_a_bound() -> None:
    found = gaps(probes(member(), 600.0))

    longest = MERGE_PROBE_INTERVAL_S * MERGE_PROBE_TURNS_MAX
    assert found[0] < found[1] < found[2] < found[3] <= longest * JITTER
    assert max(found) <= longest * JITTER
    assert min(found[3:]) >= longest / JITTER


def test_a_ring_with_a_dead_peer_is_probed_at_every_interval() -> None:
    node = member()

    def answer(ask: Ask) -> object:
        if isinstance(ask.request, SayHello) and ask.to == Address("dead", 1):
            raise NodeUnreachable("dead")
        return one_ring(ask)

    assert max(gaps(probes(node, 600.0))) > 2 * MERGE_PROBE_INTERVAL_S * JITTER
    node.failure_detector.mark_dead(NodeRef(99, "dead", 1, 1))
    assert max(gaps(probes(node, 600.0, answer))) <= MERGE_PROBE_INTERVAL_S * JITTER


def heartbeats(answer: Answer = one_ring) -> list[float]:
    """Return at which heartbeats, one each second, a node looks itself up through the member that the lease names."""
    return times(maintenance.heartbeat_loop(member(), lambda: SUPERNODE), NextHop, 300.0, answer)


def test_looks_through_the_supernodes_member_grow_rarer_up_to_a_bound() -> None:
    found = gaps(heartbeats())

    assert found[:4] == [2 * MERGE_HEARTBEATS_MIN, 4 * MERGE_HEARTBEATS_MIN, MERGE_HEARTBEATS_MAX, MERGE_HEARTBEATS_MAX]
    assert max(found) == MERGE_HEARTBEATS_MAX


def test_a_node_that_had_lost_the_supernode_looks_for_another_ring_soon() -> None:
    """It may have been cut off from this node together with other members."""
    beats = 0

    def answer(ask: Ask) -> object:
        nonlocal beats
        if isinstance(ask.request, Heartbeat):
            beats += 1
            if beats == 100:
                raise NodeUnreachable("cut off")
        return one_ring(ask)

    after = [at for at in heartbeats(answer) if at >= 99]
    assert after[0] <= 99 + MERGE_HEARTBEATS_MIN


def test_a_member_that_does_not_answer_is_tried_again_soon() -> None:
    def answer(ask: Ask) -> object:
        if isinstance(ask.request, NextHop):
            raise NodeUnreachable("cut off from this node, and not from the supernode")
        return one_ring(ask)

    tried = sorted(set(heartbeats(answer)))

    assert len(tried) > 2
    assert set(gaps(tried)) == {MERGE_HEARTBEATS_MIN}


def test_fingers_are_waited_for_once_in_an_ever_longer_interval_and_a_change_of_successors_ends_the_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node, turns = member(), list[float]()

    def fix_nothing(_: ChordNode) -> Procedure[bool]:
        turns.append(0.0)
        yield from ()
        return False

    monkeypatch.setattr(protocol, "fix_fingers", fix_nothing)
    loop = maintenance.fix_fingers_loop(node, random.Random(1))
    waits = [next(loop) for _ in range(20)]

    last = waits[-1]
    assert isinstance(last, SleepUntil) and len(turns) == len(waits), "nothing is polled in between"
    assert FINGERS_INTERVAL_MAX_S * (2.0 - JITTER) <= last.seconds <= FINGERS_INTERVAL_MAX_S * JITTER
    assert not last.is_true()
    node.set_successors(OTHER, ())
    assert last.is_true()
