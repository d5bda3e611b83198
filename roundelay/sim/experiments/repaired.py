"""Failures a few at a time, with the ring and the copies made whole in between."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable

from roundelay.chord import protocol
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import NodeRef
from roundelay.sim.ideal_ring import IdealRing
from roundelay.sim.instant_network import InstantNetwork


def lost_with_repair(full: IdealRing, fractions: tuple[float, ...], rng: random.Random) -> dict[float, float]:
    """The fraction of arcs without any copy when so many nodes have failed, `replicas` - 1 at a time."""
    copies = _Copies(full)
    batch = full.ring.replicas - 1
    doomed = rng.sample(full.refs, round(max(fractions) * len(full)))
    lost: dict[float, float] = {}
    for start in range(0, len(doomed), batch):
        lost |= {p: copies.lost / len(full) for p in fractions if start <= round(p * len(full)) < start + batch}
        copies.fail(doomed[start : start + batch])
    return lost | {max(fractions): copies.lost / len(full)}


class _Copies:
    """Who holds which arc, while nodes fail and the survivors repair."""

    def __init__(self, full: IdealRing) -> None:
        self._living = IdealRing(full.ring, full.refs)
        self._direct = InstantNetwork(full.nodes())
        self._holders: dict[int, set[NodeRef]] = {}
        self._held: dict[NodeRef, set[int]] = defaultdict(set)
        self.lost = 0
        for ref in full.refs:
            self._place(ref.id, [ref, *full.successors(ref)])

    def fail(self, dead: Iterable[NodeRef]) -> None:
        """They die together; then their neighbours stabilise, and each arc they held gets its copies again."""
        arcs: set[int] = set()
        for ref in dead:
            self._direct.remove(ref)
            self._living.remove(ref)
            for arc in self._held.pop(ref):
                self._holders[arc].discard(ref)
                arcs.add(arc)
        for ref in dead:
            self._stabilise_before(ref)
        for arc in sorted(arcs):
            self._repair(arc)

    def _stabilise_before(self, dead: NodeRef) -> None:
        """All whose lists may name it, the nearest first: each takes over the list of the one after it."""
        here = self._living.place(dead)
        for i in range(1, self._living.ring.successors + 1):
            node = self._direct.nodes[self._living.after(here - i)]
            self._direct.attempt(protocol.stabilize(node))
            self._direct.settle()

    def _repair(self, arc: int) -> None:
        """A surviving holder looks the arc up and sends it to who should have it."""
        if not self._holders[arc]:
            self.lost += 1
            return
        sender = min(self._holders[arc], key=lambda ref: ref.id)
        self._place(arc, self._direct.run(find_successor(sender, arc)).nodes)

    def _place(self, arc: int, nodes: Iterable[NodeRef]) -> None:
        holders = set(list(nodes)[: self._living.ring.replicas])
        for ref in self._holders.get(arc, set()) - holders:
            self._held[ref].discard(arc)
        self._holders[arc] = holders
        for ref in holders:
            self._held[ref].add(arc)
