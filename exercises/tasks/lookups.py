"""Exercise 2: closest_preceding_node, which makes lookups short."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType

from exercises.students import function
from exercises.violation import Violation, require
from roundelay.chord.errors import LookupFailed
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Candidate, Hop
from roundelay.chord.ring import Ring, between, between_right_closed
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.instant_network import InstantNetwork

TITLE = "Finger tables and lookups"
FUNCTIONS = ("closest_preceding_node",)
SEEDS = 100
LOOKUPS = 10


def check(module: ModuleType, seed: int) -> None:
    """Run lookups on a ring whose nodes choose the next hop by the student's function. Raises Violation."""
    rng = random.Random(f"exercise 2 {seed}")
    ring = Ring(rng.choice((4, 8, 160)), 4, 1)
    true = random_ring(ring, rng.randint(2, 12), rng)
    choose = function(module, "closest_preceding_node")
    network = InstantNetwork(_Student.of(true, member, choose) for member in range(len(true)))
    for _ in range(LOOKUPS):
        key, start = rng.randrange(ring.size), rng.choice(true.refs)
        try:
            route = network.run(find_successor(start, key))
        except LookupFailed as error:
            raise Violation("Lookup", f"from {start.id} to key {key}, nodes {true.identifiers}: {error}") from error
        owner = true.owner(key)
        require(route.owner == owner, "Owner", f"key {key} belongs to {owner.id}, not to {route.owner.id}")
        hops = len(route.steps) - 1
        require(hops <= ring.bits, "ShortPath", f"the lookup of {key} took {hops} hops, at most {ring.bits} are needed")


class _Student(ChordNode):
    """A node of a stabilized ring that asks the student's function for the next hop."""

    choose: Callable[..., int]

    @classmethod
    def of(cls, true: IdealRing, place: int, choose: Callable[..., int]) -> _Student:
        like = true.node(true.after(place))
        made = cls(like.ref, like.ring)
        made.joined, made.predecessor = True, like.predecessor
        made.set_successors(like.successors[0], like.successors[1:])
        made.set_fingers(like.fingers)
        made.choose = choose
        return made

    def next_hop(self, key: int, failed: frozenset[NodeRef]) -> Hop:
        if between_right_closed(self.ref.id, key, self.successor.id):
            return super().next_hop(key, failed)
        return Hop(found=False, candidates=(self._closest_preceding_node(key),))

    def _closest_preceding_node(self, key: int) -> Candidate:
        me, size = self.ref.id, self.ring.size
        known = {node.id: node for node in (*self.successors, *self.fingers) if node != self.ref}
        chosen = self.choose(me, key, sorted(known), size)
        case = f"node {me}, key {key}, known {sorted(known)}"
        require(chosen in known, "KnownNode", f"{case}: {chosen} is none of the nodes that are known")
        require(between(me, chosen, key), "Progress", f"{case}: {chosen} does not lie between the node and the key")
        better = [other for other in known if between(chosen, other, key)]
        require(not better, "Closest", f"{case}: {better[:1]} is closer to the key than {chosen}")
        return Candidate(known[chosen])
