"""One node's store: limits, versions, leases, the staging area, scrubbing and range digests."""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.chord.errors import Corrupt, Malformed, NotAllowed, NotFound, NotYet, StoreFull
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.rpc import store_codec
from roundelay.rpc.transport import FRAME_SIZE_MAX
from roundelay.store.blobs import MemoryBlobs, digest_of
from roundelay.store.index import Index
from roundelay.store.items import (
    CHUNK_BYTES,
    CONTENT_BYTES_MAX,
    ITEM_LEASE_S,
    LIST_MAX,
    Entry,
    Item,
    Parcel,
    Put,
    RangeDigest,
    Receipt,
)
from roundelay.store.names import NAME_BYTES_MAX, check_name
from roundelay.store.packing import TEXT, pack
from roundelay.store.staging import STAGING_TTL_S, UPLOAD_TTL_S, UPLOADS_MAX
from roundelay.store.store import (
    FIND_NAMES_MAX,
    ITEM_BYTES,
    ITEMS_MAX,
    KEY_BYTES_MAX,
    LEASE_MAX_S,
    ORPHAN_LEASE_MAX_S,
    ORPHANS_MAX,
    Store,
)
from tests.hypothesis_profiles import examples
from tests.store.store_harness import Clock, Disk, item_of, keep

CONTENT = b"seventeen numbers"
DIGEST = digest_of(CONTENT)
EFFORT = examples(60)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def disk(clock: Clock) -> Disk:
    return Disk(clock)


@pytest.fixture
def store(clock: Clock, disk: Disk) -> Store:
    return Store(clock, disk.blobs, disk)


