"""Who trains which file: a pure function of who holds what."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from chord.refs import NodeRef
from chord.ring import Ring
from federation.placement import by_hash
from federation.roster import LOST_ROUNDS, Roster
from federation.work import TrainingFile

EFFORT = settings(max_examples=30, derandomize=True, deadline=None)
NODES = [NodeRef(number, f"node-{number}", 1) for number in range(6)]
RING = Ring(bits=8, replicas=3)


def files(count: int) -> tuple[TrainingFile, ...]:
    return tuple(TrainingFile(index, f"file-{index}", "00" * 32, 1, 1) for index in range(count))


holders = st.integers(0, 12).flatmap(
    lambda count: st.fixed_dictionaries({i: st.lists(st.sampled_from(NODES), max_size=4) for i in range(count)})
)


@EFFORT
@given(holders)
def test_every_file_goes_once_to_the_first_that_holds_it_or_to_nobody(held: dict[int, list[NodeRef]]) -> None:
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
    roster.see(nodes)
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
def test_who_is_lost_passes_its_files_on_and_nobody_else_does(numbers: list[int], data: st.DataObject) -> None:
    roster, all_files = seen(numbers), files(10)
    before, _ = by_hash(all_files, {f.index: roster.holders(f) for f in all_files})
    lost = data.draw(st.sampled_from(sorted(before, key=lambda node: node.id)))

    roster.lose(lost, "silent")
    after, orphans = by_hash(all_files, {f.index: roster.holders(f) for f in all_files})

    assert lost not in after
    for node, group in before.items():
        if node != lost:
            assert set(group) <= set(after[node])
    assert bool(orphans) == (len(numbers) == 1)


def test_a_lost_node_gets_another_chance_after_some_rounds() -> None:
    roster, file = seen([1, 100, 200]), files(1)[0]
    owner = roster.holders(file)[0]
    roster.begin(1)
    roster.lose(owner, "slow")
    assert owner not in roster.holders(file)
    assert roster.disturbances == [f"{owner.address}: slow"]

    for number in range(2, 3 + LOST_ROUNDS):
        roster.begin(number)

    assert roster.holders(file)[0] == owner
    assert roster.disturbances == []


def test_the_way_in_is_never_a_lost_node_while_there_is_another() -> None:
    roster = seen([1, 100, 200])
    for _ in range(2):
        roster.lose(roster.entry(), "silent")

    assert roster.entry().id == 200
