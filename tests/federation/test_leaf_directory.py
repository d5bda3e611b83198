"""The list of leaves: what a record's name states, and how a driver's roster reaches the leaves that it names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.leaf_directory import CONTENT, leaf_in, leaves_in
from roundelay.federation.requests import TrainingFile
from roundelay.federation.roster import Roster
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item

RING = Ring(bits=8, successors=2, replicas=2)
MEMBERS = tuple(NodeRef(number, "127.0.0.1", 8000 + number) for number in (10, 100, 200))


def listed(leaf: int, incarnation: int = 1, version: int = 1, deleted: bool = False) -> Item:
    name = f"leaf.{leaf:040x}.{incarnation}.1024.ward-{leaf}"
    return Item(Entry(1, name, digest_of(CONTENT), len(CONTENT)), version, deleted=deleted)


def roster(*leaves: int, homes: tuple[str, ...] = ()) -> Roster:
    made = Roster(RING, MEMBERS[0], homes)
    made.update_members(MEMBERS)
    made.update_leaves(leaves_in(listed(leaf) for leaf in leaves))
    return made


@pytest.mark.parametrize(
    "name",
    ["leaf", "leaf.12.1.1.x", f"leaf.{1:040x}.1.0.x", f"leaf.{1:040x}.1.99999.x", f"leaf.{1:040x}.1.1.", f"{1:040x}"],
)
def test_a_malformed_record_names_no_leaf(name: str) -> None:
    assert leaf_in(name) is None


def test_the_latest_life_of_each_leaf_is_listed_and_none_that_has_left() -> None:
    items = [listed(7, 1), listed(7, 3), listed(7, 2), listed(9), listed(9, version=2, deleted=True)]

    assert leaves_in(items) == (NodeRef(7, "ward-7", 1024, 3),)


def test_a_leaf_is_asked_through_the_members_after_its_identifier_as_they_are_now() -> None:
    made = roster(150)
    assert made.leaves[0].relays == (MEMBERS[2], MEMBERS[0], MEMBERS[1])

    made.update_members(MEMBERS[:2])

    assert made.leaves[0].relays == MEMBERS[:2]


def test_a_leaf_trains_the_files_with_the_keys_before_its_own_and_stores_none() -> None:
    made = roster(150)
    files = [TrainingFile(index, f"file-{index}", "ab" * 32, 1, 1) for index in range(64)]
    mine = [file for file in files if 100 < RING.key(file.name) <= 150]

    assert mine and all(made.holders(file)[0].id == 150 for file in mine)
    assert all(made.holders(file, must_store=True)[0] == MEMBERS[2] for file in mine)
    assert made.successors_of(140)[0] == MEMBERS[2]


@pytest.mark.parametrize("leaf", [MEMBERS[1], replace(MEMBERS[1], id=55, incarnation=9)])
def test_a_leaf_with_the_address_of_a_member_is_given_none_of_its_orders(leaf: NodeRef) -> None:
    file, home = TrainingFile(0, "a", "ab" * 32, 1, 1), str(MEMBERS[1].address)
    made = roster(150, homes=(home,))
    made.update_leaves((leaf, made.leaves[0]))

    assert [node.id for node in made.trainers] == [10, 100, 150, 200]
    assert made.site(home) is MEMBERS[1] and made.holders(file) == MEMBERS[1:2]


def test_a_leaf_is_the_site_of_its_private_files() -> None:
    file = TrainingFile(0, "ward-150:1024~rows", "ab" * 32, 1, 1)
    made = roster(150, homes=("ward-150:1024",))

    assert made.site(made.home(file)) == made.leaves[0]
    assert made.holders(file) == made.leaves
