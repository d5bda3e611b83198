"""Tests that an acknowledged put survives, whole, a killed process, a full disk and flipped bits."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

import pytest

from roundelay.chord.errors import Corrupt, NotFound, NotYet, StoreFull
from roundelay.node.disk import COPIED_AT_ONCE, Disk
from roundelay.node.errors import DiskError
from roundelay.store.blobs import digest_of
from roundelay.store.items import CHUNK_BYTES, ITEM_LEASE_S, PIECE_BYTES, Entry, Item, Parcel, Put
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.store import Store
from roundelay.store.transfer import PIECES_IN_FLIGHT
from tests.node.put_for_ever import content_of, item_of, put

ROOT = Path(__file__).resolve().parent.parent.parent
CONTENT = b"rows of numbers"
DIGEST = digest_of(CONTENT)
ITEM = Item(Entry((1 << 160) - 1, "dog \u4e2d.txt", DIGEST, len(CONTENT)), -7, ITEM_LEASE_S)


class Wall:
    """A wall clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "store.sqlite"


@pytest.fixture
def disk(path: Path, wall: Wall) -> Iterator[Disk]:
    made = Disk(path, wall_clock=wall)
    made.open()
    yield made
    made.close()


def reopened(disk: Disk, path: Path, wall: Wall) -> Disk:
    """Reopen the disk, as after a restart."""
    disk.close()
    later = Disk(path, wall_clock=wall)
    later.open()
    return later


def whole(disk: Disk, digest: str) -> bytes:
    """Read a content in every way that verifies it."""
    disk.verify(digest)
    return disk.piece(digest, 0, disk.size_bytes(digest))


def store_on(disk: Disk) -> Store:
    store = Store(lambda: 0.0, disk, disk)
    store.restore(disk.items())
    return store


# --- staging


