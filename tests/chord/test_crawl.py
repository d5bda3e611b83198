"""Ring crawls: every node is visited once, dead nodes are skipped, and violations are reported only if they last."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord import protocol
from roundelay.chord.crawl import CHECKS_MAX, CONCURRENCY_MAX, check_ring, crawl_status, crawl_views, list_members
from roundelay.chord.effects import AskAll, Sleep, run
from roundelay.chord.errors import ChordError, LookupFailed, NodeUnreachable, NotYet
from roundelay.chord.invariants import IDEAL, PredicateResult
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, GetStatus, Status
from roundelay.chord.ring import Ring
from tests.chord.ring_harness import World, refusing

TEN = range(0, 250, 25)
CLIENT = NodeRef(1000, "client", 1)


def world_of(identifiers: Any, successors: int = 4, bits: int = 8) -> World:
    world = World(Ring(bits=bits, successors=successors, replicas=1))
    for node in world.place(identifiers, fingers=True):
        tell_status(world, node)
    return world


def tell_status(world: World, node: ChordNode) -> None:
    def status(_: GetStatus) -> Status:
        neighbours = node.neighbours()
        return Status(node.ref, node.ring, neighbours.predecessor, neighbours.successors, node.fingers, ())

    world._handlers[node.ref][GetStatus] = status


def ref(world: World, identifier: int) -> NodeRef:
    node = world.live(identifier)
    assert node is not None
    return node.ref


def ids(things: Any) -> list[int]:
    return [getattr(thing, "node", thing).id for thing in things]


@pytest.mark.parametrize("count", range(1, 11))
@pytest.mark.parametrize("start", [0, -1])
def test_every_node_is_met_once_wherever_the_crawl_begins(count: int, start: int) -> None:
    world = world_of(TEN[:count])
    first = ref(world, TEN[:count][start])

    assert ids(world.run(CLIENT, "survey", crawl_status([first]))) == list(TEN[:count])
    assert ids(world.run(CLIENT, "census", list_members(first))) == list(TEN[:count])
    assert ids(world.run(CLIENT, "views", crawl_views([first]))) == list(TEN[:count])


@pytest.mark.parametrize("dead", [[25], [25, 50, 75], [225], [100, 200]])
def test_dead_nodes_are_skipped(dead: list[int]) -> None:
    world = world_of(TEN)
    for identifier in dead:
        world.crash(ref(world, identifier))
    living = [i for i in TEN if i not in dead]

    assert ids(world.run(CLIENT, "survey", crawl_status([ref(world, 0)]))) == living
    assert set(ids(world.run(CLIENT, "census", list_members(ref(world, 0))))) >= set(living)
    assert ids(world.run(CLIENT, "views", crawl_views([ref(world, 0)]))) == living


def test_a_crawl_that_knows_all_members_takes_one_round_trip() -> None:
    world = world_of(TEN)
    crawl, asked = crawl_status([ref(world, i) for i in TEN]), 0

    def perform(effect: Any) -> Any:
        nonlocal asked
        asked += 1
        return [world._handlers[ask.to][type(ask.request)](ask.request) for ask in effect.asks]

    assert ids(run(crawl, perform)) == list(TEN)
    assert asked == 1


def test_a_crawl_of_a_split_ring_shows_the_larger_part() -> None:
    world = world_of(TEN)
    alone = world.start(77)
    protocol.create(alone)
    tell_status(world, alone)

    assert ids(world.run(CLIENT, "survey", crawl_status([alone.ref, ref(world, 0)]))) == list(TEN)


def test_listing_members_advances_a_successor_list_at_a_time() -> None:
    world = world_of(range(0, 256, 4), successors=8)

    world.run(CLIENT, "census", list_members(ref(world, 0)))

    assert world.asked <= 64 // 8 + 1


@pytest.mark.parametrize("walk", [crawl_status, list_members])
def test_a_crawl_fails_when_no_node_answers(walk: Any) -> None:
    world = world_of(TEN)
    start = ref(world, 0)
    world.crash(start)

    with pytest.raises(LookupFailed):
        world.run(CLIENT, "walk", walk([start] if walk is crawl_status else start))
    assert world.run(CLIENT, "views", crawl_views([start])) == []


def test_a_crawl_that_cannot_continue_fails() -> None:
    world = world_of(TEN, successors=2)
    for identifier in (25, 50):
        world.crash(ref(world, identifier))

    with pytest.raises(LookupFailed):
        world.run(CLIENT, "survey", crawl_status([ref(world, 0)]))


def test_a_crawl_omits_a_node_that_left_and_finds_the_new_incarnation_of_a_restarted_one() -> None:
    world = world_of(TEN)
    leaver = world.live(100)
    assert leaver is not None
    leaver.joined = False
    world.crash(ref(world, 50))
    again = world.start(50)  # its neighbours still list the old life
    protocol.create(again)

    seen = world.run(CLIENT, "views", crawl_views([ref(world, 0)]))

    assert [v.node for v in seen if v.node.id in (50, 100)] == [again.ref]


def test_a_crawl_also_shows_another_ring_that_a_node_knows() -> None:
    world = world_of(TEN)
    world.create(7)
    world.create(9)

    seen, findings = world.run(CLIENT, "inspect", check_ring((ref(world, 0), ref(world, 7)), 4))

    assert ids(seen) == [0, 7, *TEN[1:]]
    assert broken(findings) >= {"AtMostOneRing", IDEAL}


def test_many_nodes_are_asked_in_batches() -> None:
    world = World(Ring(bits=16, successors=200, replicas=1))
    world.place(range(0, 600, 2))
    sizes = []

    def perform(effect: AskAll) -> list[Any]:
        sizes.append(len(effect.asks))
        return [world._answer(CLIENT, ask) for ask in effect.asks]

    seen = run(crawl_views([ref(world, 0)]), perform)

    assert len(seen) == 300 and max(sizes) == CONCURRENCY_MAX and sum(sizes) == 300


# --- predicates, from what was seen


def broken(findings: list[PredicateResult]) -> set[str]:
    return {finding.predicate for finding in findings if not finding.holds}


@pytest.mark.parametrize("count", [1, 2, 5, 6, 10])
def test_a_correct_ring_violates_nothing_and_is_crawled_once(count: int) -> None:
    world = world_of(TEN[:count])

    seen, findings = world.run(CLIENT, "inspect", check_ring((ref(world, 0),), 4))

    assert len(seen) == count and broken(findings) == set() and len(findings) == 10
    assert world.asked == count


def test_a_lasting_violation_is_reported() -> None:
    world = world_of(TEN)
    node = world.live(50)
    assert node is not None
    node.successors = (*node.successors[:2], node.successors[1], node.successors[3])

    _, findings = world.run(CLIENT, "inspect", check_ring((ref(world, 0),), 4))

    assert broken(findings) >= {"NoDuplicates", "OrderedSuccessorLists", IDEAL}
    assert not broken(findings) & {"OneLiveSuccessor", "AtLeastOneRing", "AtMostOneRing", "ConnectedAppendages"}
    assert "host:50" in next(f.detail for f in findings if f.predicate == "NoDuplicates")


def test_a_transient_violation_is_not_reported() -> None:
    world = world_of(TEN)
    node = world.live(50)
    assert node is not None
    world.crash(ref(world, 75))
    pauses = 0

    def perform(effect: Sleep | AskAll) -> Any:
        nonlocal pauses
        if isinstance(effect, AskAll):
            return [world._answer(CLIENT, ask) for ask in effect.asks]
        pauses += 1
        return world.settle(10)

    _, findings = run(check_ring((node.ref,), 4), perform)

    assert pauses == 1 and broken(findings) == set()


def test_a_node_that_is_silent_for_a_while_violates_nothing() -> None:
    world = world_of(TEN)
    silent = iter([True] * (CHECKS_MAX - 1))

    def now_and_then(request: Any) -> Any:
        if next(silent, False):
            raise NodeUnreachable("busy elsewhere")
        node = world.live(50)
        assert node is not None
        return node.neighbours() if isinstance(request, GetNeighbours) else None

    world.overrides[ref(world, 50)] = now_and_then
    _, findings = world.run(CLIENT, "inspect", check_ring((ref(world, 0),), 4))

    assert broken(findings) == set()


@pytest.mark.parametrize("error", [NotYet("not joined"), NodeUnreachable("dead")])
def test_the_number_of_crawls_is_bounded(error: ChordError) -> None:
    world = world_of(TEN)
    world.overrides[ref(world, 50)] = refusing(error)

    _, findings = world.run(CLIENT, "inspect", check_ring((ref(world, 0),), 4))

    assert IDEAL in broken(findings)
    assert world.asked == CHECKS_MAX * 10
