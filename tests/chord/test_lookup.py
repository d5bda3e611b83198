"""Lookups get strictly nearer, step back from dead nodes, are bounded, and are not misled by lies."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord import protocol
from roundelay.chord.effects import Ask, Request, run
from roundelay.chord.errors import Busy, ChordError, LookupFailed, NodeUnreachable, NotYet, PeerFault
from roundelay.chord.lookup import HOPS_MAX, Route, find_successor
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import Candidate, Hop, NextHop
from roundelay.chord.ring import Ring, between
from tests.chord.ring_harness import World, owner, refusing
from tests.hypothesis_profiles import examples


def ring_of(identifiers: list[int], bits: int = 6, successors: int = 3) -> World:
    world = World(Ring(bits=bits, successors=successors, replicas=1))
    world.place(identifiers, fingers=True)
    return world


def ref(world: World, identifier: int) -> NodeRef:
    node = world.live(identifier)
    assert node is not None
    return node.ref


def find(world: World, start: int, key: int, failed: tuple[NodeRef, ...] = ()) -> Route:
    route = world.run(ref(world, start), "lookup", find_successor(ref(world, start), key, failed))
    assert isinstance(route, Route)
    return route


@pytest.mark.parametrize("nodes", [1, 2, 3, 7, 20])
def test_from_every_node_every_key_leads_to_its_owner(nodes: int) -> None:
    identifiers = sorted(random.Random(nodes).sample(range(64), nodes))
    world = ring_of(identifiers)
    refs = [n.ref for n in world.members]

    for start in identifiers:
        for key in range(64):
            route = find(world, start, key)
            assert route.owner == owner(refs, key)
            assert route.failed == ()
            steps = [s.node.id for s in route.steps]
            assert all(between(here, further, key) for here, further in pairwise(steps))


def test_each_step_names_the_finger_by_which_it_was_known() -> None:
    world = ring_of([0, 16, 20, 24, 32, 40, 48], successors=1)

    route = find(world, 0, 45)
    assert [(s.node.id, s.finger) for s in route.steps] == [(0, None), (32, 5), (40, 3)]
    assert [n.id for n in route.nodes] == [48]
    assert route.predecessor.id == 40


def test_the_owner_comes_with_its_successors() -> None:
    world = ring_of([0, 10, 20, 30, 40])

    assert [n.id for n in find(world, 0, 15).nodes] == [20, 30, 40]


def test_a_lookup_steps_back_from_a_dead_node_and_names_it_to_the_next() -> None:
    world = ring_of(list(range(0, 64, 4)))
    dead = ref(world, 32)
    world.crash(dead)
    told: list[tuple[NodeRef, ...]] = []

    def answer(ask: Ask) -> Hop:
        assert isinstance(ask.request, NextHop) and isinstance(ask.to, NodeRef)
        told.append(ask.request.failed)
        if ask.to == dead:
            raise NodeUnreachable("dead")
        return world.nodes[ask.to].next_hop(45, frozenset(ask.request.failed))

    route = run(find_successor(ref(world, 0), 45), answer)

    assert route.owner.id == 48
    assert route.failed == (dead,)
    assert dead not in [s.node for s in route.steps]
    assert told[:2] == [(), ()]
    assert all(f == (dead,) for f in told[2:])


def test_a_lookup_works_while_half_of_the_ring_is_dead() -> None:
    rng = random.Random(7)
    world = ring_of(sorted(rng.sample(range(1 << 16), 64)), bits=16, successors=12)
    for node in rng.sample(world.members, 32):
        world.crash(node.ref)
    refs = [n.ref for n in world.members]

    for node in world.members:
        key = rng.randrange(1 << 16)
        route = find(world, node.ref.id, key)
        assert next(n for n in route.nodes if n in world.nodes) == owner(refs, key)


@pytest.mark.parametrize("error", [Busy("full"), NotYet("leaving")])
def test_a_lookup_avoids_a_busy_node_but_does_not_report_it(error: ChordError) -> None:
    world = ring_of(list(range(0, 64, 4)))
    world.overrides[ref(world, 32)] = refusing(error)

    route = find(world, 0, 45)
    assert route.owner.id == 48
    assert route.failed == ()


def test_refreshing_fingers_does_not_mark_a_busy_node_dead() -> None:
    world = ring_of(list(range(0, 64, 4)))
    busy = ref(world, 32)
    world.overrides[busy] = refusing(Busy("full"))
    node = world.nodes[ref(world, 0)]

    for _ in range(3):
        node.set_fingers((node.ref,) * 6)
        world.run(node.ref, "fix_fingers", protocol.fix_fingers(node))
    assert not node.failure_detector.is_dead(busy)


def test_a_start_that_does_not_answer_fails_the_lookup() -> None:
    world = ring_of([0, 20, 40])
    world.overrides[ref(world, 20)] = refusing(NodeUnreachable("silent"))

    with pytest.raises(LookupFailed, match="host:20, where the lookup began"):
        find(world, 20, 5)


def test_nodes_known_to_have_failed_are_not_asked() -> None:
    world = ring_of(list(range(0, 64, 4)))
    avoided = ref(world, 32)

    route = find(world, 0, 45, failed=(avoided,))
    assert avoided in route.failed
    assert avoided not in [s.node for s in route.steps]


# --- peers that lie

LIES = {
    "nobody": Hop(found=False),
    "itself": Hop(found=False, candidates=(Candidate(NodeRef(32, "host", 32)),)),
    "one behind it": Hop(found=False, candidates=(Candidate(NodeRef(16, "host", 16)),)),
    "one beyond the key": Hop(found=False, candidates=(Candidate(NodeRef(52, "host", 52)),)),
    "a placeholder": Hop(found=False, candidates=(Candidate(vacant(40)),)),
    "no owner": Hop(found=True, nodes=()),
    "an owner before the key": Hop(found=True, nodes=(NodeRef(36, "host", 36),)),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lookup_avoids_a_peer_whose_answer_is_impossible(lie: str) -> None:
    world = ring_of(list(range(0, 64, 4)))
    liar = ref(world, 32)
    world.overrides[liar] = lambda _: LIES[lie]

    route = find(world, 0, 45)
    assert route.owner.id == 48
    assert route.failed == (liar,)


def test_a_lookup_avoids_a_peer_that_insists_on_a_failed_owner() -> None:
    world = ring_of(list(range(0, 64, 4)))
    gone, liar = ref(world, 48), ref(world, 44)
    world.overrides[liar] = lambda _: Hop(found=True, nodes=(gone,))

    assert find(world, 0, 45, failed=(gone,)).owner.id == 52


def test_a_lookup_avoids_a_peer_that_insists_on_a_failed_hop() -> None:
    world = ring_of(list(range(0, 64, 4)))
    gone, liar = ref(world, 40), ref(world, 32)
    world.overrides[liar] = lambda _: Hop(found=False, candidates=(Candidate(gone),))

    route = find(world, 0, 45, failed=(gone,))
    assert route.failed == (gone, liar)
    assert gone not in [s.node for s in route.steps]


def test_a_lookup_avoids_a_faulty_peer() -> None:
    world = ring_of(list(range(0, 64, 4)))
    world.overrides[ref(world, 32)] = refusing(PeerFault("broken"))

    assert find(world, 0, 45).owner.id == 48


def test_a_lookup_ends_although_peers_name_ever_nearer_nodes() -> None:
    numbers = count(1)

    def lead_on(_: Ask) -> Hop:
        number = next(numbers)
        return Hop(found=False, candidates=(Candidate(NodeRef(number, "host", number)),))

    with pytest.raises(LookupFailed, match="128 requests"):
        run(find_successor(NodeRef(0, "host", 0), 1 << 15), lead_on)
    assert next(numbers) == 128 + 1


NODES = st.builds(NodeRef, id=st.integers(0, 63), host=st.sampled_from(["host", ""]), port=st.just(1))
HOPS = st.builds(
    Hop,
    found=st.booleans(),
    nodes=st.lists(NODES, max_size=2).map(tuple),
    candidates=st.lists(st.builds(Candidate, NODES), max_size=3).map(tuple),
)


@examples(180)
@given(key=st.integers(0, 63), answers=st.lists(HOPS, min_size=1, max_size=20))
def test_a_lookup_gets_nearer_and_ends_whatever_peers_answer(key: int, answers: list[Hop]) -> None:
    asked: list[Request[Hop]] = []

    def answer(ask: Ask) -> Hop:
        asked.append(ask.request)
        assert len(asked) <= HOPS_MAX
        return answers[len(asked) % len(answers)]

    with suppress(LookupFailed):
        route = run(find_successor(NodeRef(0, "host", 0), key), answer)
        steps = [s.node for s in route.steps]
        assert all(between(a.id, b.id, key) and not b.is_vacant for a, b in pairwise(steps))
        assert not set(steps) & set(route.failed)