def test_a_large_content_is_staged_in_an_unnamed_file(disk: Disk, path: Path) -> None:
    content = bytes(range(256)) * (LARGE_BYTES_MIN // 256) + b"end"
    digest = digest_of(content)
    store, item = store_on(disk), Item(Entry(7, "large", digest, len(content)), 1)
    tracemalloc.start()
    for start in range(0, len(content), CHUNK_BYTES):
        receipt = store.write(digest, len(content), start, content[start : start + CHUNK_BYTES])
    assert receipt.stored and store.put(item).stored
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak_bytes < LARGE_BYTES_MIN, "one piece or two, never the whole"
    assert whole(disk, digest) == content
    assert all(entry.name.startswith(path.name) for entry in path.parent.iterdir())


def test_a_small_content_is_staged_in_memory(disk: Disk, path: Path) -> None:
    assert isinstance(disk.buffer(LARGE_BYTES_MIN - 1), BytesIO)


def test_a_content_from_a_file_is_verified_when_it_is_added(disk: Disk) -> None:
    spool = disk.buffer(LARGE_BYTES_MIN)
    spool.write(b"other bytes")

    with pytest.raises(Corrupt):
        disk.add(DIGEST, spool.getvalue())

    assert not disk.has(DIGEST) and disk.total_bytes == 0


def test_a_staged_content_that_finds_no_room_is_refused_and_can_start_again(disk: Disk) -> None:
    content = bytes(range(256)) * (LARGE_BYTES_MIN // 256)
    digest, store, write = digest_of(content), store_on(disk), os.pwrite
    room = iter([100])

    def full(descriptor: int, data: bytes, offset: int) -> int:
        for count in room:
            return write(descriptor, data[:count], offset)
        raise OSError(28, "No space left on device")

    with patch("os.pwrite", full), pytest.raises(StoreFull):
        store.write(digest, len(content), 0, content[:CHUNK_BYTES])
    for start in range(0, len(content), CHUNK_BYTES):
        store.write(digest, len(content), start, content[start : start + CHUNK_BYTES])

    assert store.put(Item(Entry(7, "large", digest, len(content)), 1)).stored


# --- contents


@pytest.mark.parametrize("size_bytes", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5])
def test_a_content_reads_back_as_added_whole_and_in_pieces(disk: Disk, size_bytes: int) -> None:
    content = random.Random(size_bytes).randbytes(size_bytes)
    digest = digest_of(content)
    disk.add(digest, content)

    assert whole(disk, digest) == content and disk.size_bytes(digest) == size_bytes
    edges = {0, 1, size_bytes // 2, max(0, size_bytes - 1), size_bytes, size_bytes + 1, CHUNK_BYTES - 1, CHUNK_BYTES}
    for offset in edges:
        for length in (0, 1, 1000, CHUNK_BYTES):
            assert disk.piece(digest, offset, length) == content[offset : offset + length]


def test_a_missing_content_is_not_found_and_a_wrong_digest_is_refused(disk: Disk) -> None:
    with pytest.raises(NotFound):
        disk.verify(DIGEST)
    with pytest.raises(NotFound):
        disk.piece(DIGEST, 0, 1)
    with pytest.raises(Corrupt):
        disk.add(DIGEST, b"other bytes")

    assert not disk.has(DIGEST) and disk.total_bytes == 0


def test_used_bytes_are_counted_and_freed(path: Path) -> None:
    disk = Disk(path, bytes_max=20)
    disk.open()
    disk.add(DIGEST, CONTENT)
    disk.add(DIGEST, CONTENT)
    with pytest.raises(StoreFull):
        disk.add(digest_of(b"123456"), b"123456")

    disk.drop(DIGEST)
    disk.add(digest_of(b"123456"), b"123456")

    assert disk.total_bytes == 6
    disk.close()


def count_read_bytes(disk: Disk) -> Callable[[], int]:
    """Return a function that returns how many bytes of contents and checksums have been read from the database."""
    read_bytes = 0

    def counting(*row: object) -> tuple[object, ...]:
        nonlocal read_bytes
        read_bytes += sum(len(value) for value in row if isinstance(value, bytes))
        return row

    assert disk._database is not None
    disk._database.row_factory = lambda _cursor, row: counting(*row)
    return lambda: read_bytes


@pytest.mark.parametrize("seed", range(5))
def test_parts_that_are_read_a_few_at_a_time_are_read_from_the_file_once(disk: Disk, seed: int) -> None:
    content = random.Random(1).randbytes(4 * CHUNK_BYTES + 5)
    disk.add(digest_of(content), content)
    read_bytes, rng = count_read_bytes(disk), random.Random(seed)
    starts = [*range(0, len(content), PIECE_BYTES)]

    while starts:
        some, starts = starts[:PIECES_IN_FLIGHT], starts[PIECES_IN_FLIGHT:]
        for start in rng.sample(some, len(some)):
            assert disk.piece(digest_of(content), start, PIECE_BYTES) == content[start : start + PIECE_BYTES]

    assert read_bytes() < 1.01 * len(content)


def test_a_part_of_a_content_that_was_dropped_is_not_found(disk: Disk) -> None:
    content = bytes(2 * CHUNK_BYTES)
    disk.add(digest_of(content), content)
    assert disk.piece(digest_of(content), 0, 10) == bytes(10)

    disk.drop(digest_of(content))

    with pytest.raises(NotFound):
        disk.piece(digest_of(content), 10, 10)


def test_a_piece_costs_as_much_at_the_end_of_a_large_content_as_in_a_small_one(disk: Disk) -> None:
    """Read two large contents in turns: no piece may cost a read of the whole content."""
    contents = [bytes([number]) * (8 * CHUNK_BYTES) for number in range(2)]
    for content in contents:
        disk.add(digest_of(content), content)
    read_bytes = count_read_bytes(disk)
    for offset in range(0, 8 * CHUNK_BYTES, CHUNK_BYTES):
        for content in contents:
            assert disk.piece(digest_of(content), offset, CHUNK_BYTES) == content[:CHUNK_BYTES]

    assert read_bytes() < 2.1 * 8 * CHUNK_BYTES, "each byte once, and checksums"


# --- restarts


def test_a_reopened_disk_restores_every_item_and_content(disk: Disk, path: Path, wall: Wall) -> None:
    store = store_on(disk)
    for number in range(8):
        put(store, number)
    store.put(replace(item_of(2), version=99, deleted=True))

    later = reopened(disk, path, wall)
    again = store_on(later)

    assert again.names == tuple(f"file {n}" for n in range(8) if n != 2)
    assert all(whole(later, item_of(n).entry.digest) == content_of(n) for n in range(8) if n != 2)
    assert again.find(2)[0].deleted and later.total_bytes == sum(len(content_of(n)) for n in range(8) if n != 2)
    later.close()


def test_an_item_keeps_its_key_name_version_and_lease(disk: Disk, path: Path, wall: Wall) -> None:
    disk.add(DIGEST, CONTENT)
    disk.record(ITEM)
    wall.now += 100.0

    later = reopened(disk, path, wall)

    assert later.items() == [replace(ITEM, lease_s=ITEM_LEASE_S - 100.0)]
    later.close()


def test_items_that_expired_while_the_process_was_down_are_not_restored_and_take_no_room(
    disk: Disk, path: Path, wall: Wall
) -> None:
    disk.add(DIGEST, CONTENT)
    disk.record(ITEM)
    wall.now += ITEM_LEASE_S

    later = reopened(disk, path, wall)

    assert later.items() == [] and later.total_bytes == 0 and not later.has(DIGEST)
    later.close()


def test_opening_the_disk_erases_contents_that_no_item_names(disk: Disk, path: Path, wall: Wall) -> None:
    """A process that dies between writing a content and its item leaves such a content behind."""
    disk.add(DIGEST, CONTENT)
    disk.add(digest_of(b"deleted"), b"deleted")
    disk.record(Item(Entry(1, "a", digest_of(b"deleted"), 7), 1, deleted=True))

    later = reopened(disk, path, wall)

    assert later.total_bytes == 0 and later.items()[0].deleted
    later.close()


def test_an_item_that_is_erased_or_replaced_is_stored_once(disk: Disk, path: Path, wall: Wall) -> None:
    disk.record(ITEM)
    disk.record(replace(ITEM, version=8))
    assert [item.version for item in disk.items()] == [8]

    disk.erase([ITEM.entry])

    assert disk.items() == []


# --- killed processes and torn logs


def children(path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/node/put_for_ever.py"), str(path), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("acknowledged", [1, 4, 9])
def test_every_put_acknowledged_before_a_sigkill_survives(path: Path, acknowledged: int) -> None:
    child = children(path, "0")
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(acknowledged)]
    child.kill()
    lines += child.stdout.read().splitlines()
    child.stdout.close()
    child.wait()

    kept = {int(line.split()[1]) for line in lines if line.startswith("kept")}
    disk = Disk(path)
    disk.open()
    store = store_on(disk)

    assert len(kept) >= acknowledged
    for number in kept:
        assert f"file {number}" in store.names and whole(disk, item_of(number).entry.digest) == content_of(number)
    there = [int(name.split()[1]) for name in store.names]
    assert all(whole(disk, item_of(n).entry.digest) == content_of(n) for n in there), "nothing is half-written"
    disk.close()


@pytest.mark.parametrize("seed", range(12))
def test_a_log_truncated_anywhere_holds_whole_contents_or_none(path: Path, tmp_path: Path, seed: int) -> None:
    """Truncate the log as a power cut does: everything written before that point is whole."""
    disk = Disk(path)
    disk.open()
    store = store_on(disk)
    for number in range(6):
        put(store, number)
    copy = tmp_path / "copy"
    shutil.copytree(path.parent, copy)  # the process still holds the original
    disk.close()
    log = copy / "store.sqlite-wal"
    with log.open("r+b") as file:
        file.truncate(random.Random(seed).randrange(log.stat().st_size))

    later = Disk(copy / "store.sqlite")
    later.open()
    again = store_on(later)

    for name in again.names:
        number = int(name.split()[1])
        assert whole(later, item_of(number).entry.digest) == content_of(number)
    put(again, 77)
    assert "file 77" in again.names
    later.close()


# --- corruption and repair


def flip(path: Path, content: bytes) -> None:
    """Flip one bit of this content in the file."""
    raw = bytearray(path.read_bytes())
    place = raw.index(content[:30]) + 7
    raw[place] ^= 4
    path.write_bytes(raw)


def test_a_content_with_a_flipped_bit_is_detected_dropped_and_repairable(disk: Disk, path: Path, wall: Wall) -> None:
    store = store_on(disk)
    for number in (1, 2):
        put(store, number)
    disk.close()
    flip(path, content_of(1))
    later = reopened(disk, path, wall)
    again = store_on(later)
    digest = item_of(1).entry.digest

    with pytest.raises(Corrupt):
        again.read(digest, 0, 50)

    assert list(again.names) == ["file 2"] and not later.has(digest)
    assert later.total_bytes == len(content_of(2))
    put(again, 1)
    assert list(again.names) == ["file 1", "file 2"] and whole(later, digest) == content_of(1)
    later.close()


def test_the_scrubber_finds_a_flipped_bit_before_a_reader_does(disk: Disk, path: Path, wall: Wall) -> None:
    store = store_on(disk)
    put(store, 1)
    disk.close()
    flip(path, content_of(1))
    later = reopened(disk, path, wall)

    assert store_on(later).collect_garbage(4) == 1

    later.close()


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM piece WHERE number = 1",
        "DELETE FROM piece WHERE number = 3",
        "UPDATE piece SET bytes = x'00', checksum = x'00' WHERE number = 2",
        "UPDATE piece SET number = 9 WHERE number = 2",
        "UPDATE content SET size = size - 1",
    ],
)
def test_a_content_with_missing_or_truncated_rows_is_corrupt(disk: Disk, path: Path, wall: Wall, harm: str) -> None:
    put(store_on(disk), 3)
    disk.close()
    database = sqlite3.connect(path)
    with database:
        database.execute(harm)
    database.close()
    later = reopened(disk, path, wall)

    assert store_on(later).collect_garbage(4) == 1

    assert later.total_bytes == 0
    later.close()


