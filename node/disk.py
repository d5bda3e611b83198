"""A node's store on the disk (SQLite, write-ahead log): contents by digest, and the index.

Everything is on the disk before it is acknowledged. Contents are checked when they are read: a
rotten one is dropped and comes back from another node. May be called from any thread.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chord.blobs import BYTES_MAX, check
from chord.errors import Corrupt, NotFound, StoreFull
from chord.store import Entry, Item

SCHEMA = """
CREATE TABLE IF NOT EXISTS content (digest TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS item (
    key TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    version INTEGER NOT NULL, deleted INTEGER NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (key, name, digest, size)) STRICT;
"""
BUSY_TIMEOUT_S = 5.0


class DiskError(Exception):
    """The state directory cannot be used; the message says why."""


class Disk:
    """Contents and index in one file of a state directory. Leases are written by the wall clock."""

    def __init__(self, path: Path, bytes_max: int = BYTES_MAX, wall_clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._wall_clock = wall_clock
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._sizes: dict[str, int] = {}
        self._latest: tuple[str, bytes] | None = None
        self.bytes_max = bytes_max

    def open(self) -> None:
        """Raises DiskError."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("PRAGMA locking_mode=EXCLUSIVE")  # two nodes cannot share a state
            database.executescript(SCHEMA)
            self._sizes = dict(database.execute("SELECT digest, length(bytes) FROM content"))
        except (sqlite3.Error, OSError) as error:
            raise DiskError(f"{self._path}: {error}") from error
        self._database = database

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
            self._database = None

    # --- contents

    @property
    def total_bytes(self) -> int:
        return sum(self._sizes.values())

    def has(self, digest: str) -> bool:
        return digest in self._sizes

    def add(self, digest: str, content: bytes) -> None:
        check(digest, content)
        if digest in self._sizes:
            return
        if self.total_bytes + len(content) > self.bytes_max:
            raise StoreFull(f"no room for {len(content)} bytes: {self.total_bytes} of {self.bytes_max} are taken")
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO content VALUES (?, ?)", (digest, content))
        self._sizes[digest] = len(content)

    def content(self, digest: str) -> bytes:
        with self._reading() as database:
            row = database.execute("SELECT bytes FROM content WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            raise NotFound(f"no content {digest[:8]} here")
        whole: bytes = row[0]
        try:
            check(digest, whole)
        except Corrupt:
            self.drop(digest)
            raise
        return whole

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        latest = self._latest  # a content is read piece after piece: it need not be fetched for each
        if latest is None or latest[0] != digest:
            self._latest = latest = digest, self.content(digest)
        return latest[1][offset : offset + length]

    def drop(self, digest: str) -> None:
        with self._writing() as database:
            database.execute("DELETE FROM content WHERE digest = ?", (digest,))
        self._sizes.pop(digest, None)

    # --- the index

    def record(self, item: Item) -> None:
        entry = item.entry
        row = (f"{entry.key:x}", entry.name, entry.digest, entry.size_bytes, item.version, item.deleted,
               self._wall_clock() + item.lease_s)
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def erase(self, entries: Iterable[Entry]) -> None:
        rows = [(f"{e.key:x}", e.name, e.digest, e.size_bytes) for e in entries]
        if rows:
            with self._writing() as database:
                database.executemany(
                    "DELETE FROM item WHERE key = ? AND name = ? AND digest = ? AND size = ?", rows
                )

    def items(self) -> list[Item]:
        """What an earlier life has kept and is still leased."""
        now = self._wall_clock()
        with self._reading() as database:
            rows = database.execute("SELECT key, name, digest, size, version, deleted, until FROM item").fetchall()
        return [
            Item(Entry(int(key, 16), name, digest, size), version, until - now, bool(deleted))
            for key, name, digest, size, version, deleted, until in rows
            if until > now
        ]

    # --- helpers

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._database is None:
                raise NotFound(f"{self._path} is closed")
            try:
                yield self._database
            except sqlite3.Error as error:
                raise NotFound(f"{self._path}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, on the disk when it ends; or nothing of it."""
        with self._lock:
            if self._database is None:
                raise StoreFull(f"{self._path} is closed")
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise StoreFull(f"{self._path}: {error}") from error
