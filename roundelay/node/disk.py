"""A node's store on the disk (SQLite, write-ahead log): contents by digest, and the index.

Everything is on the disk before it is acknowledged. A content is stored in pieces, each with a checksum that is
verified when it is read: a corrupt content is dropped, and comes back from another node. Contents that no item names
are deleted when the disk is opened. Methods may be called from any thread.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from roundelay.chord.errors import Corrupt, Malformed, NotFound, StoreFull
from roundelay.chord.ring import BITS_MAX
from roundelay.node import failpoints, store_format
from roundelay.node.errors import DiskError
from roundelay.node.failpoints import Failpoints
from roundelay.node.files import Spool
from roundelay.store.blobs import BYTES_MAX, Buffer, Content, MemoryBuffer, pieces_of, require_digest
from roundelay.store.items import CHUNK_BYTES, CONTENT_BYTES_MAX, SIGNATURE_BYTES_MAX, Entry, Item
from roundelay.store.names import check_name
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.store import LEASE_MAX_S

log = logging.getLogger(__name__)

COLUMNS = "key, name, digest, size, version, deleted, until, signature"
BUSY_TIMEOUT_S = 2.0
COPIED_AT_ONCE = 8  # pieces of a large content in one transaction, for which others wait
KEPT_PIECES_MAX = 2  # in memory, of those that were read in part last
KEYS = 1 << BITS_MAX
LEASE_READ_MAX_S = 2 * LEASE_MAX_S  # the clock may have been set back


class Disk:
    """Contents and index in one file of a state directory. Leases end by the wall clock."""

    def __init__(
        self,
        path: Path,
        bytes_max: int = BYTES_MAX,
        wall_clock: Callable[[], float] = time.time,
        faults: Failpoints | None = None,
    ) -> None:
        self._path = path
        self._faults = faults or failpoints.from_environment()
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._copying = threading.Lock()  # held by the thread that copies a large content
        self._keeping = threading.Lock()  # of the pieces that are kept
        self._copied = ""  # the content whose pieces are written, until it is added
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()  # verified pieces by content and number
        self._database: sqlite3.Connection | None = None
        self._sizes: dict[str, int] = {}
        self.total_bytes = 0
        self.bytes_max = bytes_max

    def open(self) -> None:
        """Open the database, or create it. Raises DiskError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA locking_mode=EXCLUSIVE")  # two nodes cannot share a state
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            store_format.prepare(self._database, self._path)
            self._sweep()
            self._sizes = dict(self._database.execute("SELECT digest, size FROM content"))
        except DiskError:
            self.close()
            raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise DiskError(_reason(self._path, error)) from error
        self.total_bytes = sum(self._sizes.values())

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    # --- contents

    def has(self, digest: str) -> bool:
        return digest in self._sizes

    def size_bytes(self, digest: str) -> int:
        if digest not in self._sizes:
            raise NotFound(f"no content {digest[:8]} here")
        return self._sizes[digest]

    def buffer(self, size_bytes: int) -> Buffer:
        return MemoryBuffer(size_bytes) if size_bytes < LARGE_BYTES_MIN else Spool(self._path.parent)

    def add(self, digest: str, content: Content) -> None:
        if digest in self._sizes:
            return
        size_bytes, whole = len(content), hashlib.sha256()
        self._require_room(size_bytes)
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO content VALUES (?, ?)", (digest, size_bytes))
            if digest != self._copied:
                for number, piece in enumerate(pieces_of(content)):
                    whole.update(piece)
                    _insert(database, digest, number, piece)
                require_digest(digest, whole.hexdigest(), size_bytes)
        with self._lock:
            self._sizes[digest] = size_bytes
            self.total_bytes += size_bytes

    @contextmanager
    def copied(self, digest: str, content: Content) -> Iterator[None]:
        """Write a content's pieces, some in each transaction, before it is added. Others use the disk in between.

        Without the content's own row they are swept when the disk is next opened.
        """
        with self._copying:
            self._require_room(len(content))
            try:
                self._copy(digest, content)
                yield
            finally:
                self._copied = ""
                if digest not in self._sizes:
                    self._delete_pieces(digest)

    def _copy(self, digest: str, content: Content) -> None:
        """Write the pieces of a content. If it is corrupt, the one who adds it is told."""
        whole, pieces = hashlib.sha256(), enumerate(pieces_of(content))
        while some := list(islice(pieces, COPIED_AT_ONCE)):
            with self._writing() as database:
                for number, piece in some:
                    whole.update(piece)
                    _insert(database, digest, number, piece)
        if whole.hexdigest() == digest:
            self._copied = digest

    def _require_room(self, size_bytes: int) -> None:
        if self.total_bytes + size_bytes > self.bytes_max:
            raise StoreFull(f"no room for {size_bytes} bytes: {self.total_bytes} of {self.bytes_max} are taken")

    def verify(self, digest: str) -> None:
        """Verify every piece and the whole content. Raises Corrupt."""
        whole, left_bytes = hashlib.sha256(), self.size_bytes(digest)
        for number in range(self._last(digest) + 1):
            for piece in self._pieces(digest, number, number):
                whole.update(piece)
                left_bytes -= len(piece)
        if whole.hexdigest() != digest or left_bytes:
            raise Corrupt(f"content {digest[:8]} is that of {whole.hexdigest()[:8]}, {left_bytes} bytes short")

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        """Return a part of a content, verified by the checksums of its pieces. Raises Corrupt, NotFound."""
        if length <= 0 or offset >= self.size_bytes(digest):
            return b""
        first, last = offset // CHUNK_BYTES, (offset + length - 1) // CHUNK_BYTES
        start = offset - first * CHUNK_BYTES
        if first == last and length < CHUNK_BYTES < self.size_bytes(digest):
            return self._kept_piece(digest, first)[start : start + length]
        return b"".join(self._pieces(digest, first, last))[start : start + length]

    def content(self, digest: str) -> Content:
        return _StoredContent(self, digest, self.size_bytes(digest))

    def drop(self, digest: str) -> None:
        """Forget a content; if it cannot be deleted now, it is deleted when the disk is next opened."""
        self._forget(digest)
        with suppress(StoreFull), self._writing() as database:
            database.execute("DELETE FROM content WHERE digest = ?", (digest,))
            database.execute("DELETE FROM piece WHERE digest = ?", (digest,))

    def _delete_pieces(self, digest: str) -> None:
        with suppress(StoreFull), self._writing() as database:
            database.execute("DELETE FROM piece WHERE digest = ?", (digest,))

    # --- the index

    def record(self, item: Item) -> None:
        until = self._wall_clock() + item.lease_s
        with self._writing() as database:
            row = (*_place(item.entry), item.version, item.deleted, until, item.signature)
            database.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def erase(self, entries: Iterable[Entry]) -> None:
        places = [_place(entry) for entry in entries]
        if places:
            with self._writing() as database:
                database.executemany("DELETE FROM item WHERE key = ? AND name = ? AND digest = ? AND size = ?", places)

    def items(self) -> list[Item]:
        """Return the items of an earlier life whose leases have not ended, but no malformed ones. Raises DiskError."""
        now = self._wall_clock()
        try:
            with self._reading() as database:
                rows = database.execute(f"SELECT {COLUMNS} FROM item").fetchall()
        except sqlite3.Error as error:
            raise DiskError(_reason(self._path, error)) from error
        found = [_item_of(row, now) for row in rows]
        if lost := found.count(None):
            log.warning("%s: %d malformed items are treated as absent; the other nodes have copies", self._path, lost)
        return [item for item in found if item is not None and item.lease_s > 0]

    # --- helpers

    def _pieces(self, digest: str, first: int, last: int) -> list[bytes]:
        """Return the pieces from first to last. Raises NotFound; Corrupt, and then the content is dropped."""
        query = "SELECT number, checksum, bytes FROM piece WHERE digest = ? AND number BETWEEN ? AND ? ORDER BY number"
        try:
            with self._reading() as database:
                rows = database.execute(query, (digest, first, last)).fetchall()
            if [row[0] for row in rows] != list(range(first, min(last, self._last(digest)) + 1)):
                raise Corrupt(f"content {digest[:8]} lacks pieces")
            for number, checksum, piece in rows:
                if hashlib.sha256(piece).digest() != checksum:
                    raise Corrupt(f"piece {number} of content {digest[:8]} does not match its checksum")
        except Corrupt:
            self.drop(digest)
            raise
        except sqlite3.Error as error:
            self._forget(digest)  # not deleted: it may be readable after a restart
            raise Corrupt(f"{self._path}: {error}") from error
        return [row[2] for row in rows]

    def _kept_piece(self, digest: str, number: int) -> bytes:
        """Return a piece that is read in parts, and keep it for the next part. Raises NotFound, Corrupt."""
        with self._keeping:
            piece = self._kept.pop((digest, number), None) or self._pieces(digest, number, number)[0]
            self._kept[digest, number] = piece
            if len(self._kept) > KEPT_PIECES_MAX:
                self._kept.popitem(last=False)
            return piece

    def _last(self, digest: str) -> int:
        """Return the number of a content's last piece, or -1 if it is empty."""
        return (self.size_bytes(digest) - 1) // CHUNK_BYTES

    def _forget(self, digest: str) -> None:
        with self._lock:
            self.total_bytes -= self._sizes.pop(digest, 0)

    def _sweep(self) -> None:
        """Delete expired items and unnamed contents; on a full disk, at the next start."""
        with suppress(StoreFull), self._writing() as database:
            database.execute("DELETE FROM item WHERE until <= ?", (self._wall_clock(),))
            database.execute("DELETE FROM content WHERE digest NOT IN (SELECT digest FROM item WHERE NOT deleted)")
            database.execute("DELETE FROM piece WHERE digest NOT IN (SELECT digest FROM content)")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._database is None:
                raise NotFound(f"{self._path} is closed")
            yield self._database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction: all of it is on the disk at the end, or nothing. Raises StoreFull."""
        with self._lock:
            database = self._database
            if database is None:
                raise StoreFull(f"{self._path} is closed")
            try:
                database.execute("BEGIN IMMEDIATE")
                yield database
                self._faults.around("disk.write", None, lambda: database.execute("COMMIT"))
            except sqlite3.Error as error:
                raise StoreFull(f"{self._path}: {error}") from error
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")


class _StoredContent:
    """A content on a disk, read piece by piece."""

    def __init__(self, disk: Disk, digest: str, size_bytes: int) -> None:
        self._disk, self._digest, self._size_bytes = disk, digest, size_bytes

    def __len__(self) -> int:
        return self._size_bytes

    def __getitem__(self, part: slice, /) -> bytes:
        """Return a part of the content. Raises Corrupt, NotFound."""
        start, stop, _ = part.indices(self._size_bytes)
        return self._disk.piece(self._digest, start, stop - start)


def _insert(database: sqlite3.Connection, digest: str, number: int, piece: bytes) -> None:
    row = (digest, number, hashlib.sha256(piece).digest(), piece)
    database.execute("INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?)", row)


def _place(entry: Entry) -> tuple[str, str, str, int]:
    return f"{entry.key:x}", entry.name, entry.digest, entry.size_bytes


def _item_of(row: tuple[Any, ...], now: float) -> Item | None:
    """Return an item as it was recorded; None if no item of ours has these values: the file has been damaged."""
    key, name, digest, size, version, deleted, until, signature = row
    try:
        check_name(name)
        whole = int(key, 16) < KEYS and len(bytes.fromhex(digest)) == hashlib.sha256().digest_size
        sound = whole and 0 <= size <= CONTENT_BYTES_MAX and len(signature) <= SIGNATURE_BYTES_MAX
        left_s = until - now
        if not sound or not left_s < LEASE_READ_MAX_S:
            return None
        return Item(Entry(int(key, 16), name, digest, size), version, left_s, bool(deleted), signature)
    except (ValueError, TypeError, AttributeError, Malformed):
        return None


def _reason(path: Path, error: Exception) -> str:
    """Return one line that says what went wrong and what to do."""
    text = (error.strerror or "" if isinstance(error, OSError) else "") or str(error)
    if "locked" in text:
        return f"{path} is in use by another process: give every node a --state-dir of its own"
    if isinstance(error, sqlite3.DatabaseError) and ("malformed" in text or "not a database" in text):
        return f"{path}: {text}: move it away and start again, the other nodes have copies"
    return f"{path}: {text}"