def test_a_content_on_an_unreadable_page_is_reported_missing(disk: Disk, path: Path, wall: Wall) -> None:
    store = store_on(disk)
    for number in (1, 3):
        put(store, number)
    disk.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096 * 20)
    later = reopened(disk, path, wall)

    with pytest.raises(Corrupt):
        later.verify(item_of(3).entry.digest)

    again = store_on(later)
    assert "file 3" not in again.names and whole(later, item_of(1).entry.digest) == content_of(1)
    later.close()


@pytest.mark.parametrize("garbage", [b"no database at all" * 300, b"SQLite format 3\0" + bytes(4000)])
def test_a_file_that_is_not_a_database_is_refused_in_one_line_and_not_changed(tmp_path: Path, garbage: bytes) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(garbage)

    with pytest.raises(DiskError) as error:
        Disk(path).open()

    assert "move it away" in str(error.value) and "\n" not in str(error.value)
    assert path.read_bytes() == garbage


# --- full disks


def test_a_full_disk_refuses_the_put_and_stays_usable(path: Path) -> None:
    """Limit the child's files to 3 MB with RLIMIT_FSIZE, so that large contents do not fit and small ones do."""
    child = children(path, str(3 << 20))
    assert child.stdout is not None
    fates = dict[int, str]()
    for line in child.stdout:
        fate, digits = line.split()
        fates[int(digits)] = fate
        if len(fates) == 14:
            break
    child.kill()
    child.stdout.close()
    child.wait()

    assert "full" in fates.values()
    kept = {number for number, fate in fates.items() if fate == "kept"}
    first_refused = min(number for number, fate in fates.items() if fate == "full")
    assert any(number > first_refused for number in kept), "usable afterwards"
    disk = Disk(path)
    disk.open()
    store = store_on(disk)
    assert kept <= {int(name.split()[1]) for name in store.names}
    for name in store.names:
        number = int(name.split()[1])
        assert whole(disk, item_of(number).entry.digest) == content_of(number)
    disk.close()


