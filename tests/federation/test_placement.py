"""Placement: a pure function of the members, the holders and their speed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.effects import RoundTripsTo
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.placement import BOUND, POLICIES, PlacementView, assign, by_hash
from roundelay.federation.requests import TrainingFile
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import LOST_ROUNDS, Roster
from tests.federation.inline_ring import InlineRing
from tests.hypothesis_profiles import examples

EFFORT = examples(30)
NODES = [NodeRef(number, f"node-{number}", 1) for number in range(6)]
RING = Ring(bits=8, replicas=3)


def files(count: int) -> tuple[TrainingFile, ...]:
    return tuple(TrainingFile(index, f"file-{index}", "00" * 32, 1, 1) for index in range(count))


holders = st.integers(0, 12).flatmap(
    lambda count: st.fixed_dictionaries({i: st.lists(st.sampled_from(NODES), max_size=4) for i in range(count)})
)


@EFFORT
@given(holders)
def test_every_file_goes_once_to_its_first_holder_or_is_left_over(held: dict[int, list[NodeRef]]) -> None:
    groups, orphans = by_hash(files(len(held)), held)

    placed = [(file.index, node) for node, group in groups.items() for file in group]
    assert sorted([index for index, _ in placed] + [file.index for file in orphans]) == sorted(held)
    assert all(held[index][0] == node for index, node in placed)
    assert all(not held[file.index] for file in orphans)
    assert all(list(group) == sorted(group, key=lambda file: file.index) for group in groups.values())
    assert all(groups.values()), "nobody is given an empty order"


ids = st.lists(st.integers(0, 255), min_size=1, max_size=8, unique=True)


def seen(numbers: list[int]) -> Roster:
    nodes = tuple(NodeRef(number, f"node-{number}", 1) for number in sorted(numbers))
    roster = Roster(RING, nodes[0])
    roster.update_members(nodes)
    return roster


@EFFORT
@given(ids, st.integers(0, 99))
def test_a_files_holders_are_its_owner_and_the_next_ones_round_the_ring(numbers: list[int], index: int) -> None:
    file = TrainingFile(index, f"file-{index}", "00" * 32, 1, 1)
    key = RING.key(file.name)

    found = [node.id for node in seen(numbers).holders(file)]

    by_distance = sorted(numbers, key=lambda number: RING.distance(key, number))
    assert found == by_distance[: RING.replicas + 1]


@EFFORT
@given(ids, st.data())
def test_only_the_files_of_a_lost_node_move(numbers: list[int], data: st.DataObject) -> None:
    roster, all_files = seen(numbers), files(10)
    before, _ = by_hash(all_files, {f.index: roster.holders(f) for f in all_files})
    lost = data.draw(st.sampled_from(sorted(before, key=lambda node: node.id)))

    roster.mark_lost(lost, "silent")
    after, orphans = by_hash(all_files, {f.index: roster.holders(f) for f in all_files})

    assert lost not in after
    for node, group in before.items():
        if node != lost:
            assert set(group) <= set(after[node])
    assert bool(orphans) == (len(numbers) == 1)


def test_a_lost_node_gets_another_chance_after_some_rounds() -> None:
    roster, file = seen([1, 100, 200]), files(1)[0]
    owner = roster.holders(file)[0]
    roster.begin_round(1)
    roster.mark_lost(owner, f"{owner.address} does not answer")
    assert owner not in roster.holders(file)
    assert roster.disturbances == [f"lost {owner.address}: does not answer"]

    for number in range(2, 3 + LOST_ROUNDS):
        roster.begin_round(number)

    assert roster.holders(file)[0] == owner
    assert roster.disturbances == []


def test_why_a_node_could_not_train_is_forgotten_when_it_is_asked_again_unless_it_is_excluded() -> None:
    roster, file = seen([1, 100, 200]), files(1)[0]
    first, second, third = roster.nodes
    roster.mark_missing_file(first, file, "out of memory")
    roster.exclude(second)
    roster.reasons |= {str(second.address): "computes different bits", str(third.address): "refuses the job"}

    roster.begin_round(LOST_ROUNDS)
    assert set(roster.reasons) == {str(first.address), str(second.address)}
    roster.begin_round(LOST_ROUNDS + 1)
    assert roster.reasons == {str(second.address): "computes different bits"}


def test_an_abandoned_order_is_forgotten_when_its_site_was_started_again() -> None:
    nodes = tuple(NodeRef(number, f"node-{number}", 1) for number in (1, 100))
    roster = Roster(RING, nodes[0], [str(node.address) for node in nodes])
    roster.update_members(nodes)
    roster.abandoned = dict.fromkeys(nodes, "a ticket")
    roster.update_members(nodes[:1])  # the other one is away, and may come back with that order
    assert set(roster.abandoned) == set(nodes)
    roster.update_members((nodes[0], replace(nodes[1], incarnation=2)))

    assert set(roster.abandoned) == set(nodes[:1])


def test_the_way_in_is_never_a_lost_node_while_there_is_another() -> None:
    roster = seen([1, 100, 200])
    for _ in range(2):
        roster.mark_lost(roster.entry(), "silent")

    assert roster.entry().id == 200


def view(count: int, **known: object) -> PlacementView:
    """As a driver sees a ring of NODES: every file is owned by one of them, and the next ones have copies."""
    held = {i: tuple(NODES[(7 * i + step) % len(NODES)] for step in range(4)) for i in range(count)}
    return PlacementView(tuple(NODES), held, "a seed", copies=3, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_places_every_file_once_and_the_same_again(policy: str) -> None:
    groups, orphans = assign(policy, files(25), view(25))

    assert sorted(f.index for group in groups.values() for f in group) == list(range(25))
    assert not orphans
    assert assign(policy, files(25), view(25))[0] == groups


@pytest.mark.parametrize("policy", POLICIES)
def test_no_policy_chooses_an_excluded_node(policy: str) -> None:
    out = frozenset(NODES[:3])

    groups, orphans = assign(policy, files(25), view(25).without(out))

    assert not out & set(groups)
    assert not assign(policy, files(25), view(25).without(frozenset(NODES)))[0]
    assert policy == "replicas" or not orphans


def test_replicas_balances_among_the_nodes_that_have_a_copy() -> None:
    seen = view(30)

    groups, _ = assign("replicas", files(30), seen)

    assert all(node in seen.holders[f.index][:3] for node, group in groups.items() for f in group)
    assert {len(group) for group in groups.values()} == {5}


def test_bounded_keeps_every_node_below_the_bound_and_stays_near_the_owner() -> None:
    one_owner = {i: tuple(NODES[:4]) for i in range(20)}

    groups, _ = assign("bounded", files(20), PlacementView(tuple(NODES), one_owner))

    full = math.ceil(BOUND * 20 / len(NODES))
    assert [len(groups[node]) for node in NODES[:4]] == [full] * 4
    assert sum(map(len, groups.values())) == 20


def test_round_robin_takes_turns_and_random_depends_on_the_round() -> None:
    groups, _ = assign("round-robin", files(12), view(12))
    assert {len(group) for group in groups.values()} == {2}

    one, other = (assign("random", files(25), PlacementView(tuple(NODES), {}, chance))[0] for chance in ("0 1", "0 2"))
    assert one != other


def test_least_loaded_prefers_nodes_that_have_been_fast() -> None:
    cost: Mapping[NodeRef, float] = {node: 4.0 if node == NODES[0] else 1.0 for node in NODES}

    groups, _ = assign("least-loaded", files(42), view(42, cost=cost))

    assert len(groups[NODES[0]]) == 2
    assert all(len(groups[node]) == 8 for node in NODES[1:])


def test_near_prefers_a_near_node_until_a_far_one_would_be_done_first() -> None:
    near, far, unknown = NODES[:3]
    held = {index: [far, near] for index in range(10)}
    view = PlacementView((near, far), held, cost={near: 0.01, far: 0.01}, round_trips={near: 0.001, far: 0.0451})

    groups, _ = assign("near", files(10), view)

    assert len(groups[near]) == 7 and len(groups[far]) == 3, "0.07 s here, 0.045 + 0.03 s there"
    assert assign("near", files(1), replace(view, holders={0: [unknown, near]}))[0].keys() == {near}


def test_near_chooses_only_nodes_with_a_copy() -> None:
    view = PlacementView((), {0: NODES[:4]}, round_trips={NODES[3]: 0.0, **dict.fromkeys(NODES[:3], 1.0)}, copies=3)

    assert NODES[3] not in assign("near", files(1), view)[0]


class Unmeasured(InlineRing):
    """A ring on which a round trip is known once a node has been asked."""

    def __init__(self) -> None:
        super().__init__((10, 90, 170), RING)
        self.asked: list[NodeRef] = []
        self.before_answer = lambda node, request: self.asked.append(node)

    def _perform(self, effect: Any) -> Any:
        measured = super()._perform(effect)
        if isinstance(effect, RoundTripsTo):
            return {node: seconds for node, seconds in measured.items() if node in self.asked}
        return measured


def test_a_driver_measures_the_members_whose_round_trips_are_unknown() -> None:
    ring = Unmeasured()
    roster = Roster(RING, ring.entry)

    ring.run(refresh_members(roster))
    first = list(ring.asked)
    ring.run(refresh_members(roster))

    assert set(first) == set(roster.round_trips) == set(ring.members)
    assert len(ring.asked) - len(first) < len(ring.members), "only the crawl"
