"""Joining: the place, the successor list, the retries and the refusals."""

from __future__ import annotations

import random

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Sleep
from roundelay.chord.errors import ChordError, JoinRefused, LookupFailed, NodeUnreachable, PeerFault
from roundelay.chord.invariants import view_of
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Neighbourhood, NextHop, Nudge
from roundelay.chord.ring import Ring
from tests.chord.ring_faults import Faults
from tests.chord.ring_harness import World, refusing
from tests.hypothesis_profiles import seeds


def ring_of(*identifiers: int, successors: int = 3) -> World:
    world = World(Ring(bits=5, successors=successors, replicas=1))
    world.place(identifiers)
    return world


def member(world: World, identifier: int) -> ChordNode:
    node = world.live(identifier)
    assert node is not None
    return node


def join(world: World, identifier: int, through: int) -> ChordNode:
    joiner = world.start(identifier)
    world.run(joiner.ref, "join", protocol.join(joiner, member(world, through).ref))
    return joiner


def test_a_joiner_copies_its_predecessors_list_and_no_other_node_changes() -> None:
    world = ring_of(0, 8, 16, 24)
    before = world.views

    joiner = join(world, 12, through=24)

    assert [s.id for s in joiner.successors] == [16, 24, 0]
    assert joiner.predecessor.id == 8
    assert [v for v in world.views if v.node != joiner.ref] == before
    assert world.mail == []


@pytest.mark.parametrize("first", [0, 5, 31])
def test_the_second_node_of_a_ring_lists_the_first_and_then_itself(first: int) -> None:
    world = World(Ring(bits=5, successors=3, replicas=1))
    world.create(first)

    joiner = join(world, 12, through=first)
    assert [s.id for s in joiner.successors] == [first, 12, 12]


def test_two_joiners_between_the_same_pair_end_in_order() -> None:
    world = ring_of(0, 8, 16, 24)
    two = [world.start(i) for i in (2, 5)]
    tasks = [world.begin(n.ref, "join", protocol.join(n, member(world, 16).ref)) for n in two]

    while any(t in world.tasks for t in tasks):
        for task in tasks:
            world.step(task)
    assert [n.successor.id for n in two] == [8, 8]
    assert world.settle(5) <= 5


def test_a_joiner_with_the_identifier_of_a_live_node_is_refused() -> None:
    world = ring_of(0, 8, 16, 24)
    twin = ChordNode(NodeRef(8, "elsewhere", 1), world.ring)
    world.nodes[twin.ref] = twin

    with pytest.raises(JoinRefused, match="identifier 8 is taken by host:8"):
        world.run(twin.ref, "join", protocol.join(twin, member(world, 16).ref))
    assert not twin.joined


def test_the_identifier_of_a_dead_node_is_free_once_the_ring_has_forgotten_it() -> None:
    world = ring_of(0, 8, 16, 24)
    world.crash(member(world, 8).ref)
    heir = ChordNode(NodeRef(8, "elsewhere", 1), world.ring)
    world.nodes[heir.ref] = heir
    task = world.begin(heir.ref, "join", protocol.join(heir, member(world, 16).ref))
    for _ in range(12):
        world.step(task)
    assert not heir.joined

    world.run(member(world, 0).ref, "stabilize", protocol.stabilize(member(world, 0)))
    world.finish(task)
    assert heir.joined


def test_a_restarted_node_nudges_the_neighbour_that_still_lists_it() -> None:
    world = ring_of(0, 8, 16, 24)
    world.crash(member(world, 8).ref)
    again = world.start(8)
    task = world.begin(again.ref, "join", protocol.join(again, member(world, 16).ref))
    while not world.mail:
        world.step(task)

    assert world.mail[0].to == member(world, 0).ref
    assert isinstance(world.mail[0].request, Nudge)
    world.run(member(world, 0).ref, "stabilize", protocol.stabilize(member(world, 0)))
    world.finish(task)
    assert world.settle(5) <= 5
    assert member(world, 0).successor == again.ref


