"""The write path and the read path on real nodes and stores, with every way to fail."""

from __future__ import annotations

from typing import Any

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Gather, Offload, Request, ask, run
from roundelay.chord.errors import ChordError, Corrupt, NodeUnreachable, NotFound, NotYet, StoreFull, UnderReplicated
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, NextHop
from roundelay.store import read_path, write_path
from roundelay.store.blobs import digest_of
from roundelay.store.items import (
    CHUNK_BYTES,
    CONTENT_BYTES_MAX,
    PIECE_BYTES,
    Find,
    Put,
    Read,
    Receipt,
    StopAccepting,
    Write,
)
from roundelay.store.transfer import EXTRA_PIECES_MAX
from tests.chord.ring_harness import refusing
from tests.store.store_harness import StoreWorld, item_of, listen_to, silent, world_of

CONTENT = b"rows of numbers"
TEN = range(0, 250, 25)  # 0, 25, 50, ..., 225


def asked(world: StoreWorld, kind: type[Request[Any]]) -> list[int]:
    """Return the nodes that were sent a request of this kind, in order."""
    return [to.id for _, to, request in world.sent if isinstance(request, kind)]


# --- put


@pytest.mark.parametrize("nodes", range(1, 6))
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_a_put_writes_one_copy_per_replica_or_per_node(nodes: int, replicas: int) -> None:
    world = world_of(TEN[:nodes], replicas=replicas)

    holders = world.put(0, "a", CONTENT, key=60)

    assert sorted(holders) == world.copies("a") and len(holders) == min(nodes, replicas)
    assert holders[0] == next((i for i in TEN[:nodes] if i >= 60), 0), "the owner first"


def test_a_small_new_content_is_sent_without_asking() -> None:
    world = world_of(TEN)
    start = world.member(0)

    world.run(start, "put", write_path.put(start, world.ring, 60, "a", CONTENT, 1, is_new=True))

    assert world.copies("a") == [75, 100, 125]
    assert [to.id for _, to, request in world.sent if isinstance(request, Put | Write)] == [75, 100, 125]


def test_several_records_of_one_key_are_put_with_one_lookup_and_one_message_a_node() -> None:
    world, contents = world_of(TEN), {"a": CONTENT, "b": CONTENT + b" more"}
    start = world.member(0)
    records = [write_path.record(60, name, content, 1) for name, content in contents.items()]

    holders = world.run(start, "put", write_path.put_records(start, world.ring, records))

    assert [node.id for node in holders] == world.copies("a") == world.copies("b") == [75, 100, 125]
    assert len(asked(world, NextHop)) <= 3 and asked(world, GetNeighbours) == []
    assert [to.id for _, to, request in world.sent if isinstance(request, Put | Write)] == [75, 100, 125]


def test_a_get_asks_no_node_for_more_successors_than_it_needs() -> None:
    world = world_of(TEN, successors=read_path.FIND_NODES_MIN)
    world.put(0, "a", CONTENT, key=60)
    world.sent.clear()

    assert world.get(0, "a", key=60) == CONTENT
    assert asked(world, GetNeighbours) == []


def test_a_large_content_is_not_sent_to_nodes_that_have_it_even_if_it_is_called_new() -> None:
    world, content = world_of(TEN), bytes(CHUNK_BYTES + 1)
    start = world.member(0)
    world.put(0, "a", content, key=60)
    world.sent.clear()

    world.run(start, "put", write_path.put(start, world.ring, 60, "b", content, 1, is_new=True))

    assert world.copies("b") == [75, 100, 125]
    assert not asked(world, Write)


def test_a_content_called_new_that_is_there_already_is_stored() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    start = world.member(0)

    holders = world.run(start, "put", write_path.put(start, world.ring, 60, "b", CONTENT, 1, is_new=True))

    assert [n.id for n in holders] == world.copies("b") == [75, 100, 125]


@pytest.mark.parametrize("names", [(), ("a",), ("b", "c"), ("none",)])
def test_find_returns_only_items_with_the_names_given(names: tuple[str, ...]) -> None:
    world = world_of(TEN)
    for name in ("a", "b", "c"):
        world.put(0, name, CONTENT, key=60)
    start = world.member(0)

    items, _ = world.run(start, "find", read_path.find(start, world.ring, 60, names))

    assert {item.entry.name for item in items} == {"a", "b", "c"} & set(names or "abc")