def test_a_full_database_refuses_whole_writes_and_accepts_them_once_there_is_room(disk: Disk) -> None:
    store = store_on(disk)
    put(store, 1)
    assert disk._database is not None
    (pages,) = disk._database.execute("PRAGMA page_count").fetchone()
    disk._database.execute(f"PRAGMA max_page_count = {pages + 100}")

    with pytest.raises(StoreFull):
        put(store, 3)

    rows = [disk._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("content", "piece")]
    assert rows == [1, 1] and disk.total_bytes == len(content_of(1)), "nothing half-written"
    assert not disk._database.in_transaction
    put(store, 2)
    disk._database.execute("PRAGMA max_page_count = 1000000")
    put(store, 3)
    assert store.names == ("file 1", "file 2", "file 3")


def test_a_content_whose_erasure_fails_is_still_stored(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_on(disk)
    put(store, 1)

    def full(*_: object) -> None:
        raise StoreFull("full")

    monkeypatch.setattr(disk, "erase", full)
    with pytest.raises(StoreFull):
        store.release((item_of(1),))

    assert store.names == ("file 1",) and disk.has(item_of(1).entry.digest)


def test_a_failed_write_leaves_no_transaction_open(disk: Disk) -> None:
    with pytest.raises(OverflowError):
        disk.record(replace(ITEM, version=1 << 70))

    disk.record(ITEM)
    assert len(disk.items()) == 1


# --- exclusive use


def test_a_second_disk_on_the_same_state_is_refused(disk: Disk, path: Path) -> None:
    put(store_on(disk), 1)
    second = Disk(path)

    with pytest.raises(DiskError) as error:
        second.open()

    assert "in use by another process" in str(error.value) and "\n" not in str(error.value)
    put(store_on(disk), 2)


def test_a_second_process_on_the_same_state_is_refused(path: Path) -> None:
    child = children(path, "0")
    assert child.stdout is not None
    assert child.stdout.readline().startswith("kept")

    with pytest.raises(DiskError):
        Disk(path).open()

    child.kill()
    child.stdout.close()
    child.wait()
    disk = Disk(path)
    disk.open()
    assert "file 0" in store_on(disk).names
    disk.close()


def test_an_unusable_path_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DiskError):
        Disk(tmp_path / "file" / "store.sqlite").open()


