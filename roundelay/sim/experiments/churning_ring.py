"""A ring that nodes join and leave all the time, while others look up keys.

Time is virtual, and procedures take none of it: compared with the 30 s between two stabilizations they are short.
Nodes use the procedures and handlers of chord/.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from roundelay.chord import protocol
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.sim.clock import Clock
from roundelay.sim.ideal_ring import PORT, random_ring
from roundelay.sim.instant_network import InstantNetwork

STABILIZE_S = (15.0, 45.0)  # uniform: 30 s on average

Refresh = Callable[
    [InstantNetwork, ChordNode], Procedure[bool] | None
]  # of fingers, after each stabilization; None: not needed


@dataclass(frozen=True)
class Churn:
    """The rates of events."""

    nodes: int
    rate: float  # joins a second, and as many departures
    seconds: float
    announced: bool  # departures are announced to the neighbours
    lookups: float = 1.0  # a second


class ChurningRing:
    """One run; `on_lookup` is called for each lookup, with a random member and a random key."""

    def __init__(self, ring: Ring, churn: Churn, refresh: Refresh, rng: random.Random) -> None:
        self.ring, self.churn = ring, churn
        self.true = random_ring(ring, churn.nodes, rng)
        self.direct = InstantNetwork(self.true.nodes())
        self.on_lookup: Callable[[NodeRef, int], None] = lambda start, key: None
        self.clock = Clock()
        self.skips_idle = True  # omit stabilizations that would change nothing
        self._rng = rng
        self._refresh = refresh
        self._started = churn.nodes

    def run(self) -> None:
        for ref in self.true.refs:
            self.clock.after(self._rng.uniform(0.0, STABILIZE_S[1]), partial(self._stabilize, ref))
        self._every(self.churn.lookups, self._look_up)
        self._every(self.churn.rate, self._join)
        self._every(self.churn.rate, self._depart)
        self.clock.run(self.churn.seconds)

    # --- what happens

    def _every(self, rate: float, event: Callable[[], None]) -> None:
        """Schedule an event as a Poisson process."""

        def happen() -> None:
            event()
            self.clock.after(self._rng.expovariate(rate), happen)

        self.clock.after(self._rng.expovariate(rate), happen)

    def _look_up(self) -> None:
        self.on_lookup(self._rng.choice(self.true.refs), self._rng.getrandbits(self.ring.bits))

    def _stabilize(self, ref: NodeRef) -> None:
        node = self.direct.nodes.get(ref)
        if node is None:
            return
        if not self.skips_idle or not is_stable(self.direct, node):
            self.direct.attempt(protocol.stabilize(node))
        refresh = self._refresh(self.direct, node)
        if refresh is not None:
            self.direct.attempt(refresh)
        self.direct.settle()
        self.clock.after(self._rng.uniform(*STABILIZE_S), partial(self._stabilize, ref))

    def _join(self) -> None:
        """Join through a random member; then stabilize and find all fingers at once."""
        node = ChordNode(NodeRef(self._free_identifier(), f"n{self._started}", PORT), self.ring)
        self._started += 1
        try:
            self.direct.run(protocol.join(node, self._rng.choice(self.true.refs)))
        except ChordError:
            return  # as a real node would: it has not joined, and may try again
        self.direct.add(node)
        self.true.add(node.ref)
        self.direct.attempt(protocol.stabilize(node))
        self.direct.attempt(protocol.fix_fingers(node))
        self.direct.settle()
        self.clock.after(self._rng.uniform(*STABILIZE_S), partial(self._stabilize, node.ref))

    def _depart(self) -> None:
        ref = self._rng.choice(self.true.refs)
        self.true.remove(ref)
        node = self.direct.remove(ref)
        if self.churn.announced:
            self.direct.run(protocol.leave(node))
            self.direct.settle()

    def _free_identifier(self) -> int:
        taken = set(self.true.identifiers)
        while (identifier := self._rng.getrandbits(self.ring.bits)) in taken:
            pass
        return identifier


def is_stable(direct: InstantNetwork, node: ChordNode) -> bool:
    """Return True if stabilizing would change nothing, which is usual and cheaper to see than to do.

    In a small ring, whose lists come round to the node itself, it never is.
    """
    head = direct.nodes.get(node.successor)
    return (
        head is not None
        and head.predecessor == node.ref
        and node.successors[1:] == head.successors[:-1]
        and node.ref not in (node.successors[-1], head.successors[-1])
    )


def all_fingers(direct: InstantNetwork, node: ChordNode) -> Procedure[bool] | None:
    """Refresh all fingers each time, as in 2001; return None if every finger already owns its start."""
    before = None
    for i, finger in enumerate(node.fingers):
        if finger is before:
            continue
        before, known = finger, direct.nodes.get(finger)
        start = node.ring.finger_start(node.ref.id, i)
        if known is None or not between_right_closed(known.predecessor.id, start, finger.id):
            return protocol.fix_fingers(node)
    return None
