"""The instant network, and ideal rings."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from roundelay.chord import protocol
from roundelay.chord.errors import LookupFailed, NodeUnreachable
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.churning_ring import Churn, ChurningRing, all_fingers
from roundelay.sim.experiments.walks import hops, mean, percentile, reach
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.instant_network import InstantNetwork

RING = Ring(bits=16, successors=4, replicas=3)


def _refs(*identifiers: int) -> list[NodeRef]:
    return [NodeRef(i, f"n{i}", 5000) for i in identifiers]


def test_the_papers_finger_table_of_node_8() -> None:
    ring = Ring(bits=6, successors=1, replicas=1)
    true = IdealRing(ring, _refs(1, 8, 14, 21, 32, 38, 42, 48, 51, 56))

    assert [f.id for f in true.fingers(true.refs[1])] == [14, 14, 14, 21, 32, 42]  # Figure 4


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_true_fingers_are_the_owners_of_their_starts(count: int) -> None:
    true = random_ring(RING, count, random.Random(count))

    for ref in true.refs:
        assert true.fingers(ref) == tuple(true.owner(RING.finger_start(ref.id, i)) for i in range(RING.bits))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 40])
def test_an_ideal_ring_has_nothing_to_stabilize(count: int) -> None:
    direct = InstantNetwork(random_ring(RING, count, random.Random(count)).nodes())

    for node in direct.nodes.values():
        assert not direct.run(protocol.stabilize(node))
        assert not direct.run(protocol.fix_fingers(node))


def test_members_can_be_added_and_removed() -> None:
    true = IdealRing(RING, _refs(10, 20, 30))
    true.add(*_refs(25))
    true.remove(*_refs(20))

    assert [ref.id for ref in true.refs] == [10, 25, 30]
    assert true.owner(11).id == 25
    assert true.owner(31).id == 10


def test_a_removed_node_does_not_answer() -> None:
    true = random_ring(RING, 10, random.Random(1))
    direct = InstantNetwork(true.nodes())
    direct.remove(true.refs[3])

    with pytest.raises(LookupFailed):
        direct.run(find_successor(true.refs[3], 0))


def test_a_lookup_that_is_not_patient_ends_at_the_first_dead_node() -> None:
    true = random_ring(RING, 64, random.Random(1))
    direct = InstantNetwork(true.nodes())
    start, dead = true.refs[0], true.refs[40]
    key = dead.id + 1
    direct.remove(dead)

    assert direct.run(find_successor(start, key)).owner == true.refs[41]
    with pytest.raises(NodeUnreachable):
        direct.run(find_successor(start, key), patient=False)


def test_settling_makes_room_for_a_newcomer() -> None:
    true = random_ring(RING, 10, random.Random(1))
    direct = InstantNetwork(true.nodes())
    before, after = true.refs[4], true.refs[5]
    node = ChordNode(NodeRef((before.id + after.id) // 2, "new", 5000), RING)

    direct.run(protocol.join(node, true.refs[0]))
    direct.add(node)
    direct.run(protocol.stabilize(node))
    direct.settle()

    assert direct.nodes[after].predecessor == node.ref
    assert direct.nodes[before].successor == node.ref


def test_reach_skips_dead_nodes_that_a_list_still_names() -> None:
    true = random_ring(RING, 20, random.Random(2))
    direct = InstantNetwork(true.nodes())
    owner = true.refs[7]
    direct.remove(owner)

    reached = direct.run(reach(true.refs[0], owner.id))

    assert reached.node == true.refs[8]
    assert reached.silent == (owner,)
    assert reached.timeouts == 1
    assert hops(reached.route) == len(reached.route.steps) - 1


def test_mean_and_percentile_of_counts() -> None:
    counts = Counter({0: 1, 1: 50, 2: 48, 9: 1})

    assert mean(counts) == pytest.approx(1.55)
    assert [percentile(counts, q) for q in (1, 50, 99, 100)] == [0, 1, 2, 9]


def test_omitting_idle_stabilizations_changes_nothing() -> None:
    def lookups(skips_idle: bool) -> tuple[list[object], list[tuple[NodeRef, ...]]]:
        refresh = all_fingers if skips_idle else lambda _, node: protocol.fix_fingers(node)
        ring = ChurningRing(Ring(24, 4, 1), Churn(60, 0.1, 400.0, announced=False), refresh, random.Random(4))
        ring.skips_idle = skips_idle
        found: list[object] = []
        ring.on_lookup = lambda start, key: found.append(ring.direct.run(reach(start, key)))
        ring.run()
        return found, [node.fingers + node.successors for node in ring.direct.nodes.values()]

    assert lookups(True) == lookups(False)
