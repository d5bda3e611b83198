"""A routing table gives the answers of the paper's closest_preceding_node, and is built anew after a change."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from roundelay.chord.errors import NotYet
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import Candidate, Hop
from roundelay.chord.ring import Ring, between, between_right_closed
from roundelay.chord.routing_table import CANDIDATES_MAX
from roundelay.sim.ideal_ring import random_ring

RING = Ring(bits=6, successors=3, replicas=1)
NOBODY: frozenset[NodeRef] = frozenset()


def expected(node: ChordNode, key: int) -> Hop:
    """Return the answer by the definition of figure 4."""
    if between_right_closed(node.ref.id, key, node.successor.id):
        return Hop(found=True, nodes=tuple(dict.fromkeys(node.successors)))
    finger_of = {node: i for i, node in enumerate(node.fingers)}
    known = {n for n in (*node.successors, *node.fingers) if between(node.ref.id, n.id, key)}
    nearest = sorted(known, key=lambda n: RING.distance(n.id, key))[:CANDIDATES_MAX]
    return Hop(found=False, candidates=tuple(Candidate(n, finger_of.get(n)) for n in nearest))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_every_answer_is_that_of_the_paper(count: int) -> None:
    for node in random_ring(RING, count, random.Random(count)).nodes():
        for key in range(RING.size):
            assert node.next_hop(key, NOBODY) == expected(node, key)
            assert node.next_hop(key, NOBODY) is node.next_hop(key, NOBODY)


def test_an_answer_changes_with_the_successors_and_with_the_fingers() -> None:
    true = random_ring(RING, 5, random.Random(1))
    node, joiner = true.node(true.refs[0]), NodeRef((true.refs[0].id + 1) % RING.size, "joiner", 1)
    key = true.refs[-1].id
    before = node.next_hop(key, NOBODY)

    node.set_fingers((joiner,) * RING.bits)
    assert node.next_hop(key, NOBODY) == expected(node, key) != before
    node.set_successors(joiner, node.successors)
    assert node.next_hop(joiner.id, NOBODY).nodes[0] == joiner


def test_an_answer_names_the_relays_that_a_node_has_now() -> None:
    true = random_ring(RING, 2, random.Random(1))
    node, relay = true.node(true.refs[0]), NodeRef(7, "relay", 1)
    node.next_hop(true.refs[1].id, NOBODY)
    moved = replace(true.refs[1], relays=(relay,))

    assert not node.set_successors(moved, node.successors[1:]), "the node is the same"
    assert node.next_hop(moved.id, NOBODY).nodes[0].relays == (relay,)


def test_a_node_whose_successors_are_all_placeholders_does_not_answer() -> None:
    node = random_ring(RING, 2, random.Random(1)).nodes()[0]
    node.set_successors(
        vacant((node.ref.id + 1) % RING.size), tuple(vacant((node.ref.id + i) % RING.size) for i in (2, 3))
    )

    with pytest.raises(NotYet):
        node.next_hop(0, NOBODY)
