"""The ring as it would be after stabilization: the sorted members, and what each would know.

An oracle for checks, and a way to build large rings without joins.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Iterable

from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring

PORT = 5000


class IdealRing:
    """Members in the order of their identifiers."""

    def __init__(self, ring: Ring, refs: Iterable[NodeRef]) -> None:
        self.ring = ring
        self.refs = sorted(refs, key=_identifier)
        self.identifiers = [ref.id for ref in self.refs]

    def __len__(self) -> int:
        return len(self.refs)

    def add(self, ref: NodeRef) -> None:
        insort(self.refs, ref, key=_identifier)
        insort(self.identifiers, ref.id)

    def remove(self, ref: NodeRef) -> None:
        place = bisect_left(self.identifiers, ref.id)
        assert self.refs[place] == ref
        del self.refs[place], self.identifiers[place]

    def owner(self, key: int) -> NodeRef:
        """Return a key's successor: the first member at or after it."""
        return self.after(bisect_left(self.identifiers, key))

    def after(self, place: int) -> NodeRef:
        """Return the member at a place, counted round the ring."""
        return self.refs[place % len(self.refs)]

    def place(self, ref: NodeRef) -> int:
        return bisect_left(self.identifiers, ref.id)

    def successors(self, ref: NodeRef) -> tuple[NodeRef, ...]:
        """Return a member's successor list; in a small ring it ends in the node itself, repeated."""
        here, reach = self.place(ref), min(self.ring.successors, len(self) - 1)
        following = tuple(self.after(here + i) for i in range(1, reach + 1))
        return following + (ref,) * (self.ring.successors - reach)

    def fingers(self, ref: NodeRef) -> tuple[NodeRef, ...]:
        """Return a member's finger table. Paper, table 1."""
        ring = self.ring
        fingers: list[NodeRef] = []
        while len(fingers) < ring.bits:
            owner = self.owner(ring.finger_start(ref.id, len(fingers)))
            fingers += [owner] * (ring.fingers_up_to(ref.id, owner.id) - len(fingers))
        return tuple(fingers)

    def nodes(self) -> list[ChordNode]:
        """Return the members as nodes of a stabilized ring."""
        return [self.node(ref) for ref in self.refs]

    def node(self, ref: NodeRef) -> ChordNode:
        """Return a member with its ideal predecessor, successors and fingers."""
        node = ChordNode(ref, self.ring)
        node.joined = True
        node.predecessor = self.after(self.place(ref) - 1)
        head, *tail = self.successors(ref)
        node.set_successors(head, tuple(tail))
        node.set_fingers(self.fingers(ref))
        return node


def random_ring(ring: Ring, count: int, rng: random.Random) -> IdealRing:
    """Return a ring of `count` members with uniformly random identifiers, each on a host of its own."""
    identifiers: dict[int, None] = {}
    while len(identifiers) < count:
        identifiers[rng.getrandbits(ring.bits)] = None
    return IdealRing(ring, (NodeRef(i, f"n{place}", PORT) for place, i in enumerate(identifiers)))


def _identifier(ref: NodeRef) -> int:
    return ref.id
