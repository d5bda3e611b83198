"""A ring that nodes join and leave all the time, while others look keys up: one run of it.

Time is virtual; each procedure takes none of it, which is short beside the 30 s between two
stabilisations. Nodes join and stabilise by the core's procedures and answer by its handlers.
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

STABILISE_S = (15.0, 45.0)  # uniform: 30 s on average

Refresh = Callable[
    [InstantNetwork, ChordNode], Procedure[bool] | None
]  # of fingers, at each stabilise; None: not needed


@dataclass(frozen=True)
class Weather:
    """What happens how often."""

    nodes: int
    rate: float  # joins a second, and as many departures
    seconds: float
    polite: bool  # departures are announced to the neighbours


class ComingAndGoing:
    """`looked_up` is called once a second on average, with a random member and a random key."""

    def __init__(self, ring: Ring, weather: Weather, refresh: Refresh, rng: random.Random) -> None:
        self.ring, self.weather = ring, weather
        self.true = random_ring(ring, weather.nodes, rng)
        self.direct = InstantNetwork(self.true.nodes())
        self.looked_up: Callable[[NodeRef, int], None] = lambda start, key: None
        self.clock = Clock()
        self.skips_idle = True  # leave out the stabilisations that would change nothing
        self._rng = rng
        self._refresh = refresh
        self._born = weather.nodes

    def run(self) -> None:
        for ref in self.true.refs:
            self.clock.after(self._rng.uniform(0.0, STABILISE_S[1]), partial(self._stabilise, ref))
        self._every(1.0, self._look_up)
        self._every(self.weather.rate, self._join)
        self._every(self.weather.rate, self._depart)
        self.clock.run(self.weather.seconds)

    # --- what happens

    def _every(self, rate: float, event: Callable[[], None]) -> None:
        """A Poisson process."""

        def happen() -> None:
            event()
            self.clock.after(self._rng.expovariate(rate), happen)

        self.clock.after(self._rng.expovariate(rate), happen)

    def _look_up(self) -> None:
        self.looked_up(self._rng.choice(self.true.refs), self._rng.getrandbits(self.ring.bits))

    def _stabilise(self, ref: NodeRef) -> None:
        node = self.direct.nodes.get(ref)
        if node is None:
            return
        if not self.skips_idle or not is_stable(self.direct, node):
            self.direct.attempt(protocol.stabilize(node))
        refresh = self._refresh(self.direct, node)
        if refresh is not None:
            self.direct.attempt(refresh)
        self.direct.settle()
        self.clock.after(self._rng.uniform(*STABILISE_S), partial(self._stabilise, ref))

    def _join(self) -> None:
        """Through a random member; the newcomer's first stabilise follows at once, and all its fingers."""
        node = ChordNode(NodeRef(self._free_identifier(), f"n{self._born}", PORT), self.ring)
        self._born += 1
        try:
            self.direct.run(protocol.join(node, self._rng.choice(self.true.refs)))
        except ChordError:
            return  # as a real one would: it is not there, and may come again
        self.direct.add(node)
        self.true.add(node.ref)
        self.direct.attempt(protocol.stabilize(node))
        self.direct.attempt(protocol.fix_fingers(node))
        self.direct.settle()
        self.clock.after(self._rng.uniform(*STABILISE_S), partial(self._stabilise, node.ref))

    def _depart(self) -> None:
        ref = self._rng.choice(self.true.refs)
        self.true.remove(ref)
        node = self.direct.remove(ref)
        if self.weather.polite:
            self.direct.run(protocol.leave(node))
            self.direct.settle()

    def _free_identifier(self) -> int:
        taken = set(self.true.identifiers)
        while (identifier := self._rng.getrandbits(self.ring.bits)) in taken:
            pass
        return identifier


def is_stable(direct: InstantNetwork, node: ChordNode) -> bool:
    """Would stabilising find what is known already? (Most do, and to see that is cheaper than to do it.)"""
    head = direct.nodes.get(node.successor)
    return (
        head is not None
        and head.predecessor == node.ref
        and head.ref != node.ref
        and node.ref not in head.successors
        and node.successors[1:] == head.successors[:-1]
    )


def all_fingers(direct: InstantNetwork, node: ChordNode) -> Procedure[bool] | None:
    """All of them each time, as in 2001; left out where every finger's node would only confirm it.

    It would, when it owns the finger's start by its own account.
    """
    before = None
    for i, finger in enumerate(node.fingers):
        if finger is before:
            continue
        before, known = finger, direct.nodes.get(finger)
        start = node.ring.finger_start(node.ref.id, i)
        if known is None or not between_right_closed(known.predecessor.id, start, finger.id):
            return protocol.fix_fingers(node)
    return None
