"""Two rings that a partition has created merge soon after it heals.

Nodes do here what `upkeep` has them do: stabilise at every tick, and look at the ring through some
other member at every fifth. Within 30 ticks, which are 30 seconds, the ring is Ideal.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from roundelay.chord import protocol
from roundelay.chord.errors import LookupFailed
from roundelay.chord.invariants import check
from roundelay.chord.lookup import find_successor
from roundelay.chord.ring import Ring
from tests.chord.ring_faults import Faults
from tests.chord.ring_harness import World
from tests.hypothesis_profiles import seeds

TICKS_MAX = 30
UNITE_EVERY = 5
APART_TICKS = 15

ISLANDS: dict[str, Callable[[list[int], random.Random], list[int]]] = {
    "every second": lambda ids, _: ids[::2],
    "one half": lambda ids, _: ids[: len(ids) // 2],
    "any half": lambda ids, rng: rng.sample(ids, len(ids) // 2),
    "one node": lambda ids, rng: [rng.choice(ids)],
}


def tick(world: World, number: int, rng: random.Random, unite: bool) -> None:
    for node in rng.sample(world.members, len(world.members)):
        world.run(node.ref, "stabilize", protocol.stabilize(node))
        if unite and number % UNITE_EVERY == node.ref.id % UNITE_EVERY:
            world.unite(node, rng)
        if number % UNITE_EVERY == 0:
            world.begin(node.ref, "fix_fingers", protocol.fix_fingers(node))
        world.drain()


@pytest.mark.parametrize("island", ISLANDS)
@pytest.mark.parametrize("nodes", [2, 3, 9, 40])
@pytest.mark.parametrize("seed", seeds(6))
def test_a_partition_heals_in_time(island: str, nodes: int, seed: int) -> None:
    rng = random.Random(f"{island} {nodes} {seed}")
    world = World(Ring(bits=16, successors=8), faults := Faults(rng))
    identifiers = sorted(rng.sample(range(1 << 16), nodes))
    world.place(identifiers, fingers=True)

    faults.island = frozenset(ISLANDS[island](identifiers, rng))
    for number in range(APART_TICKS):
        tick(world, number, rng, unite=False)
    for side in (True, False):
        assert check([v for v in world.views if (v.node.id in faults.island) == side], 8)[-1].holds, "a ring each"

    faults.island = frozenset()
    ticks = 0
    while not world.is_ideal():
        ticks += 1
        assert ticks <= TICKS_MAX
        tick(world, ticks, rng, unite=True)


def test_merging_changes_nothing_when_there_is_one_ring() -> None:
    world = World(Ring(bits=5, successors=3))
    world.place([0, 6, 12, 18, 24], fingers=True)
    before = world.views

    for node in world.members:
        for other in world.members:
            if other is not node:
                assert not world.run(node.ref, "unite", protocol.merge_with(node, other.ref))
    assert world.views == before


def test_a_node_of_the_other_ring_is_adopted_although_fingers_lead_back_to_ours() -> None:
    """The node of the other ring still has us in its table, so the lookup through it ends in our own ring."""
    world = World(Ring(bits=5, successors=3))
    world.place([0, 4, 6, 16, 20, 24], fingers=True)
    for apart in ([0, 4, 6], [16, 20, 24]):
        nodes = [n for n in world.members if n.ref.id in apart]
        for place, node in enumerate(nodes):
            around = [n.ref for n in (*nodes[place + 1 :], *nodes[:place])]
            node.set_successors(around[0], tuple(around[1:]))
            node.predecessor = around[-1]
    last, through = world.live(6), world.live(16)
    assert last is not None
    assert through is not None
    route = world.run(last.ref, "lookup", find_successor(through.ref, 6))
    assert route.owner == last.ref

    assert world.run(last.ref, "unite", protocol.merge_with(last, through.ref))
    assert last.successor == through.ref
    assert world.settle(8) <= 8


def test_the_owner_that_the_other_ring_names_is_adopted_and_notified() -> None:
    world = World(Ring(bits=5, successors=3))
    world.place([0, 16])
    for identifier in (2, 20):
        world.create(identifier)
    apart = {n.ref.id: n for n in world.members}
    apart[2].set_successors(apart[20].ref, (apart[2].ref,))
    apart[20].set_successors(apart[2].ref, (apart[20].ref,))
    apart[2].predecessor, apart[20].predecessor = apart[20].ref, apart[2].ref

    assert world.run(apart[0].ref, "unite", protocol.merge_with(apart[0], apart[20].ref))
    assert apart[0].successor.id == 2, "through 20, which is farther away"
    assert [(m.to.id, m.source.id) for m in world.mail] == [(2, 0)]


def test_a_node_that_answers_is_no_longer_dead() -> None:
    world = World(Ring(bits=5, successors=3))
    world.place([0, 6, 12, 18, 24], fingers=True)
    node, wronged = world.members[0], world.members[3]
    node.failure_detector.mark_dead(wronged.ref)

    world.run(node.ref, "unite", protocol.merge_with(node, wronged.ref))
    assert node.failure_detector.dead == ()


def test_a_merge_with_a_silent_node_fails_and_changes_nothing() -> None:
    world = World(Ring(bits=5, successors=3))
    world.place([0, 6, 12, 18, 24])
    gone = world.members[3].ref
    world.crash(gone)
    before = world.views

    with pytest.raises(LookupFailed):
        world.run(world.members[0].ref, "unite", protocol.merge_with(world.members[0], gone))
    assert world.views == before