def test_a_joiner_whose_place_was_taken_meanwhile_looks_it_up_again() -> None:
    world = ring_of(0, 8, 16, 24)
    late = world.start(2)
    task = world.begin(late.ref, "join", protocol.join(late, member(world, 16).ref))
    while world.tasks[0].asks[0].to != member(world, 0).ref or isinstance(world.tasks[0].asks[0].request, NextHop):
        world.step(task)
    early = join(world, 1, through=16)
    for _ in range(2):
        for node in (early, member(world, 0)):
            world.run(node.ref, "stabilize", protocol.stabilize(node))
        while world.mail:
            world.deliver(world.mail[0])
        for node in (early, member(world, 0), member(world, 8)):
            while (noted := world.begin_pending(node)) is not None:
                world.finish(noted)
    assert member(world, 0).successor == early.ref

    world.finish(task)
    assert late.predecessor == early.ref


@pytest.mark.parametrize("error", [NodeUnreachable("lost"), PeerFault("broken")])
def test_a_join_starts_again_after_a_failed_request(error: ChordError) -> None:
    world = ring_of(0, 8, 16, 24)
    joiner = world.start(12)
    world.overrides[member(world, 8).ref] = refusing(error)
    task = world.begin(joiner.ref, "join", protocol.join(joiner, member(world, 16).ref))
    while not isinstance(task.effect, Sleep):
        world.step(task)
    assert view_of(joiner).successors == (joiner.ref,) * 3, "half a join leaves no trace"

    world.overrides.clear()
    world.finish(task)
    assert joiner.joined


def test_a_member_without_successors_cannot_harm_the_joiner() -> None:
    world = ring_of(0, 8, 16, 24)
    honest = member(world, 8)
    world.overrides[honest.ref] = lambda request: (
        honest.next_hop(request.key, frozenset())
        if isinstance(request, NextHop)
        else Neighbourhood(honest.predecessor, ())
    )

    joiner = join(world, 12, through=16)
    assert [s.id for s in joiner.successors] == [8, 12, 12]


def test_a_dead_bootstrap_ends_in_lookup_failed() -> None:
    world = ring_of(0, 8, 16, 24)
    gone = member(world, 24).ref
    world.crash(gone)
    joiner = world.start(12)

    with pytest.raises(LookupFailed, match="through host:24 in 50 attempts"):
        world.run(joiner.ref, "join", protocol.join(joiner, gone))


@pytest.mark.parametrize("seed", seeds(48))
def test_a_ring_of_32_forms_at_once_while_one_message_in_twenty_is_lost(seed: int) -> None:
    rng = random.Random(seed)
    world = World(Ring(bits=16, successors=8), Faults(rng, loss=0.05))
    first, *others = rng.sample(range(1 << 16), 32)
    founder = world.create(first)
    joins = [world.begin(n.ref, "join", protocol.join(n, founder.ref)) for n in map(world.start, others)]

    rounds = 0
    while not (len(world.members) == 32 and world.is_ideal()):
        rounds += 1
        assert rounds <= 32, f"{len(world.members)} have joined"
        go_round(world, rng)

    assert [t.error for t in joins if t.error is not None] == []


def go_round(world: World, rng: random.Random) -> None:
    """Stabilize every member once, concurrently; mail is read and joins continue in between."""
    for node in world.members:
        world.begin(node.ref, "stabilize", protocol.stabilize(node))
    steps = 4 * len(world.tasks)
    while steps > 0 or any(t.name == "stabilize" for t in world.tasks) or world.mail:
        steps -= 1
        for node in world.members:
            if node.nudged and not any((t.name, t.node) == ("stabilize", node.ref) for t in world.tasks):
                node.nudged = False
                world.begin(node.ref, "stabilize", protocol.stabilize(node))
        if world.mail and rng.random() < 0.5:
            mail = rng.choice(world.mail)
            world.deliver(mail)
            if mail.to in world.nodes:
                world.begin_pending(world.nodes[mail.to])
        elif world.tasks:
            world.step(rng.choice(world.tasks))
