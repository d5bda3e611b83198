"""The claims of Stoica, Morris, Karger, Kaashoek and Balakrishnan (SIGCOMM 2001), one test per claim.

The rings are small enough for every run; the simulator measures the curves in full. Where the protocol of the paper is
known to fail (theorems 4 and 5 with failures), only what holds of the corrected protocol is tested.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from math import log2
from statistics import mean

import pytest

from roundelay.chord import protocol
from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring, between_right_closed
from tests.chord.ring_actions import end_processes, perform, possible, walk
from tests.chord.ring_harness import World, owner
from tests.hypothesis_profiles import seeds


def ideal(identifiers: list[int], bits: int, successors: int = 1) -> World:
    world = World(Ring(bits=bits, successors=successors, replicas=1))
    world.place(identifiers, fingers=True)
    return world


def some_nodes(count: int, seed: int, bits: int = 32) -> list[int]:
    return sorted(random.Random(seed).sample(range(1 << bits), count))


def refs(world: World) -> list[NodeRef]:
    return [n.ref for n in world.members]


def find(world: World, start: NodeRef, key: int) -> Route:
    route = world.run(start, "lookup", find_successor(start, key))
    assert isinstance(route, Route)
    return route


def table(node: ChordNode) -> list[tuple[int, int]]:
    """Return the finger table as in the paper: start and node of each finger."""
    return [(node.ring.finger_start(node.ref.id, i), f.id) for i, f in enumerate(node.fingers)]


def settle(world: World) -> None:
    world.settle(8)
    for node in world.members:
        world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))


# --- section 4.2: consistent hashing


def test_figure_2_the_successors_of_three_keys() -> None:
    """Section 4.2, figure 2: with nodes 0, 1 and 3, key 1 is at node 1, key 2 at 3 and key 6 at 0."""
    world = ideal([0, 1, 3], bits=3)

    for start in refs(world):
        assert [find(world, start, key).owner.id for key in (1, 2, 6)] == [1, 3, 0]


@pytest.mark.parametrize("seed", seeds(9))
def test_theorem_1_no_node_is_responsible_for_much_more_than_its_share(seed: int) -> None:
    """Section 4.2, theorem 1: at most (1 + e) K/N keys a node, with e = O(log N)."""
    nodes, keys = 128, 4096
    world = ideal(some_nodes(nodes, seed), bits=32)
    rng = random.Random(seed)

    places = refs(world)
    held = Counter(owner(places, rng.randrange(1 << 32)) for _ in range(keys))
    assert max(held.values()) <= (1 + 2 * log2(nodes)) * keys / nodes


def test_theorem_1_a_join_moves_only_keys_to_the_joiner() -> None:
    """Section 4.2, theorem 1: and a leave only keys from the leaver."""
    world = ideal(some_nodes(32, 1), bits=32, successors=4)
    rng = random.Random(2)
    keys = [rng.randrange(1 << 32) for _ in range(300)]
    places = refs(world)
    before = {key: owner(places, key) for key in keys}
    joiner = world.start(max(places[i].id for i in range(16)) + (1 << 26))
    world.run(joiner.ref, "join", protocol.join(joiner, world.members[0].ref))
    settle(world)

    after = {key: find(world, world.members[7].ref, key).owner for key in keys}
    moved = {key for key in keys if after[key] != before[key]}
    assert {after[key] for key in moved} == {joiner.ref}
    assert all(between_right_closed(joiner.predecessor.id, key, joiner.ref.id) for key in moved)


# --- section 4.3: scalable key location


def test_figure_3_the_finger_tables_of_three_nodes() -> None:
    """Section 4.3, figure 3: m = 3, nodes 0, 1 and 3."""
    world = World(Ring(bits=3, successors=2, replicas=1))
    world.create(0)
    for identifier in (1, 3):
        node = world.start(identifier)
        world.run(node.ref, "join", protocol.join(node, world.members[0].ref))
    settle(world)

    assert [table(n) for n in world.members] == [
        [(1, 1), (2, 3), (4, 0)],
        [(2, 3), (3, 3), (5, 0)],
        [(4, 0), (5, 0), (7, 0)],
    ]


def test_the_example_of_section_4_3_node_3_finds_the_successor_of_1() -> None:
    """Section 4.3: node 3 asks node 0, its third finger, which answers node 1."""
    world = ideal([0, 1, 3], bits=3)

    route = find(world, refs(world)[2], 1)
    assert [(s.node.id, s.finger) for s in route.steps] == [(3, None), (0, 2)]
    assert route.owner.id == 1


def test_figure_4_each_step_at_least_halves_the_distance_to_the_predecessor() -> None:
    """Section 4.3, proof of theorem 2."""
    world = ideal(some_nodes(128, 3), bits=32)
    rng = random.Random(4)

    for _ in range(100):
        key = rng.randrange(1 << 32)
        route = find(world, rng.choice(refs(world)), key)
        left = [world.ring.distance(s.node.id, route.predecessor.id) for s in route.steps]
        assert all(further <= here / 2 for here, further in pairwise(left))


@pytest.mark.parametrize("k", [6, 7, 8])
def test_theorem_2_a_lookup_takes_about_half_log_n_steps(k: int) -> None:
    """Section 4.3, theorem 2, and section 6.3, figure 10: k/2 - 0.14 hops on average, counted as there."""
    hops = []
    rng = random.Random(k)
    for seed in range(4):
        world = ideal(some_nodes(1 << k, seed), bits=32)
        nodes = refs(world)
        for _ in range(250):
            hops.append(len(find(world, rng.choice(nodes), rng.randrange(1 << 32)).steps) - 1)

    assert mean(hops) == pytest.approx(k / 2 - 0.14, abs=0.25)
    assert max(hops) <= 2 * k


def test_a_node_knows_only_about_log_n_others() -> None:
    """Section 4.3: the fingers are m entries, but O(log N) different nodes."""
    world = ideal(some_nodes(256, 5), bits=32)

    assert mean(len(set(n.fingers)) for n in world.members) <= 8 + 2


# --- section 4.4: node joins


def test_figure_5_node_6_joins_and_node_3_leaves() -> None:
    """Section 4.4, figure 5: node 6 among 0, 1 and 3; then the tables that remain without 3."""
    world = ideal([0, 1, 3], bits=3, successors=2)
    node_6 = world.start(6)
    world.run(node_6.ref, "join", protocol.join(node_6, refs(world)[1]))
    settle(world)
    assert {n.ref.id: table(n) for n in world.members} == {
        0: [(1, 1), (2, 3), (4, 6)],
        1: [(2, 3), (3, 3), (5, 6)],
        3: [(4, 6), (5, 6), (7, 0)],
        6: [(7, 0), (0, 0), (2, 3)],
    }

    node_3 = world.members[2]
    world.run(node_3.ref, "leave", protocol.leave(node_3))
    world.crash(node_3.ref)
    settle(world)
    assert {n.ref.id: table(n) for n in world.members} == {
        0: [(1, 1), (2, 6), (4, 6)],
        1: [(2, 6), (3, 6), (5, 6)],
        6: [(7, 0), (0, 0), (2, 6)],
    }


def test_theorem_3_a_join_takes_few_messages() -> None:
    """Section 4.4, theorem 3: O(log^2 N) to join and to fill the finger table."""
    nodes = 256
    world = ideal(some_nodes(nodes, 6), bits=32, successors=8)
    joiner = world.start(777)
    before = world.asked

    world.run(joiner.ref, "join", protocol.join(joiner, refs(world)[100]))
    world.run(joiner.ref, "fix_fingers", protocol.fix_fingers(joiner))
    assert world.asked - before <= log2(nodes) ** 2


# --- section 5.1: stabilisation


@pytest.mark.parametrize("seed", seeds(30))
def test_theorem_4_lookups_that_succeeded_still_succeed_while_nodes_join(seed: int) -> None:
    """Section 5.1, theorem 4, for joins: a node that was found by its identifier stays found."""
    rng = random.Random(seed)
    world = World(Ring(bits=6, successors=2, replicas=1))
    world.place(rng.sample(range(64), 5), fingers=True)
    first = refs(world)

    for _ in range(150):
        verb = rng.choice(["join", *["stabilize"] * 3, *["step"] * 6, "work", "deliver", "lose", "fix_fingers"])
        if actions := possible(world, verb, nodes_max=20):
            perform(world, rng.choice(actions))
            end_processes(world)
        sought, start = rng.choice(first), rng.choice(world.members)
        assert find(world, start.ref, sought.id).owner == sought


@pytest.mark.parametrize("seed", seeds(30))
def test_theorem_5_after_the_last_join_all_successors_become_correct(seed: int) -> None:
    """Section 5.1, theorem 5; here with failures as well, which the paper's protocol did not survive."""
    rng = random.Random(seed)
    world = World(Ring(bits=5, successors=3, replicas=1))
    world.place(rng.sample(range(32), 5))
    for _ in walk(world, rng, 150):
        end_processes(world)

    assert world.settle(len(world.nodes) + 3) <= len(world.nodes) + 3