@pytest.mark.parametrize("identifier", TEN)
def test_the_copies_are_on_the_same_nodes_whichever_node_is_asked(identifier: int) -> None:
    assert world_of(TEN).put(identifier, "a", CONTENT, key=210) == (225, 0, 25)


@pytest.mark.parametrize("successors", [2, 3])
def test_copies_and_requests_may_reach_beyond_a_successor_list(successors: int) -> None:
    world = world_of(TEN, successors=successors, replicas=3)

    assert world.put(0, "a", CONTENT, key=60) == (75, 100, 125)
    with pytest.raises(NotFound):
        world.get(0, "b", key=60)
    assert sorted(set(asked(world, Find))) == [75, 100, 125, 150]


def test_a_put_through_a_list_that_is_still_short_finds_the_others_through_the_owner() -> None:
    world = world_of([0, 50, 100, 150])
    first = world.live(0)
    assert first is not None
    first.set_successors(world.member(50), ())  # it has met nobody else yet
    first.set_fingers((world.member(50),) * world.ring.bits)

    assert world.put(0, "a", CONTENT, key=30) == (50, 100, 150)


@pytest.mark.parametrize("trouble", [NodeUnreachable("dead"), StoreFull("full"), NotYet("leaving"), Corrupt("?")])
@pytest.mark.parametrize("troubled", [[75], [100], [75, 125], [75, 100, 125]])
def test_nodes_that_fail_are_replaced_by_the_next(troubled: list[int], trouble: ChordError) -> None:
    world = world_of(TEN, successors=6)
    for identifier in troubled:
        listen_to(world, identifier, {Put: refusing(trouble)})

    holders = world.put(0, "a", CONTENT, key=60)

    assert list(holders) == [i for i in TEN if i >= 75 and i not in troubled][:3]


def test_a_node_that_does_not_answer_a_write_is_sent_the_content_once() -> None:
    world = world_of(TEN)
    listen_to(world, 75, {Write: silent})

    assert world.put(0, "a", bytes(CHUNK_BYTES + 1), key=60) == (100, 125, 150)

    assert asked(world, Write).count(75) == 1


def test_a_put_that_fails_reports_how_many_copies_there_are() -> None:
    world = world_of([0, 50, 100])
    world.overrides[world.member(50)] = silent
    listen_to(world, 100, {Put: refusing(StoreFull("full"))})

    with pytest.raises(UnderReplicated) as error:
        world.put(0, "a", CONTENT, key=60)

    assert (error.value.name, error.value.copies, error.value.wanted) == ("a", 1, 3)
    assert world.copies("a") == [0]


def test_no_copy_is_placed_where_no_reader_asks_for_it() -> None:
    """A get asks replicas + 1 nodes: where more than replicas refuse, the put must not count."""
    world = world_of(TEN, successors=9, replicas=2)
    for identifier in (75, 100):
        listen_to(world, identifier, {Put: refusing(StoreFull("full"))})
    assert world.put(0, "a", CONTENT, key=60) == (125, 150)
    assert world.get(0, "a", key=60) == CONTENT

    listen_to(world, 125, {Put: refusing(StoreFull("full"))})
    with pytest.raises(UnderReplicated):
        world.put(0, "b", CONTENT, key=60)


def test_bytes_are_sent_only_to_nodes_that_lack_them() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    world.sent.clear()

    world.put(0, "another name", CONTENT, key=60)

    assert asked(world, Write) == []


