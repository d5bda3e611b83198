"""Failures a few at a time, with stabilization and re-replication in between."""

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
    """Return the fraction of arcs without a copy after each fraction of nodes failed, `replicas` - 1 at a time."""
    copies = _Copies(full)
    batch = full.ring.replicas - 1
    doomed = rng.sample(full.refs, round(max(fractions) * len(full)))
    lost: dict[float, float] = {}
    for start in range(0, len(doomed), batch):
        lost |= {p: copies.lost / len(full) for p in fractions if start <= round(p * len(full)) < start + batch}
        copies.fail(doomed[start : start + batch])
    return lost | {max(fractions): copies.lost / len(full)}


class _Copies:
    """The holders of each arc, while nodes fail and the survivors repair."""

    def __init__(self, full: IdealRing) -> None:
        self._living = IdealRing(full.ring, full.refs)
        self._direct = InstantNetwork(full.nodes())
        self._holders: dict[int, set[NodeRef]] = {}
        self._held: dict[NodeRef, set[int]] = defaultdict(set)
        self.lost = 0
        for ref in full.refs:
            self._place(ref.id, [ref, *full.successors(ref)])

    def fail(self, dead: Iterable[NodeRef]) -> None:
        """Fail nodes together; then their neighbours stabilize and the copies of each of their arcs are restored."""
        arcs: set[int] = set()
        for ref in dead:
            self._direct.remove(ref)
            self._living.remove(ref)
            for arc in self._held.pop(ref):
                self._holders[arc].discard(ref)
                arcs.add(arc)
        for ref in dead:
            self._stabilize_before(ref)
        for arc in sorted(arcs):
            self._repair(arc)

    def _stabilize_before(self, dead: NodeRef) -> None:
        """Stabilize all nodes whose lists may name it, the nearest first: each adopts the list of the one after it."""
        here = self._living.place(dead)
        for i in range(1, self._living.ring.successors + 1):
            node = self._direct.nodes[self._living.after(here - i)]
            self._direct.attempt(protocol.stabilize(node))
            self._direct.settle()

    def _repair(self, arc: int) -> None:
        """Let a surviving holder look up the arc and copy it to the nodes responsible for it."""
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
