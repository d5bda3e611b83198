"""What a node does all its life, as procedures without end: the same in a process and in the simulator.

Chance (jitter, so that nodes do not act in step) comes in as a random generator; who runs a
procedure ends it by closing it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from roundelay.chord import protocol
from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.chord.effects import Procedure, Sleep, SleepUntilNudged, ask
from roundelay.chord.errors import ChordError, JoinRefused
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address
from roundelay.chord.requests import Heartbeat, Nudge, SayHello

FINGERS_INTERVAL_MIN_S = 0.5  # while they change
FINGERS_INTERVAL_MAX_S = 5.0  # while they stay as they are
FINGERS_BACKOFF = 1.5
HEARTBEATS_PER_LEASE = 3
MERGE_EVERY_HEARTBEATS = 3
MERGE_PROBE_INTERVAL_S = 3.0


def stabilize_loop(node: ChordNode, rng: random.Random, every_s: float = STABILIZE_INTERVAL_S) -> Procedure[None]:
    """Stabilise at every tick, and at once when nudged; between ticks do what is on the agenda."""
    while True:
        yield from run_pending(node)
        node.nudged = False
        if (yield from tolerate_errors(protocol.stabilize(node))) and node.predecessor != node.ref:
            yield from tolerate_errors(
                ask(node.predecessor, Nudge())
            )  # its list copies ours: no need to wait for its tick
        yield SleepUntilNudged(every_s * rng.uniform(0.75, 1.25))


def fix_fingers_loop(node: ChordNode, rng: random.Random, pause_s: float = FINGERS_INTERVAL_MIN_S) -> Procedure[None]:
    """Refresh the finger table: often while it changes, seldom while it does not, at once with new successors.

    pause_s: to begin with; of a node that has settled, FINGERS_INTERVAL_MAX_S.
    """
    while True:
        seen = node.successors
        changed = yield from tolerate_errors(protocol.fix_fingers(node))
        pause_s = FINGERS_INTERVAL_MIN_S if changed else min(pause_s * FINGERS_BACKOFF, FINGERS_INTERVAL_MAX_S)
        left_s = pause_s * rng.uniform(0.75, 1.25)
        while left_s > 0 and node.successors == seen:
            yield Sleep(min(left_s, FINGERS_INTERVAL_MIN_S))
            left_s -= FINGERS_INTERVAL_MIN_S


def heartbeat_loop(node: ChordNode, supernode: Callable[[], Address]) -> Procedure[None]:
    """Report to the supernode, wherever it is by now, well within the lease; now and then look for a second ring.

    Raises JoinRefused when the supernode knows a newer life of this address.
    """
    reports = 0
    pause_s = 1.0
    while True:
        try:
            lease = yield from ask(supernode(), Heartbeat(node.ref))
            pause_s = lease.seconds / HEARTBEATS_PER_LEASE
            reports += 1
            if lease.other is not None and reports % MERGE_EVERY_HEARTBEATS == 0:
                yield from tolerate_errors(protocol.merge_with(node, lease.other))
        except JoinRefused:
            raise
        except ChordError:
            pass  # it is on no lookup's path: the ring goes on without it
        yield Sleep(pause_s)


def merge_rings_loop(node: ChordNode, listed: Callable[[], Sequence[Address]], rng: random.Random) -> Procedure[None]:
    """Look for a second ring where one may be, with or without a supernode.

    At those once held for dead, whom a partition may have hidden, and at those on the list of nodes
    who are no neighbours: one of each in turn, chosen by chance.
    """
    for turn in count():
        yield Sleep(MERGE_PROBE_INTERVAL_S * rng.uniform(0.75, 1.25))
        known = {peer.address for peer in (node.ref, node.predecessor, *node.successors)}
        dead = [peer.address for peer in node.failure_detector.dead if not peer.is_vacant]
        sources = [source for source in (dead, [a for a in listed() if a not in known]) if source]
        if sources:
            yield from tolerate_errors(_merge_through(node, rng.choice(sources[turn % len(sources)])))


def _merge_through(node: ChordNode, address: Address) -> Procedure[None]:
    """With whoever is at that address now, if it is a member of a ring like ours. Raises ChordError."""
    hello = yield from ask(address, SayHello())
    if hello.joined and hello.ring == node.ring and hello.node != node.ref:
        yield from protocol.merge_with(node, hello.node)


def run_pending(node: ChordNode) -> Procedure[None]:
    """Everything that handlers have noted by now; what they note meanwhile waits for the next turn."""
    for _ in range(len(node.pending)):
        note = node.pending.pop()
        if note is not None:
            yield from tolerate_errors(note[1]())


def tolerate_errors(procedure: Procedure[Any]) -> Procedure[Any]:
    """A procedure that fails does not end what it is part of: the next turn tries again."""
    try:
        result = yield from procedure
    except ChordError:
        return None
    return result
