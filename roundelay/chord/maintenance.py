"""Periodic maintenance: the endless procedures of a member, the same in a process and in the simulator.

Intervals are jittered, so that nodes do not act in step; the random generator is a parameter. A loop ends when its
runner closes it.

Only the successor is checked every second, because a ring without it is not one. What else is checked grows rarer, up
to a bound, while a ring does not change: on a calm ring of many nodes most of the traffic would be such checks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import TypeVar

from roundelay.chord import protocol
from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.chord.effects import Procedure, Sleep, SleepUntil, ask
from roundelay.chord.errors import ChordError, JoinRefused, NotAllowed
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import UNCONTAINED, Quarantine
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Heartbeat, Nudge, SayHello

R = TypeVar("R")

BACKOFF = 1.5  # of an interval, after each turn that has found nothing to do
FINGERS_INTERVAL_MIN_S = 0.5  # while they change
FINGERS_INTERVAL_MAX_S = 15.0  # while they do not
HEARTBEATS_PER_LEASE = 3
MERGE_HEARTBEATS_MIN = 3  # between two looks through a member that the supernode names, after a change or a failure
MERGE_HEARTBEATS_MAX = 24  # while there is one ring
MERGE_PROBE_INTERVAL_S = 3.0  # while a peer is dead, or rings merge
MERGE_PROBE_TURNS_MAX = 8  # of these intervals between two probes, while there is one ring
PENDING_AT_ONCE = 4  # tasks between two stabilizations


def stabilize_loop(
    node: ChordNode, rng: random.Random, every_s: float = STABILIZE_INTERVAL_S, quarantine: Quarantine = UNCONTAINED
) -> Procedure[None]:
    """Run the pending tasks and stabilize, every `every_s` seconds and whenever the node is nudged."""
    while True:
        yield from run_pending(node, quarantine)
        node.nudged = False
        if (yield from tolerate_errors(protocol.stabilize(node))) and node.predecessor != node.ref:
            yield from tolerate_errors(ask(node.predecessor, Nudge()))  # its list copies ours, which has changed
        yield SleepUntil(lambda: node.nudged or len(node.pending) > 0, every_s * rng.uniform(0.75, 1.25))


def fix_fingers_loop(node: ChordNode, rng: random.Random, pause_s: float = FINGERS_INTERVAL_MIN_S) -> Procedure[None]:
    """Refresh the finger table, with a backoff while it does not change, and at once when the successors change.

    pause_s: the first interval.
    """
    while True:
        seen = node.successors
        changed = yield from tolerate_errors(protocol.fix_fingers(node))
        pause_s = FINGERS_INTERVAL_MIN_S if changed else min(pause_s * BACKOFF, FINGERS_INTERVAL_MAX_S)
        yield SleepUntil(partial(_has_other_successors, node, seen), pause_s * rng.uniform(0.75, 1.25))


def _has_other_successors(node: ChordNode, seen: tuple[NodeRef, ...]) -> bool:
    return node.successors != seen


def heartbeat_loop(node: ChordNode, supernode: Callable[[], Address]) -> Procedure[None]:
    """Renew the lease at the supernode; now and then, check that the other members are in the same ring.

    supernode: returns its present address. Raises JoinRefused if the supernode knows a later incarnation, which answers
    at this node's address; somebody else's claim does not end a node, nor one that is too busy to answer itself.
    """
    turns = _Turns(MERGE_HEARTBEATS_MIN, MERGE_HEARTBEATS_MAX)
    pause_s = 1.0
    while True:
        try:
            lease = yield from ask(supernode(), Heartbeat(node.ref))
            pause_s = lease.seconds / HEARTBEATS_PER_LEASE
            if turns.are_over() and lease.other is not None:
                changed = yield from tolerate_errors(protocol.merge_with(node, lease.other))
                turns.begin(changed is not False)  # None: that member has a lease, but did not answer here
        except JoinRefused:
            if (yield from _is_replaced(node)):
                raise
        except NotAllowed as error:  # as it does when this node's certificate is revoked
            raise JoinRefused(str(error)) from error
        except ChordError:  # no lookup needs the supernode: the ring works without it
            turns.begin(True)  # but it may have been cut off from this node together with other members
        yield Sleep(pause_s)


def _is_replaced(node: ChordNode) -> Procedure[bool]:
    """Return whether another process answers at this node's address."""
    hello = yield from tolerate_errors(ask(node.ref.address, SayHello()))
    return hello is not None and hello.node != node.ref


def merge_rings_loop(node: ChordNode, listed: Callable[[], Sequence[Address]], rng: random.Random) -> Procedure[None]:
    """Look for another part of the ring, which a partition has split off, and merge with it; needs no supernode.

    Alternately probe a random peer that was marked dead and a random address of the node list that is not a
    neighbour.
    """
    turns = _Turns(1, MERGE_PROBE_TURNS_MAX)
    for turn in count():
        yield Sleep(MERGE_PROBE_INTERVAL_S * rng.uniform(0.75, 1.25))
        known = {peer.address for peer in (node.ref, node.predecessor, *node.successors)}
        dead = [peer.address for peer in node.failure_detector.dead if not peer.is_vacant]
        if not (turns.are_over() or dead):
            continue
        sources = [source for source in (dead, [a for a in listed() if a not in known]) if source]
        changed: bool | None = False
        if sources:
            changed = yield from tolerate_errors(_merge_through(node, rng.choice(sources[turn % len(sources)])))
        turns.begin(bool(dead or changed))


def _merge_through(node: ChordNode, address: Address) -> Procedure[bool]:
    """Merge with the node at an address if it is a member of a ring with our parameters. Raises ChordError.

    Return True if anything changed.
    """
    hello = yield from ask(address, SayHello())
    if hello.joined and hello.ring == node.ring and hello.node != node.ref:
        return (yield from protocol.merge_with(node, hello.node))
    return False


class _Turns:
    """Counts the turns of a loop between two checks: `least` at first, and twice as many after each one in vain."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self._every = self._left = least

    def are_over(self) -> bool:
        """Count a turn. Return whether a check is due."""
        self._left -= 1
        return self._left <= 0

    def begin(self, again_soon: bool) -> None:
        """Begin to count anew, after a check or a disturbance."""
        self._every = self._least if again_soon else min(2 * self._every, self._most)
        self._left = self._every


def run_pending(node: ChordNode, quarantine: Quarantine) -> Procedure[None]:
    """Run the tasks that are pending now, a few of many; the others wait for the next call.

    Each may wait for nodes that do not answer, and the ring is not stabilized meanwhile.
    """
    for _ in range(min(len(node.pending), PENDING_AT_ONCE)):
        name, start = node.pending.pop() or ("", None)
        if start is None or name in quarantine:
            continue
        try:
            yield from tolerate_errors(start())
        except Exception as error:
            quarantine.add(name, error)


def tolerate_errors(procedure: Procedure[R]) -> Procedure[R | None]:
    """Return a procedure's result, or None if it fails with a ChordError: the loop's next turn tries again."""
    try:
        return (yield from procedure)
    except ChordError:
        return None
