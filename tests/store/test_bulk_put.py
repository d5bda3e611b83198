"""Bulk puts on real nodes and stores: where copies go, what is sent, and what a failing node changes."""

from __future__ import annotations

import pytest

from roundelay.chord.errors import NotAllowed, StoreFull
from roundelay.store import write_path
from roundelay.store.bulk_put import BATCH_BYTES_MAX, BATCH_ITEMS_MAX, QUESTION_ITEMS_MAX, put_many
from roundelay.store.items import CHUNK_BYTES, Put, Receipt, Write
from roundelay.store.write_path import Record
from tests.chord.ring_harness import refusing
from tests.store.store_harness import StoreWorld, listen_to, world_of

TEN = range(0, 250, 25)  # 0, 25, 50, ..., 225
NAMES = tuple(f"file-{number}" for number in range(12))


def records_of(world: StoreWorld, contents: dict[str, bytes]) -> list[Record]:
    return [write_path.record(world.ring.key(name), name, content, 1) for name, content in contents.items()]


def put_all(world: StoreWorld, contents: dict[str, bytes], members: list[int] | None = None) -> list[list[int]]:
    """Store contents by the hash of their names, and check that each is reported once; return their holders."""
    start, stored = world.member(0), list[str]()
    known = [world.member(i) for i in members] if members is not None else [n.ref for n in world.members]
    known.sort(key=lambda node: node.id)
    bulk = put_many(start, world.ring, known, records_of(world, contents), lambda r: stored.append(r.item.entry.name))
    holders = world.run(start, "put", bulk)
    assert sorted(stored) == sorted(contents)
    return [[node.id for node in nodes] for nodes in holders]


def small_contents(names: tuple[str, ...] = NAMES) -> dict[str, bytes]:
    return {name: name.encode() for name in names}


def puts(world: StoreWorld) -> list[Put]:
    return [request for _, _, request in world.sent if isinstance(request, Put)]


@pytest.mark.parametrize("nodes", [1, 2, 4, 10])
def test_copies_are_where_a_put_would_have_stored_them(nodes: int) -> None:
    bulk, single = world_of(TEN[:nodes]), world_of(TEN[:nodes])

    holders = put_all(bulk, small_contents())

    assert holders == [list(single.put(0, name, name.encode())) for name in NAMES]
    assert all(bulk.copies(name) == single.copies(name) for name in NAMES)


def test_a_node_is_asked_once_for_what_it_owns_and_once_for_other_copies() -> None:
    world = world_of(TEN[:4])

    put_all(world, small_contents())

    bare = [(to.id, r.to_owner) for _, to, r in world.sent if isinstance(r, Put) and not r.parcels[0].content]
    assert len(bare) == len(set(bare)) <= 8
    assert sum(len(parcel.content) > 0 for request in puts(world) for parcel in request.parcels) == 3 * len(NAMES)


def test_contents_that_are_there_already_are_not_sent() -> None:
    world = world_of(TEN)
    put_all(world, small_contents())
    world.sent.clear()

    put_all(world, small_contents())

    assert puts(world) and not any(parcel.content for request in puts(world) for parcel in request.parcels)


def test_messages_are_bounded_in_items_and_bytes() -> None:
    world = world_of([0, 100, 200])
    contents = {f"many-{number}": bytes([number]) * 40_000 for number in range(QUESTION_ITEMS_MAX + 6)}

    put_all(world, contents)

    for request in puts(world):
        sizes = [len(parcel.content) for parcel in request.parcels]
        assert sum(sizes) <= BATCH_BYTES_MAX
        assert len(sizes) <= (BATCH_ITEMS_MAX if any(sizes) else QUESTION_ITEMS_MAX)


def test_a_large_content_goes_in_pieces_beside_small_ones() -> None:
    world = world_of(TEN[:4])
    contents = {
        **small_contents(),
        "large": bytes(CHUNK_BYTES + 1),
        "a whole message": bytes(CHUNK_BYTES),
        "empty": b"",
    }

    put_all(world, contents)

    assert all(len(world.copies(name)) == 3 for name in contents)
    assert any(isinstance(request, Write) for _, _, request in world.sent)


def test_a_node_that_has_died_since_the_crawl_is_replaced() -> None:
    world = world_of(TEN[:5])
    dead = world.member(50)
    members = [node.ref for node in world.members]
    world.crash(dead)
    stored: list[Record] = []

    bulk = put_many(world.member(0), world.ring, members, records_of(world, small_contents()), stored.append)
    holders = world.run(world.member(0), "put", bulk)

    assert len(stored) == len(NAMES)
    assert all(len(nodes) == 3 and dead not in nodes for nodes in holders)
    assert all(len(world.copies(name)) == 3 for name in NAMES)


def test_a_member_that_the_crawl_has_not_found_costs_no_copy() -> None:
    world = world_of(TEN[:5])

    holders = put_all(world, small_contents(), members=[0, 25, 75, 100])

    assert all(len(nodes) == 3 for nodes in holders)
    assert all(world.get(100, name) == name.encode() for name in NAMES)


def test_the_copies_of_a_full_node_go_to_the_next() -> None:
    world = world_of(TEN[:5])
    listen_to(world, 50, {Put: refusing(StoreFull("no room"))})

    holders = put_all(world, small_contents())

    assert all(len(nodes) == 3 and 50 not in nodes for nodes in holders)


def test_a_node_that_answers_with_too_few_receipts_is_not_believed() -> None:
    world = world_of(TEN[:5])
    listen_to(world, 50, {Put: lambda _: (Receipt(True, 0), Receipt(True, 0))})

    holders = put_all(world, small_contents())

    assert all(len(nodes) == 3 and 50 not in nodes for nodes in holders)


def test_a_rule_of_the_ring_ends_the_put() -> None:
    world = world_of(TEN[:5])
    listen_to(world, 50, {Put: refusing(NotAllowed("not yours"))})

    with pytest.raises(NotAllowed, match="not yours"):
        put_all(world, small_contents())