def test_a_closed_disk_stores_and_finds_nothing(disk: Disk) -> None:
    put(store_on(disk), 1)
    disk.close()

    with pytest.raises(StoreFull):
        disk.record(ITEM)
    with pytest.raises(NotFound):
        disk.verify(item_of(1).entry.digest)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("key", "not hexadecimal"),
        ("key", "f" * 41),
        ("name", "../../etc/passwd"),
        ("name", "\x1b[2J"),
        ("digest", "abc"),
        ("size", -1),
        ("size", 1 << 62),
        ("until", float("inf")),
        ("until", 1e300),
        ("signature", bytes(1 << 20)),
    ],
)
def test_a_damaged_row_is_treated_as_absent_and_the_others_are_read(
    disk: Disk, path: Path, wall: Wall, column: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    disk.record(ITEM)
    disk.record(replace(ITEM, entry=replace(ITEM.entry, name="sound")))
    disk.close()
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE item SET {column} = ? WHERE name != 'sound'", (value,))
    database.close()
    later = reopened(disk, path, wall)

    assert [item.entry.name for item in later.items()] == ["sound"]
    assert "1 malformed items are treated as absent" in caplog.text
    later.close()


# --- large contents


class Watched:
    """A large content that calls a function at each piece that is read."""

    def __init__(self, content: bytes, at_piece: Callable[[], object]) -> None:
        self._content, self._at_piece = content, at_piece

    def __len__(self) -> int:
        return len(self._content)

    def __getitem__(self, part: slice) -> bytes:
        self._at_piece()
        return self._content[part]


LARGE = random.Random(7).randbytes(2 * COPIED_AT_ONCE * CHUNK_BYTES + 5)
LARGE_ITEM = Item(Entry(7, "large", digest_of(LARGE), len(LARGE)), 1)


def staged(disk: Disk, at_piece: Callable[[Store], object]) -> Store:
    """Return a store in which a large content is staged; `at_piece` is called at each piece that is copied."""
    store = Store(lambda: 0.0, disk, disk, threading.Lock())
    store.restore(disk.items())
    store._staging.take(LARGE_ITEM.entry.digest, Watched(LARGE, lambda: at_piece(store)))
    return store


def test_others_use_the_store_while_a_large_content_is_copied(disk: Disk) -> None:
    copied = list[bytes]()

    def use(store: Store) -> None:
        small = b"small %d" % len(copied)
        item = Item(Entry(1, "small", digest_of(small), len(small)), 1)
        assert store.put_all(Put((Parcel(item, small),)))[0].stored
        copied.append(whole(disk, item.entry.digest))

    store = staged(disk, use)

    assert store.put_all(Put((Parcel(LARGE_ITEM),)))[0].stored
    assert len(copied) == 2 * COPIED_AT_ONCE + 1
    assert whole(disk, LARGE_ITEM.entry.digest) == LARGE
    assert disk.total_bytes == len(LARGE) + sum(map(len, copied))


def test_a_process_that_dies_while_it_copies_a_large_content_leaves_nothing_of_it(
    disk: Disk, path: Path, wall: Wall, tmp_path: Path
) -> None:
    images = list[Path]()

    def keep_an_image(_: Store) -> None:
        images.append(shutil.copytree(path.parent, tmp_path / f"image {len(images)}") / path.name)

    store = staged(disk, keep_an_image)
    store.put_all(Put((Parcel(LARGE_ITEM),)))

    for image in (images[0], images[COPIED_AT_ONCE], images[-1]):
        later = Disk(image, wall_clock=wall)
        later.open()
        assert later.total_bytes == 0 and later.items() == []
        assert later._database is not None
        assert later._database.execute("SELECT count(*) FROM piece").fetchone() == (0,)
        later.close()
    disk.close()
    later = Disk(path, wall_clock=wall)
    later.open()
    assert whole(later, LARGE_ITEM.entry.digest) == LARGE
    later.close()


def test_a_copy_that_is_refused_after_all_is_deleted(disk: Disk) -> None:
    store = staged(disk, lambda store: store.stop_accepting())

    with pytest.raises(NotYet):
        store.put_all(Put((Parcel(LARGE_ITEM),)))

    assert disk._database is not None
    assert disk.total_bytes == 0 and disk._database.execute("SELECT count(*) FROM piece").fetchone() == (0,)


def test_a_large_content_that_is_not_what_it_was_is_not_stored(disk: Disk) -> None:
    store = staged(disk, lambda store: None)
    store._staging._blobs._contents[LARGE_ITEM.entry.digest] = Watched(LARGE[::-1], lambda: None)

    assert not store.put_all(Put((Parcel(LARGE_ITEM),)))[0].stored
    assert disk.total_bytes == 0 and not store.has(LARGE_ITEM.entry.digest)


def test_no_disk_room_for_a_large_content_leaves_nothing_of_it(path: Path) -> None:
    disk = Disk(path, bytes_max=len(LARGE) - 1)
    disk.open()
    with pytest.raises(StoreFull):
        staged(disk, lambda store: None).put_all(Put((Parcel(LARGE_ITEM),)))

    assert disk.total_bytes == 0
    disk.close()
