"""Near fingers: each is the nearest of its interval's first nodes, lookups stay right, and trees have near edges."""

from __future__ import annotations

import random
from typing import Any

import pytest

from roundelay.chord import protocol
from roundelay.chord.choices import NEAR_FINGER_CANDIDATES
from roundelay.chord.effects import Ask, AskAll, RoundTripsTo, run
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.sim.ideal_ring import random_ring
from roundelay.sim.instant_network import InstantNetwork

RING = Ring(bits=16, successors=8, replicas=3)
SITES, NEAR_S, FAR_S = 4, 0.001, 0.1
COUNT = 64


def distance_s(one: NodeRef, other: NodeRef) -> float:
    return NEAR_S if one.id % SITES == other.id % SITES else FAR_S


class FarNetwork(InstantNetwork):
    """Nodes at four sites. A round trip is known once a node has been asked."""

    def __init__(self, nodes: list[ChordNode]) -> None:
        super().__init__(nodes)
        self.measured: dict[NodeRef, set[NodeRef]] = {}

    def run_at(self, node: ChordNode, procedure: Any) -> Any:
        known = self.measured.setdefault(node.ref, set())

        def perform(effect: Any) -> Any:
            if isinstance(effect, RoundTripsTo):
                return {peer: distance_s(node.ref, peer) for peer in effect.nodes if peer in known}
            asks = effect.asks if isinstance(effect, AskAll) else [effect] if isinstance(effect, Ask) else []
            known.update(ask.to for ask in asks if isinstance(ask.to, NodeRef))
            return self._perform(effect)

        return run(procedure, perform)


def ring_of(candidates: int) -> FarNetwork:
    nodes = random_ring(RING, COUNT, random.Random(5)).nodes()
    net = FarNetwork(nodes)
    for node in nodes:
        node.finger_candidates = candidates
    for node in nodes:
        net.run_at(node, protocol.fix_fingers(node))
    return net


@pytest.fixture(scope="module")
def far() -> FarNetwork:
    return ring_of(NEAR_FINGER_CANDIDATES)


def test_each_finger_is_the_nearest_of_the_first_nodes_of_its_interval(far: FarNetwork) -> None:
    for node in far.nodes.values():
        for number, finger in enumerate(node.fingers):
            start = RING.finger_start(node.ref.id, number)
            ordered = sorted(far.nodes, key=lambda peer: RING.distance(start, peer.id))
            inside = [peer for peer in ordered if RING.distance(start, peer.id) < 1 << number][:NEAR_FINGER_CANDIDATES]
            if inside:
                assert distance_s(node.ref, finger) == min(distance_s(node.ref, peer) for peer in inside)
                assert finger in inside
            else:
                assert finger == ordered[0], "an empty interval has its successor"


def test_lookups_find_every_owner(far: FarNetwork) -> None:
    rng = random.Random(7)
    for _ in range(200):
        key, start = rng.randrange(RING.size), rng.choice(list(far.nodes))
        owner = min(far.nodes, key=lambda peer: RING.distance(key, peer.id))

        assert far.run_at(far.nodes[start], find_successor(start, key)).owner == owner


def test_more_fingers_are_near_than_without(far: FarNetwork) -> None:
    def near_share(net: FarNetwork) -> float:
        pairs = [(n.ref, finger) for n in net.nodes.values() for finger in n.fingers if finger != n.ref]
        return sum(distance_s(*pair) == NEAR_S for pair in pairs) / len(pairs)

    assert near_share(far) > near_share(ring_of(1)) + 0.1


def test_a_second_refresh_changes_nothing(far: FarNetwork) -> None:
    node = next(iter(far.nodes.values()))

    assert not far.run_at(node, protocol.fix_fingers(node))