def test_a_large_content_goes_in_pieces_from_where_the_receiver_stands() -> None:
    content = bytes(range(256)) * (CHUNK_BYTES * 5 // 2 // 256)
    world = world_of([0, 100])
    world.store(100).write(digest_of(content), len(content), 0, content[:CHUNK_BYTES])

    world.put(0, "a", content, key=60)

    offsets = {to: [r.offset for _, node, r in world.sent if isinstance(r, Write) and node.id == to] for to in (0, 100)}
    assert offsets == {0: [*range(0, len(content), PIECE_BYTES)], 100: [*range(CHUNK_BYTES, len(content), PIECE_BYTES)]}
    assert world.get(0, "a", key=60) == content


@pytest.mark.parametrize(
    ("size_bytes", "kinds"),
    [
        (CHUNK_BYTES, [Put] * 3 + [Put, Put] * 3),
        (CHUNK_BYTES + 1, [Put] * 3 + [Put, *[Write] * (CHUNK_BYTES // PIECE_BYTES + 1), Put] * 3),
    ],
)
def test_all_nodes_are_asked_at_once_and_small_contents_travel_whole(
    size_bytes: int, kinds: list[type[Request[Any]]]
) -> None:
    world = world_of(TEN)

    world.put(0, "a", bytes(size_bytes), key=60)

    assert [type(r) for _, _, r in world.sent if isinstance(r, Put | Write)] == kinds


class InParts:
    """A content that gives out parts, and remembers the longest; it is never whole."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.longest_bytes = 0

    def __len__(self) -> int:
        return len(self._content)

    def __getitem__(self, part: slice, /) -> bytes:
        given = self._content[part]
        self.longest_bytes = max(self.longest_bytes, len(given))
        return given


def test_a_content_that_is_not_in_memory_is_read_piece_by_piece() -> None:
    content = InParts(bytes(range(256)) * (CHUNK_BYTES * 5 // 2 // 256))
    world = world_of([0, 100])

    world.run(world.member(0), "put", write_path.put(world.member(0), world.ring, 60, "a", content, 1))

    assert world.get(0, "a", key=60) == content[:]
    assert digest_of(content) == digest_of(content[:])


def test_a_put_never_reads_the_whole_content() -> None:
    content = InParts(bytes(3 * CHUNK_BYTES))
    world = world_of([0, 100])

    world.run(world.member(0), "put", write_path.put(world.member(0), world.ring, 60, "a", content, 1))

    assert content.longest_bytes == CHUNK_BYTES


def test_copying_between_nodes_goes_piece_by_piece() -> None:
    content = bytes(range(256)) * (CHUNK_BYTES * 5 // 2 // 256)
    world = world_of([0, 100])
    for start in range(0, len(content), CHUNK_BYTES):
        world.store(0).write(digest_of(content), len(content), start, content[start : start + CHUNK_BYTES])
    world.sent.clear()

    passing = write_path.copy_from(world.member(0), world.member(100), item_of(content))
    world.run(NodeRef(200, "client", 1), "pass on", passing)

    assert [type(r) for _, _, r in world.sent] == [Put, *[Read, Write] * (len(content) // PIECE_BYTES), Put]
    assert world.store(100).has(digest_of(content))


def test_a_piece_whose_answer_is_lost_is_not_written_twice() -> None:
    content = bytes(3 * CHUNK_BYTES)
    world = world_of([0])
    lost = iter(["", "answer"])
    world.network = lambda asker, asked: next(lost, "") if asker != asked else ""
    put_one = write_path.put_one(world.member(0), item_of(content), content)
    outsider = NodeRef(200, "client", 1)

    with pytest.raises(NodeUnreachable):
        world.run(outsider, "put", put_one)
    world.run(outsider, "put", write_path.put_one(world.member(0), item_of(content), content))

    offsets = [r.offset for _, _, r in world.sent if isinstance(r, Write)]
    assert offsets == [*range(0, len(content), PIECE_BYTES)]
    assert world.copies("a") == [0]


def test_other_bytes_left_by_a_failed_writer_do_not_spoil_a_put() -> None:
    content = bytes(2 * CHUNK_BYTES)
    world = world_of([0])
    world.store(0).write(digest_of(content), len(content), 0, b"\1" * CHUNK_BYTES)

    assert world.put(0, "a", content) == (0,)


def test_a_transfer_starts_again_when_the_receiver_had_other_bytes_of_it() -> None:
    world, content = world_of([0]), bytes(CHUNK_BYTES + 7)
    item = item_of(content, key=60)
    world.store(0).write(item.entry.digest, len(content), 0, b"other")

    world.run(world.member(0), "put", write_path.put_one(world.member(0), item, content))

    assert world.copies("a") == [0]
    offsets = [request.offset for _, _, request in world.sent if isinstance(request, Write)]
    assert offsets[0] == len(b"other") and 0 in offsets


def test_a_content_that_comes_whole_replaces_other_bytes_of_it() -> None:
    world, item = world_of([0]), item_of(CONTENT, key=60)
    world.store(0).write(item.entry.digest, len(CONTENT), 0, b"other")

    assert world.store(0).put(item, CONTENT).stored


def test_pieces_may_come_in_any_order() -> None:
    content = bytes(range(256)) * (7 * PIECE_BYTES // 512)
    store, starts = world_of([0]).store(0), [*range(0, len(content), PIECE_BYTES)]

    receipts = [
        store.write(digest_of(content), len(content), start, content[start : start + PIECE_BYTES])
        for start in (*starts[1:], starts[0])
    ]

    assert [receipt.stored for receipt in receipts] == [*[False] * (len(starts) - 1), True]
    assert store.read(digest_of(content), PIECE_BYTES, 8) == content[PIECE_BYTES : PIECE_BYTES + 8]


@pytest.mark.parametrize("received", [0, 7])
def test_a_put_gives_up_a_receiver_that_makes_no_progress(received: int) -> None:
    world = world_of([0])
    listen_to(world, 0, {Write: lambda request: Receipt(False, received)})

    content = bytes(CHUNK_BYTES + 1)
    with pytest.raises(UnderReplicated) as failure:
        world.put(0, "a", content)

    assert len(asked(world, Write)) <= 2 * (5 + 1 + EXTRA_PIECES_MAX)
    assert str(failure.value.__cause__).endswith(f"makes no progress receiving content {digest_of(content)[:8]}")


def test_a_put_gives_up_a_receiver_that_forgets_what_it_received() -> None:
    world = world_of([0])
    listen_to(world, 0, {Put: lambda request: (Receipt(False, 0),)})

    with pytest.raises(UnderReplicated):
        world.put(0, "a", CONTENT)


# --- get


def test_a_get_repairs_nothing_when_all_replicas_have_the_item() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    world.sent.clear()

    assert world.get(0, "a", key=60) == CONTENT
    assert asked(world, Put) == []


def test_many_contents_are_read_from_the_first_node_and_those_that_it_lacks_from_others() -> None:
    world, contents = world_of(TEN), [CONTENT, b"others", b""]
    for content in contents[:2]:
        world.run(world.member(0), "put", write_path.put_one(world.member(100), item_of(content, key=60), content))
    world.run(world.member(0), "put", write_path.put_one(world.member(75), item_of(CONTENT, key=60), CONTENT))
    nodes = (world.member(75), world.member(100))
    entries = [item_of(content, key=60).entry for content in contents]
    world.sent.clear()

    assert world.run(world.member(0), "read", read_path.fetch_many(nodes, entries)) == contents
    assert sorted(asked(world, Read)) == [75, 75, 75, 100]


def test_a_get_asks_replicas_and_one_more_before_it_says_not_found() -> None:
    world = world_of(TEN)

    with pytest.raises(NotFound):
        world.get(0, "a", key=60)

    assert sorted(asked(world, Find)) == [75, 100, 125, 150]


def test_one_node_that_has_the_item_is_enough() -> None:
    for only in (75, 100, 125, 150):
        world = world_of(TEN)
        world.run(world.member(0), "put", write_path.put_one(world.member(only), item_of(CONTENT, key=60), CONTENT))

        assert world.get(0, "a", key=60) == CONTENT


def test_read_repair_stores_the_item_on_all_replicas() -> None:
    world = world_of(TEN)
    world.run(world.member(0), "put", write_path.put_one(world.member(150), item_of(CONTENT, key=60), CONTENT))

    world.get(0, "a", key=60)

    assert world.copies("a") == [75, 100, 125, 150]


def test_read_repair_that_fails_does_not_fail_the_get() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    world.overrides[world.member(75)] = silent
    listen_to(world, 100, {Put: refusing(StoreFull("full"))})

    assert world.get(0, "a", key=60) == CONTENT


def test_a_get_waits_while_the_owner_receives_a_handoff() -> None:
    world = world_of(TEN)
    world.store(75).handoff_complete = False
    calls = iter(range(100))

    def settle_late(request: Find) -> Any:
        if next(calls) == 5:
            world.store(75).handoff_complete = True
            world.run(world.member(75), "put", write_path.put_one(world.member(75), item_of(CONTENT, key=60), CONTENT))
        return world.store(75).find(request.key)

    listen_to(world, 75, {Find: settle_late})

    assert world.get(0, "a", key=60) == CONTENT


def test_a_get_that_waits_in_vain_raises_not_yet() -> None:
    world = world_of(TEN)
    world.store(100).handoff_complete = False

    with pytest.raises(NotYet):
        world.get(0, "a", key=60)

    assert asked(world, Find).count(75) == read_path.FIND_ATTEMPTS_MAX


def test_another_item_of_the_key_does_not_hide_that_a_replica_could_not_answer() -> None:
    """At 5 bits keys are shared: that one name is found says nothing about the other."""
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    world.store(75).handoff_complete = False

    with pytest.raises(NotYet):
        world.get(0, "b", key=60)


def test_a_get_waits_for_a_later_version_on_a_node_that_receives_a_handoff() -> None:
    world = world_of(TEN)
    world.put(0, "a", b"old", key=60, version=1)
    for joiner in (60, 70):
        node = world.start(joiner)
        world.run(node.ref, "join", protocol.join(node, world.member(0)))
    world.settle(20)
    put_one = write_path.put_one(world.member(60), item_of(b"new", key=60, version=2), b"new")
    world.run(world.member(0), "put", put_one)

    with pytest.raises(NotYet):
        world.get(0, "a", key=60)
    assert world.get(0, "a", key=60, digest=digest_of(b"old")) == b"old", "of a digest there is one version only"
    found, _ = world.run(world.member(0), "find", read_path.find(world.member(0), world.ring, 60))
    assert [i.version for i in found] == [1], "better than nothing"

    world.store(60).handoff_complete = world.store(70).handoff_complete = True
    assert world.get(0, "a", key=60) == b"new"


@pytest.mark.parametrize("read", ["get", "find"])
def test_a_read_that_has_found_an_item_still_waits_for_the_handoff_of_a_later_version(read: str) -> None:
    world = world_of(TEN)
    world.put(0, "a", b"old", key=60, version=1)
    start, store = world.member(0), world.store(75)
    world.run(start, "put", write_path.put_one(world.member(75), item_of(b"new", key=60, version=2), b"new"))
    store.handoff_complete = False
    calls = iter(range(100))

    def complete_late(request: Find) -> Any:
        store.handoff_complete = next(calls) >= 5
        return store.find(request.key)

    listen_to(world, 75, {Find: complete_late})

    if read == "get":
        assert world.get(0, "a", key=60) == b"new"
    else:
        found, _ = world.run(start, "find", read_path.find(start, world.ring, 60))
        assert max(item.version for item in found) == 2


def test_a_silent_owner_does_not_count_as_one_without_the_item() -> None:
    world = world_of(TEN)
    listen_to(world, 75, {Find: silent})

    with pytest.raises(NotYet):
        world.get(0, "a", key=60)


@pytest.mark.parametrize(("joiners", "settled"), [([60], []), ([60], [60]), ([60, 70], [60]), ([60, 70], [60, 70])])
def test_an_item_that_a_leaving_node_refused_is_found_behind_nodes_that_join_meanwhile(
    joiners: list[int], settled: list[int]
) -> None:
    """With one copy a leaver's arc lies with whoever was next to it, when it took in no more."""
    world = world_of(TEN, successors=2, replicas=1)
    world.run(world.member(50), "seal", ask(world.member(50), StopAccepting()))
    assert world.put(0, "a", CONTENT, key=40) == (75,)

    for identifier in joiners:
        joiner = world.start(identifier)
        world.run(joiner.ref, "join", protocol.join(joiner, world.member(0)))
        world.settle(rounds_max=10)
    for identifier in settled:
        world.sync(identifier)

    assert world.get(0, "a", key=40) == CONTENT
    world.leave(50)
    world.settle(rounds_max=10)
    assert world.sync_all() and world.copies("a") == [60]
    assert world.get(0, "a", key=40) == CONTENT


def test_not_found_requires_an_answer_from_every_node_asked() -> None:
    world = world_of(TEN, replicas=1)
    world.store(125).handoff_complete = False

    with pytest.raises(NotYet):
        world.get(0, "b", key=60)
    world.store(125).handoff_complete = True
    with pytest.raises(NotFound):
        world.get(0, "b", key=60)


def test_a_lookup_that_passed_over_the_new_owner_proves_nothing() -> None:
    world = world_of(TEN)
    before, owner = world.live(50), world.live(75)
    assert before is not None and owner is not None
    joiner = world.start(65)
    joiner.set_successors(owner.ref, owner.successors)
    joiner.predecessor, joiner.joined = before.ref, True
    owner.predecessor = joiner.ref  # the node before the joiner has not noticed yet

    with pytest.raises(NotYet):
        world.get(0, "a", key=60)


def test_a_get_returns_the_latest_content_or_the_one_with_the_digest() -> None:
    world = world_of(TEN)
    world.put(0, "a", b"old", version=1)
    world.put(0, "a", b"new", version=2)

    assert world.get(0, "a") == b"new"
    assert world.get(0, "a", digest=digest_of(b"old")) == b"old"
    with pytest.raises(NotFound):
        world.get(0, "a", digest=digest_of(b"other"))


def test_a_deletion_known_to_one_replica_counts() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60, version=1)
    world.store(150).put(item_of(CONTENT, key=60, version=2, deleted=True))

    with pytest.raises(NotFound):
        world.get(0, "a", key=60)


def test_read_repair_passes_on_the_longest_lease_of_equal_versions() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60, lease_s=100.0)
    world.store(125).put(item_of(CONTENT, key=60, lease_s=5000.0))

    world.get(0, "a", key=60)
    world.clock.now += 4000.0

    assert world.copies("a") == [75, 100, 125]


# --- fetch


def test_a_corrupt_copy_is_skipped_and_repaired() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    world.corrupt(75, CONTENT)

    assert world.get(0, "a", key=60) == CONTENT
    world.store(75).collect_garbage(4)
    assert world.get(0, "a", key=60) == CONTENT
    assert world.copies("a") == [75, 100, 125]


def test_a_get_fails_when_all_copies_are_corrupt() -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    for holder in (75, 100, 125):
        world.corrupt(holder, CONTENT)

    with pytest.raises(NotFound):
        world.get(0, "a", key=60)


@pytest.mark.parametrize("lie", [lambda r: b"", lambda r: b"x", lambda r: b"y" * r.length])
def test_a_lying_holder_is_not_believed_and_asked_a_bounded_number_of_times(lie: Any) -> None:
    world = world_of(TEN)
    world.put(0, "a", CONTENT, key=60)
    listen_to(world, 75, {Read: lie})

    assert world.get(0, "a", key=60) == CONTENT
    assert asked(world, Read).count(75) <= read_path.GET_ATTEMPTS_MAX * len(CONTENT)


def test_a_copy_that_moved_between_find_and_read_is_found_again() -> None:
    world = world_of(TEN)
    item = item_of(CONTENT, key=60)
    world.run(world.member(0), "put", write_path.put_one(world.member(150), item, CONTENT))

    def hand_on(request: Read) -> Any:
        world.run(world.member(0), "put", write_path.put_one(world.member(75), item, CONTENT))
        world.store(150).release((item,))
        raise NotFound("handed on")

    listen_to(world, 150, {Read: hand_on})

    assert world.get(0, "a", key=60) == CONTENT


def test_a_content_is_read_up_to_the_size_that_was_announced_and_never_beyond_the_largest() -> None:
    asked: list[int] = []

    def endless(effect: Any) -> Any:
        if isinstance(effect, Gather):
            return [run(procedure, endless) for procedure in effect.procedures]
        if isinstance(effect, Offload):
            return effect.function()
        asked.append(effect.request.length)
        return bytes(effect.request.length)

    with pytest.raises(NotFound):
        run(read_path.fetch((NodeRef(1, "a", 1),), digest_of(b""), 1 << 62), endless)
    assert asked == []

    with pytest.raises(NotFound):
        run(read_path.fetch((NodeRef(1, "a", 1),), digest_of(b""), CHUNK_BYTES + 5), endless)
    assert asked == [PIECE_BYTES] * (CHUNK_BYTES // PIECE_BYTES) + [5]
    assert CONTENT_BYTES_MAX < 1 << 40