def test_theorem_6_doubling_the_ring_without_new_fingers_leaves_lookups_fast() -> None:
    """Section 5.1, theorem 6: N old nodes, N new ones with right successors only: still O(log N)."""
    n = 128
    rng = random.Random(8)
    old = set(rng.sample(range(1 << 32), n))
    world = ideal(sorted(old), bits=32, successors=4)
    tables = {node.ref.id: node.fingers for node in world.members}
    grown = World(world.ring)
    grown.place(old | set(rng.sample(range(1 << 32), n)))
    for node in grown.members:
        node.set_fingers(tables.get(node.ref.id, (node.successor,) * 32))
    nodes = refs(grown)

    hops = []
    for _ in range(300):
        key = rng.randrange(1 << 32)
        route = find(grown, rng.choice(nodes), key)
        assert route.owner == owner(nodes, key)
        hops.append(len(route.steps) - 1)
    assert mean(hops) <= log2(n)


# --- section 5.2: failures


@pytest.mark.parametrize("seed", seeds(9))
def test_theorems_7_and_8_half_of_all_nodes_fail_and_every_key_is_found(seed: int) -> None:
    """Section 5.2, theorems 7 and 8: lists of 2 log N entries, each node fails with probability 1/2.

    Nothing has been repaired: the closest living successor is the first living one that is named.
    """
    rng = random.Random(seed)
    n = 256
    world = ideal(some_nodes(n, seed), bits=32, successors=16)
    for ref in refs(world):
        if rng.random() < 0.5:
            world.crash(ref)
    living = refs(world)

    hops = []
    for _ in range(150):
        key = rng.randrange(1 << 32)
        route = find(world, rng.choice(living), key)
        assert next(node for node in route.nodes if node in world.nodes) == owner(living, key)
        hops.append(len(route.steps) - 1)
    assert mean(hops) <= log2(n)