@contextmanager
def collecting_at_every_allocation(called: Callable[[], object]) -> Iterator[None]:
    """Call a function whenever the garbage collector begins, where threads may take turns; let it begin often."""
    before = gc.get_threshold()

    def begin(phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            called()

    gc.callbacks.append(begin)
    gc.set_threshold(1, 1_000_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(begin)


def is_found(store: Store, item: Item) -> bool:
    """Is it kept, alive, and readable?"""
    return (
        any(i.entry == item.entry and not i.deleted for i in store.find(item.entry.key))
        and digest_of(store.read(item.entry.digest, 0, CHUNK_BYTES)) == item.entry.digest
    )


def test_what_comes_along_packed_is_unpacked_while_others_use_the_store(clock: Clock) -> None:
    lock, found, content = threading.Lock(), list[bool](), b"1,2,3,4\n" * 1000
    packed = pack(content, TEXT)

    @contextmanager
    def unpacking() -> Iterator[None]:
        found.append(lock.locked())
        yield

    store = Store(clock, lock=lock, unpacking=unpacking())
    (receipt,) = store.put_all(Put((Parcel(item_of(content), packed),)))

    assert receipt.stored and len(packed) < len(content)
    assert store.read(digest_of(content), 0, CHUNK_BYTES) == content
    assert found == [False]


# --- what is refused


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "/etc/passwd",
        "..\\up",
        "a\0b",
        "a\nb",
        "\x1b[2J",
        "\x7f",
        "\ud800",
        "\u202eoops",
        "x" * (NAME_BYTES_MAX + 1),
        "\u4e2d" * (NAME_BYTES_MAX // 3 + 1),
    ],
)
def test_a_harmful_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(Malformed):
        store.put(item_of(CONTENT, name=name))

    assert store.names == ()


@pytest.mark.parametrize(
    "name", ["a", "...", "dog 7.txt", "x" * NAME_BYTES_MAX, "\u4e2d" * (NAME_BYTES_MAX // 3), "-rf"]
)
def test_any_other_name_is_accepted(name: str) -> None:
    check_name(name)


class ContentGuard:
    """Allows every item, and no content with a certain word."""

    def check(self, item: Item, named: object, caller: int | None) -> None:
        return

    def check_content(self, item: Item, content: Callable[[], bytes]) -> None:
        if b"forged" in content():
            raise NotAllowed("it is forged")


@pytest.mark.parametrize("is_along", [True, False])
def test_an_item_whose_content_the_rules_refuse_is_not_stored(store: Store, is_along: bool) -> None:
    store.guard, content = ContentGuard(), b"a forged spec"
    if not is_along:
        assert not store.put(item_of(content)).stored, "what it says cannot be known yet"
        store.write(digest_of(content), len(content), 0, content)

    with pytest.raises(NotAllowed):
        store.put(item_of(content), content * is_along)

    assert store.find(1) == () and store.stored_bytes == 0
    assert keep(store, CONTENT) is not None and store.names == ("a",)


class CountingGuard(ContentGuard):
    """Counts the items that it has been asked about."""

    def __init__(self) -> None:
        self.asked = 0

    def check(self, item: Item, named: object, caller: int | None) -> None:
        self.asked += 1


def test_an_item_that_is_put_again_to_renew_its_lease_is_checked_once(store: Store) -> None:
    guard = store.guard = CountingGuard()
    signed = replace(item_of(CONTENT), signature=b"of alice")
    store.put(signed, CONTENT)

    assert store.put(replace(signed, lease_s=2 * signed.lease_s)).stored
    assert guard.asked == 1 and store.find(1)[0].lease_s == 2 * signed.lease_s
    for other in (replace(signed, signature=b"of eve"), replace(signed, version=2), replace(signed, signature=b"")):
        store.put(other)
    assert guard.asked == 4


def test_a_key_may_get_another_item_while_its_named_items_are_listed(store: Store) -> None:
    first, *others = [item_of(content) for content in (CONTENT, b"other", b"third")]
    store.put(first, CONTENT)

    listed = []
    for item in store.named_items(first.entry.key, first.entry.name):
        store.put(others.pop(), b"third")
        listed.append(item.entry)

    assert listed == [first.entry]


def test_the_names_are_listed_while_the_garbage_collector_lets_another_thread_store(store: Store) -> None:
    stored = [item_of(b"%d" % number) for number in range(50)]
    for number, item in enumerate(stored):
        store.put(item, b"%d" % number)
    others = [(item_of(b"%d" % number), b"%d" % number) for number in range(50, 250)]

    with collecting_at_every_allocation(lambda: store.put(*others.pop()) if others else None):
        names = store.names
        items = list(store.named_items(stored[0].entry.key, stored[0].entry.name))

    assert len(others) < 200  # some were stored meanwhile
    assert len(names) >= 50 and len(items) >= 50


def test_a_put_without_the_content_asks_for_it(store: Store) -> None:
    assert store.put(item_of(CONTENT)) == Receipt(False, 0)
    assert store.find(1) == ()


@pytest.mark.parametrize("size_bytes", [len(CONTENT) - 1, len(CONTENT) + 1, 0])
@pytest.mark.parametrize("known", [False, True])
def test_an_entry_with_another_size_than_its_content_is_refused(store: Store, size_bytes: int, known: bool) -> None:
    store.write(DIGEST, len(CONTENT), 0, CONTENT)
    if known:
        keep(store, CONTENT, name="true")

    with pytest.raises(Malformed):
        store.put(Item(Entry(1, "a", DIGEST, size_bytes), 1))

    assert "a" not in store.names


@pytest.mark.parametrize(
    ("size_bytes", "offset", "piece"),
    [
        (-1, 0, b""),
        (CONTENT_BYTES_MAX + 1, 0, b"x"),
        (4, -1, b"x"),
        (4, 2, b"xyz"),
        (4, 5, b""),
        (CONTENT_BYTES_MAX, 0, bytes(CHUNK_BYTES + 1)),
    ],
)
def test_a_piece_out_of_bounds_is_malformed(store: Store, size_bytes: int, offset: int, piece: bytes) -> None:
    with pytest.raises(Malformed):
        store.write(DIGEST, size_bytes, offset, piece)


def test_bytes_of_another_digest_are_corrupt_and_may_be_sent_again(store: Store) -> None:
    with pytest.raises(Corrupt):
        store.write(DIGEST, len(CONTENT), 0, CONTENT[::-1])
    assert not store.has(DIGEST)

    assert store.write(DIGEST, len(CONTENT), 0, CONTENT) == Receipt(True, len(CONTENT))


def test_pieces_out_of_order_repeated_or_overlapping_are_ignored(store: Store) -> None:
    size_bytes = len(CONTENT)
    assert store.write(DIGEST, size_bytes, 5, CONTENT[5:]) == Receipt(False, 0)
    assert store.write(DIGEST, size_bytes, 0, CONTENT[:6]) == Receipt(False, 6)
    assert store.write(DIGEST, size_bytes, 0, CONTENT[:6]) == Receipt(False, 6)
    assert store.write(DIGEST, size_bytes, 3, CONTENT[3:9]) == Receipt(False, 6)
    assert store.put(item_of(CONTENT)) == Receipt(False, 6)

    assert store.write(DIGEST, size_bytes, 6, CONTENT[6:]) == Receipt(True, size_bytes)
    assert store.put(item_of(CONTENT)).stored
    assert store.read(DIGEST, 0, CHUNK_BYTES) == CONTENT


@EFFORT
@given(st.binary(max_size=40), st.data())
def test_a_content_is_complete_or_absent_however_its_pieces_arrive(content: bytes, data: st.DataObject) -> None:
    store, digest = Store(lambda: 0.0), digest_of(content)
    for _ in range(30):
        offset = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(offset, len(content)))
        receipt = store.write(digest, len(content), offset, content[offset:end])
        assert store.has(digest) == receipt.stored
        assert not receipt.stored or store.read(digest, 0, CHUNK_BYTES) == content


@pytest.mark.parametrize(("offset", "length"), [(-1, 5), (0, -1), (0, CHUNK_BYTES + 1)])
def test_a_read_out_of_bounds_is_malformed(store: Store, offset: int, length: int) -> None:
    keep(store, CONTENT)
    with pytest.raises(Malformed):
        store.read(DIGEST, offset, length)


def test_a_read_beyond_the_end_is_empty_and_one_of_nothing_is_not_found(store: Store) -> None:
    keep(store, CONTENT)

    assert store.read(DIGEST, len(CONTENT), 10) == b""
    assert store.read(DIGEST, 3, 4) == CONTENT[3:7]
    with pytest.raises(NotFound):
        store.read(digest_of(b"?"), 0, 10)


def test_an_empty_content_is_a_content(store: Store) -> None:
    item = keep(store, b"")

    assert is_found(store, item)


# --- room


def test_a_content_that_does_not_fit_is_refused_before_its_bytes_arrive(clock: Clock) -> None:
    store = Store(clock, MemoryBlobs(bytes_max=100))
    keep(store, bytes(60), name="a")

    with pytest.raises(StoreFull):
        store.write(digest_of(bytes(41)), 41, 0, b"\0")
    keep(store, bytes(40), name="b")

    assert store.names == ("a", "b")


def test_incomplete_contents_take_room_as_well(clock: Clock) -> None:
    store = Store(clock, MemoryBlobs(bytes_max=100))
    store.write("d1", 60, 0, bytes(50))
    store.write("d2", 50, 0, bytes(1))

    with pytest.raises(StoreFull):
        store.write("d2", 61, 1, bytes(1))
    with pytest.raises(StoreFull):
        store.write("d3", 51, 0, b"")


def test_a_full_index_log_refuses_the_put_and_keeps_no_content(store: Store, disk: Disk) -> None:
    disk.room = 0

    with pytest.raises(StoreFull):
        keep(store, CONTENT)

    assert store.names == () and store.stored_bytes == 0
    disk.room = 1
    assert is_found(store, keep(store, CONTENT))


def test_a_full_index_log_leaves_the_contents_of_other_entries(store: Store, disk: Disk) -> None:
    kept = keep(store, CONTENT, name="a")
    disk.room = 0

    with pytest.raises(StoreFull):
        store.put(item_of(CONTENT, name="b"))

    assert is_found(store, kept)


def test_incomplete_contents_are_bounded_in_number_and_time(store: Store, clock: Clock) -> None:
    for number in range(UPLOADS_MAX + 1):
        store.write(digest_of(bytes([number % 256, number // 256])), 2, 0, bytes([number % 256]))
    assert store.put(item_of(bytes([0, 0]))) == Receipt(False, 0), "the oldest has given way"
    assert store.put(item_of(bytes([1, 0]))) == Receipt(False, 1)

    clock.now += UPLOAD_TTL_S
    store.collect_garbage(0)
    assert store.put(item_of(bytes([1, 0]))) == Receipt(False, 0)


def test_items_under_one_key_are_as_many_as_fit_into_one_message(store: Store) -> None:
    names = (f"{number:04}".ljust(NAME_BYTES_MAX, "x") for number in range(10_000))
    kept = 0
    with pytest.raises(StoreFull):
        for name in names:
            keep(store, CONTENT, name=name)
            kept += 1

    found = store.find(1)
    assert len(found) == kept == KEY_BYTES_MAX // (ITEM_BYTES + NAME_BYTES_MAX)
    assert store.put(found[0]).stored, "what is there may be renewed"
    keep(store, CONTENT, name="another key", key=2)


@given(st.integers(0, (1 << 63) - 1), st.text("aé中", max_size=5))
@EFFORT
def test_an_item_on_the_wire_is_not_larger_than_estimated(number: int, name: str) -> None:
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TTransport import TMemoryBuffer

    buffer = TMemoryBuffer()
    item = Item(Entry(number, name, DIGEST, number), number, LEASE_MAX_S, True)
    store_codec.item_to_wire(item).write(TBinaryProtocol(buffer))

    assert len(buffer.getvalue()) <= ITEM_BYTES + len(name.encode())
    largest_list = KEY_BYTES_MAX + (LIST_MAX - 1) * (ITEM_BYTES + NAME_BYTES_MAX)
    assert largest_list + 1000 < FRAME_SIZE_MAX, "a list of items fits into a frame, with its envelope"


# --- versions, deletions, leases


def standings() -> Iterable[tuple[int, float, bool]]:
    """Version, lease, deleted: some of everything."""
    return [(version, lease_s, deleted) for version in (1, 2) for lease_s in (10.0, 500.0) for deleted in (False, True)]


@pytest.mark.parametrize("first", standings())
@pytest.mark.parametrize("second", standings())
def test_the_order_in_which_two_items_arrive_does_not_matter(
    first: tuple[int, float, bool], second: tuple[int, float, bool]
) -> None:
    seen = set()
    for order in permutations((first, second)):
        store = Store(lambda: 0.0)
        for version, lease_s, deleted in order:
            store.write(DIGEST, len(CONTENT), 0, CONTENT)
            assert store.put(item_of(CONTENT, version=version, lease_s=lease_s, deleted=deleted)).stored
        seen.add(store.find(1))

    assert len(seen) == 1, "the later version wins, and of equal ones the deletion"


def test_a_deletion_removes_the_content_and_remains(store: Store) -> None:
    keep(store, CONTENT, version=5)
    store.put(item_of(CONTENT, version=5, deleted=True))

    (item,) = store.find(1)
    assert item.deleted and not store.has(DIGEST) and store.names == ()


def test_a_content_that_another_entry_names_survives_a_deletion(store: Store) -> None:
    keep(store, CONTENT, name="a")
    other = keep(store, CONTENT, name="b")

    store.put(item_of(CONTENT, name="a", version=2, deleted=True))

    assert is_found(store, other)


def test_a_content_stays_as_long_as_an_entry_names_it_whatever_happens_to_the_others(clock: Clock) -> None:
    store, rng = Store(clock), random.Random(5)
    for version in range(1, 400):
        content, name = bytes([rng.randrange(3)]), rng.choice("abc")
        item = item_of(content, name=name, version=version - rng.randrange(3), lease_s=rng.choice([5.0, 50.0]))
        match rng.randrange(4):
            case 0:
                store.put(replace(item, deleted=True))
            case 1:
                store.release((item,))
            case 2:
                clock.now += 3.0
                store.collect_garbage(1)
            case _:
                keep(store, content, name=name, version=item.version, lease_s=item.lease_s)
        live = [i.entry for i in store.find(1) if not i.deleted]
        assert all(store.read(entry.digest, 0, 1) for entry in live)
        store.collect_garbage(0)
        assert store.stored_bytes == len({entry.digest for entry in live})


def test_an_old_copy_is_not_revived_after_a_deletion_and_its_bytes_are_not_requested(store: Store) -> None:
    store.put(item_of(CONTENT, version=2, deleted=True))

    assert store.put(item_of(CONTENT, version=1)) == Receipt(True, len(CONTENT))
    assert store.find(1)[0].deleted and store.stored_bytes == 0


def test_an_entry_may_be_put_again_after_its_deletion(store: Store) -> None:
    keep(store, CONTENT, version=1)
    store.put(item_of(CONTENT, version=2, deleted=True))

    assert is_found(store, keep(store, CONTENT, version=3))


def test_a_deletion_lasts_as_long_as_the_lease_of_what_it_deletes(store: Store, clock: Clock) -> None:
    keep(store, CONTENT, version=1, lease_s=1000.0)
    store.put(item_of(CONTENT, version=2, lease_s=5.0, deleted=True))
    store.put(item_of(CONTENT, version=1, lease_s=2000.0))

    clock.now += 1999.0
    assert store.find(1)[0].deleted


def test_an_entry_whose_lease_is_not_renewed_expires(store: Store, clock: Clock, disk: Disk) -> None:
    keep(store, CONTENT, lease_s=10.0)
    clock.now += 10.0

    assert store.find(1) == () and store.names == ()
    store.collect_garbage(0)
    assert store.stored_bytes == 0 and disk.rows == {}


def test_a_renewal_extends_a_lease_and_never_shortens_it(store: Store, clock: Clock) -> None:
    item = keep(store, CONTENT, lease_s=10.0)
    clock.now += 9.0
    store.put(replace(item, lease_s=10.0))
    store.put(replace(item, lease_s=1.0))
    clock.now += 9.0

    assert is_found(store, item)


def test_a_lease_by_a_slow_clock_counts_as_well(store: Store, clock: Clock) -> None:
    item = keep(store, CONTENT, version=9, lease_s=10.0)
    keep(store, CONTENT, version=4, lease_s=1000.0)
    clock.now += 999.0

    assert is_found(store, item)
    assert store.find(1)[0].version == 9


def test_a_put_after_the_lease_expired_is_a_new_entry(store: Store, clock: Clock) -> None:
    keep(store, CONTENT, version=9, lease_s=10.0)
    clock.now += 10.0

    item = keep(store, CONTENT, version=4)

    assert is_found(store, item), "acknowledged, though nobody has tidied up yet"


def test_no_lease_is_longer_than_the_longest(store: Store, clock: Clock) -> None:
    keep(store, CONTENT, lease_s=1e12)

    assert store.find(1)[0].lease_s <= LEASE_MAX_S


def test_the_duration_of_a_message_does_not_count_as_a_renewal(store: Store, clock: Clock, disk: Disk) -> None:
    item = keep(store, CONTENT)
    for _ in range(100):
        (seen,) = store.find(1)
        clock.now += 0.01  # on its way
        store.put(seen)

    assert disk.writes == 1, "a read that repairs nothing writes nothing"
    assert store.find(1)[0].lease_s < item.lease_s


def test_a_leaving_node_accepts_nothing_and_still_answers(store: Store) -> None:
    item = keep(store, CONTENT)
    store.stop_accepting()

    with pytest.raises(NotYet):
        store.put(item_of(b"new", name="new"))
    assert is_found(store, item)


# --- scratch


def test_staged_content_is_readable_until_it_is_released(store: Store) -> None:
    store.write(DIGEST, len(CONTENT), 0, CONTENT)
    assert store.read(DIGEST, 0, CHUNK_BYTES) == CONTENT and store.stored_bytes == 0

    store.release((), (DIGEST,))

    assert not store.has(DIGEST)


def test_releasing_staged_content_keeps_what_an_entry_names(store: Store) -> None:
    item = keep(store, CONTENT)
    store.write(DIGEST, len(CONTENT), 0, CONTENT)

    store.release((), (DIGEST,))

    assert is_found(store, item)


def test_staged_content_that_is_not_used_expires(store: Store, clock: Clock) -> None:
    store.write(DIGEST, len(CONTENT), 0, CONTENT)
    for _ in range(3):
        clock.now += STAGING_TTL_S - 1.0
        store.collect_garbage(0)
        assert store.read(DIGEST, 0, CHUNK_BYTES) == CONTENT, "read: somebody wants it"

    clock.now += STAGING_TTL_S
    store.collect_garbage(0)

    assert not store.has(DIGEST)


def test_a_release_keeps_later_versions(store: Store) -> None:
    old = keep(store, CONTENT, version=1)
    keep(store, CONTENT, version=2)

    store.release((old,))
    assert is_found(store, old)

    store.release((replace(old, version=2),))
    assert store.find(1) == () and store.stored_bytes == 0


def test_the_specs_of_jobs_are_found_without_going_through_other_entries(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        keep(store, CONTENT, key=number, name=str(number))
    one, gone, ended = (
        keep(store, CONTENT, key=number, name=f"{number}.spec", lease_s=lease_s)
        for number, lease_s in ((7, 50.0), (8, 50.0), (9, 5.0))
    )
    store.put(replace(gone, version=2, deleted=True))
    clock.now += 6.0
    looked_at = list[int]()
    copied = Index._copied

    def count(index: Index, key: int) -> object:
        looked_at.append(key)
        return copied(index, key)

    monkeypatch.setattr(Index, "_copied", count)

    assert [item.entry for item in store.list_specs()] == [one.entry]
    assert looked_at == [7, 8, 9]
    store.collect_garbage(0)
    looked_at.clear()
    assert [item.entry for item in store.list_specs()] == [one.entry]
    assert looked_at == [7, 8] and ended.entry not in store._index._specs


# --- rot


def test_a_corrupt_content_is_found_removed_and_counts_as_missing(store: Store, disk: Disk) -> None:
    item = keep(store, CONTENT)
    disk.blobs._contents[DIGEST] = b"x" + CONTENT[1:]

    assert store.collect_garbage(4) == 1

    assert store.find(1) == () and store.range_digest(0, 0) == RangeDigest(0, 0)
    assert not store.put(item).stored, "it asks for the bytes again"
    assert is_found(store, keep(store, CONTENT))


def test_the_scrubber_reads_everything_in_turn(store: Store, disk: Disk) -> None:
    contents = [bytes([number]) * 5 for number in range(10)]
    for number, content in enumerate(contents):
        keep(store, content, name=str(number))
    for content in contents:
        disk.blobs._contents[digest_of(content)] = b"rot"

    assert [store.collect_garbage(4) for _ in range(4)] == [4, 4, 2, 0]


def test_the_scrubber_reads_fewer_contents_if_they_are_large(
    store: Store, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.store.store.SCRUB_BYTES", 10)
    for number in range(4):
        keep(store, bytes([number]) * 9, name=str(number))
    for content in [bytes([number]) * 9 for number in range(4)]:
        disk.blobs._contents[digest_of(content)] = b"rot" * 3

    assert [store.collect_garbage(4) for _ in range(3)] == [2, 2, 0]


def test_a_content_that_is_dropped_while_it_is_scrubbed_is_not_counted_as_corrupt(
    store: Store, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = keep(store, CONTENT)
    verify = disk.blobs.verify

    def release_and_verify(digest: str) -> None:
        store.release((item,))
        verify(digest)

    monkeypatch.setattr(disk.blobs, "verify", release_and_verify)

    assert store.collect_garbage(4) == 0


def test_an_entry_that_is_renewed_while_expired_ones_are_looked_for_stays(clock: Clock) -> None:
    lock = Interrupting()
    store = Store(clock, lock=lock)
    renewed = keep(store, CONTENT, lease_s=5.0)
    clock.now += 6.0
    lock.do = lambda: keep(store, CONTENT, lease_s=5.0)

    store.collect_garbage(0)

    assert is_found(store, renewed)


def test_expired_entries_are_removed_some_at_a_time(
    store: Store, disk: Disk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roundelay.store.store.REMOVED_AT_ONCE", 2)
    for number in range(5):
        keep(store, CONTENT, name=str(number), lease_s=5.0)
    erased, erase = list[int](), disk.erase

    def erase_and_count(entries: list[Entry]) -> None:
        erased.append(len(entries))
        erase(entries)

    monkeypatch.setattr(disk, "erase", erase_and_count)
    clock.now += 6.0

    store.collect_garbage(0)

    assert (erased, disk.rows) == ([2, 2, 1], {})


class Interrupting:
    """A lock that is taken only after another thread has done something."""

    do: Callable[[], object] = staticmethod(lambda: None)

    def __enter__(self) -> None:
        self.do()

    def __exit__(self, *_: object) -> None:
        return


# --- names and keys


def test_equal_names_with_different_contents_are_two_entries(store: Store) -> None:
    one = keep(store, b"of one job")
    two = keep(store, b"of another")

    store.put(replace(one, version=2, deleted=True))

    assert is_found(store, two) and not store.has(one.entry.digest)


def test_33_names_at_5_bits_do_not_collide(store: Store) -> None:
    ring = Ring(bits=5, successors=3, replicas=1)
    contents = {f"file {number}": f"rows of {number}".encode() for number in range(33)}
    items = [keep(store, content, name=name, key=ring.key(name)) for name, content in contents.items()]

    assert len({i.entry.key for i in items}) < 33
    assert all(is_found(store, item) for item in items)
    assert sum(len(store.find(key)) for key in range(32)) == 33


# --- arcs


ITEMS = st.lists(
    st.builds(
        Item,
        st.builds(
            Entry,
            st.integers(0, 7),
            st.sampled_from("ab"),
            st.sampled_from([digest_of(b"1"), digest_of(b"2")]),
            st.just(1),
        ),
        st.integers(1, 2),
        st.just(ITEM_LEASE_S),
        st.booleans(),
    ),
    max_size=8,
)
CONTENTS = {digest_of(b"1"): b"1", digest_of(b"2"): b"2"}


def store_of(items: list[Item]) -> Store:
    store = Store(lambda: 0.0)
    for item in items:
        store.write(item.entry.digest, 1, 0, CONTENTS[item.entry.digest])
        store.put(item)
    return store


def held(store: Store, start: int, end: int) -> set[tuple[Entry, int, bool]]:
    """By asking for every key of the arc."""
    return {
        (i.entry, i.version, i.deleted)
        for key in range(8)
        if between_right_closed(start, key, end)
        for i in store.find(key)
    }


@examples(200)
@given(ITEMS, ITEMS, st.integers(0, 7), st.integers(0, 7))
def test_range_digests_are_equal_exactly_if_the_items_are(
    one: list[Item], two: list[Item], start: int, end: int
) -> None:
    first, second = store_of(one), store_of(two)
    equal = held(first, start, end) == held(second, start, end)

    assert (first.range_digest(start, end) == second.range_digest(start, end)) == equal
    shuffled = random.Random(0).sample(one, len(one))
    assert store_of(shuffled).range_digest(start, end) == first.range_digest(start, end)


@EFFORT
@given(ITEMS, st.integers(0, 7), st.integers(0, 7))
def test_list_range_returns_the_arc_in_its_order(items: list[Item], start: int, end: int) -> None:
    store = store_of(items)
    listed = store.list_range(start, end)

    assert {(i.entry, i.version, i.deleted) for i in listed} == held(store, start, end)
    steps = [(i.entry.key - start - 1) % 8 for i in listed]
    assert steps == sorted(steps)
    assert store.range_digest(start, end).count == len(listed)


def test_a_long_list_ends_with_a_complete_key_and_the_next_continues_there(store: Store) -> None:
    for key in range(30):
        for number in range(40):
            keep(store, CONTENT, name=str(number), key=key)
    seen: list[Item] = []
    start = 20
    while True:
        part = store.list_range(start, 19)
        seen += part
        start = part[-1].entry.key
        if start == 19:
            break
        assert LIST_MAX <= len(part) < LIST_MAX + 40

    assert len(seen) == len({i.entry for i in seen}) == 30 * 40 - 40, "all but those of key 20"


def test_a_key_with_more_items_than_a_list_is_returned_completely(store: Store) -> None:
    for number in range(LIST_MAX + 50):
        keep(store, CONTENT, name=str(number))

    assert len(store.list_range(0, 1)) == LIST_MAX + 50


# --- hand-over, and an earlier life


def test_a_store_that_receives_a_handoff_answers_not_yet(store: Store) -> None:
    keep(store, CONTENT)
    store.handoff_complete = False

    with pytest.raises(NotYet):
        store.find(1)
    assert store.range_digest(0, 5).count == 1, "comparing goes on"


def test_a_restart_restores_the_entries_whose_lease_has_not_expired(store: Store, disk: Disk, clock: Clock) -> None:
    lasting = keep(store, b"lasting", name="lasting", lease_s=100.0)
    keep(store, b"brief", name="brief", lease_s=10.0)
    gone = keep(store, b"gone", name="gone", version=1)
    store.put(replace(gone, version=2, deleted=True))

    clock.now += 50.0
    later = Store(clock, disk.blobs, disk)
    later.restore(disk.items())

    assert later.names == ("lasting",) and is_found(later, lasting)
    assert later.put(gone).stored and not is_found_by_name(later, "gone")
    clock.now += 50.0
    assert not later.names


def is_found_by_name(store: Store, name: str) -> bool:
    return name in store.names


def test_a_clock_set_back_cannot_extend_a_lease_beyond_the_maximum(store: Store) -> None:
    store.restore([replace(item_of(CONTENT, deleted=True), lease_s=1e15)])

    assert store.find(1)[0].lease_s <= LEASE_MAX_S


def test_deletions_of_entries_that_never_existed_have_a_budget_and_expire_soon(store: Store, clock: Clock) -> None:
    kept = keep(store, CONTENT)

    for number in range(ORPHANS_MAX):
        store.put(item_of(b"", name=str(number), key=number + 2, lease_s=LEASE_MAX_S, deleted=True))
    with pytest.raises(StoreFull, match="deletions of unknown entries"):
        store.put(item_of(b"", name="one more", deleted=True))
    store.put(replace(kept, deleted=True))

    clock.now += ORPHAN_LEASE_MAX_S
    store.collect_garbage(0)
    assert store.put(item_of(b"", name="one more", deleted=True)).stored
    assert [item.deleted for item in store.find(kept.entry.key, (kept.entry.name,))] == [], "its own lease is over too"


def test_the_items_of_a_store_have_a_budget(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ITEMS_MAX > 100_000
    monkeypatch.setattr("roundelay.store.store.ITEMS_MAX", 2)
    first = keep(store, CONTENT)
    keep(store, CONTENT, name="b")

    with pytest.raises(StoreFull, match="2 items"):
        keep(store, CONTENT, name="c")
    store.put(replace(first, version=2))
    store.release([first, replace(first, version=2)])
    keep(store, CONTENT, name="c")


def test_too_many_names_to_find_are_refused(store: Store) -> None:
    with pytest.raises(Malformed, match="names, at most"):
        store.find(1, ("a",) * (FIND_NAMES_MAX + 1))
