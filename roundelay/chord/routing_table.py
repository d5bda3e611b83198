"""Routing table: what a node knows of the ring, ordered by distance, and the next hops that follow from it.

A table is built when a lookup first needs it after the successors or fingers have changed. A node gives few different
answers as long as they do not: they are kept, which makes a hop on an instant network a fifth cheaper.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter

from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Candidate, Hop
from roundelay.chord.ring import Ring

CANDIDATES_MAX = 3  # next hops in an answer: one to ask, two to fall back on


class RoutingTable:
    """The successors and fingers of one node; one successor at least is not a placeholder."""

    def __init__(self, ring: Ring, me: NodeRef, successors: Iterable[NodeRef], fingers: Iterable[NodeRef]) -> None:
        self._me, self._size = me.id, ring.size
        finger_of: dict[NodeRef, int | None] = dict.fromkeys([node for node in successors if node.host])
        self._found = Hop(found=True, nodes=tuple(finger_of))
        self._reach = self._distance(self._found.nodes[0].id)
        finger_of.update(zip(fingers, range(ring.bits), strict=True))  # a node that is many fingers: the last of them
        finger_of.pop(me, None)
        known = [(self._distance(node.id), node, finger) for node, finger in finger_of.items() if node.host]
        self._known = sorted(known, key=itemgetter(0))
        self._distances = [distance for distance, _, _ in self._known]
        self._hops: list[Hop | None] = [None] * (len(known) + 1)  # by the number of known nodes before the key

    def next_hop(self, key: int) -> Hop:
        """Return the owner and its successors, if the owner is our successor, and otherwise whom to ask next."""
        distance = self._distance(key)
        if distance <= self._reach:
            return self._found
        before = bisect_left(self._distances, distance)
        return self._hops[before] or self._cache_hop(before)

    def preceding(self, key: int) -> Iterator[Candidate]:
        """Return all known nodes before a key, the nearest to the key first."""
        before = bisect_left(self._distances, self._distance(key))
        return (Candidate(node, finger) for _, node, finger in reversed(self._known[:before]))

    # --- helpers

    def _distance(self, identifier: int) -> int:
        """Return the clockwise distance to an identifier; our own is once round the ring away."""
        return (identifier - self._me) % self._size or self._size

    def _cache_hop(self, before: int) -> Hop:
        nearest = reversed(self._known[max(0, before - CANDIDATES_MAX) : before])
        hop = Hop(found=False, candidates=tuple([Candidate(node, finger) for _, node, finger in nearest]))
        self._hops[before] = hop
        return hop
