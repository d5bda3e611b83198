"""The state of one node's store: an index of what is kept under which key, and the contents themselves.

Equal names of two jobs, and equal keys of two names on a small ring, are different entries. What
is kept is kept on a lease: who still wants it renews it, what nobody renews goes by itself. A
deletion is kept like an entry, for as long as the lease of what it deletes could have lasted, so
that a node that comes back with old copies revives nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from chord.answers import Handlers
from chord.blobs import Blobs, MemoryBlobs
from chord.effects import Request
from chord.errors import Corrupt, Malformed, NotFound, NotYet, StoreFull
from chord.ring import between_right_closed

CHUNK_BYTES = 1 << 20  # of a content, in one message
CONTENT_BYTES_MAX = 256 << 20
UPLOADS_MAX = 256  # contents half received; the oldest gives way
NAME_BYTES_MAX = 255
LEASE_S = 3600.0
LEASE_MAX_S = 30 * 24 * 3600.0
LIST_MAX = 256  # items in one message


def check_name(name: str) -> None:
    """Names are shown and compared, never made into paths. Raises Malformed for what could harm."""
    if not name or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        raise Malformed(f"a name has 1 to {NAME_BYTES_MAX} bytes, this one {len(name.encode(errors='replace'))}")
    if not name.isprintable() or any(c in "/\\" for c in name) or name in (".", ".."):
        raise Malformed(f"{name!r} is no name of a file")


@dataclass(frozen=True)
class Entry:
    """What is stored where: content `digest` of `size_bytes`, called `name`, under `key`."""

    key: int
    name: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Item:
    """An entry and its standing: the later version counts; of equal ones, the deletion."""

    entry: Entry
    version: int  # by the writer's clock
    lease_s: float = LEASE_S  # what is left of it
    deleted: bool = False

    @property
    def rank(self) -> tuple[int, bool]:
        return self.version, self.deleted


@dataclass(frozen=True)
class Receipt:
    """How far a put has come: stored, or so many bytes of the content have arrived."""

    stored: bool
    received_bytes: int


@dataclass(frozen=True)
class Put(Request[Receipt]):
    """Keep this. Where the content is not here yet, write its bytes and ask again."""

    item: Item


@dataclass(frozen=True)
class Write(Request[Receipt]):
    """A piece of a content, in order from offset 0; a piece already received is ignored."""

    digest: str
    size_bytes: int
    offset: int
    piece: bytes


@dataclass(frozen=True)
class Read(Request[bytes]):
    """At most `length` bytes of a content from `offset` on. Raises NotFound, Corrupt."""

    digest: str
    offset: int
    length: int


@dataclass(frozen=True)
class Find(Request[tuple[Item, ...]]):
    """All that is kept under a key, deletions too. Raises NotYet while a hand-over is going on."""

    key: int


@dataclass(frozen=True)
class RangeDigest:
    """How many items an arc has, and a digest of what they are: equal digests, equal items."""

    count: int
    digest: int


@dataclass(frozen=True)
class GetRangeDigest(Request[RangeDigest]):
    """Of the keys in (start, end]."""

    start: int
    end: int


@dataclass(frozen=True)
class ListRange(Request[tuple[Item, ...]]):
    """The first LIST_MAX items of the keys in (start, end], by key; deletions too."""

    start: int
    end: int


@dataclass(frozen=True)
class ListNamed(Request[tuple[Item, ...]]):
    """All items whose names end so. Only a node itself may ask this of itself."""

    ending: str


@dataclass(frozen=True)
class Release(Request[None]):
    """Let go of these, which are elsewhere by now. Only a node itself may ask this of itself."""

    entries: tuple[Entry, ...] = ()
    contents: tuple[str, ...] = ()  # digests of contents that no entry names


@dataclass(frozen=True)
class Tidy(Request[int]):
    """Let go of what has expired, and read a few contents whole: how many had rotted and are gone.

    Only a node itself may ask this of itself.
    """

    scrub: int = 4


@dataclass
class _Kept:
    version: int
    deleted: bool
    until: float


class Ledger(Protocol):
    """Where the index is written down, so that it outlives the process."""

    def record(self, item: Item) -> None:
        """Durably, before it returns. Raises StoreFull."""

    def erase(self, entries: Iterable[Entry]) -> None: ...


class NoLedger:
    """The index lives in memory only."""

    def record(self, item: Item) -> None:
        return

    def erase(self, entries: Iterable[Entry]) -> None:
        return


class Store:
    """The index, the contents it names, and scratch: contents that only a round needs."""

    def __init__(self, clock: Callable[[], float], blobs: Blobs | None = None, ledger: Ledger | None = None) -> None:
        self._clock = clock
        self._blobs: Blobs = blobs or MemoryBlobs()
        self._scratch = MemoryBlobs()
        self._ledger: Ledger = ledger or NoLedger()
        self._uploads: dict[str, bytearray] = {}
        self._index: dict[Entry, _Kept] = {}
        self._scrubbed = ""  # the last content that was read whole in its turn
        self.settled = True  # False: a hand-over to this node is going on

    def handlers(self) -> Handlers:
        """The store's questions, answered from this state."""
        return {
            Put: lambda r: self.put(r.item),
            Write: lambda r: self.write(r.digest, r.size_bytes, r.offset, r.piece),
            Read: lambda r: self.read(r.digest, r.offset, r.length),
            Find: lambda r: self.find(r.key),
            GetRangeDigest: lambda r: self.range_digest(r.start, r.end),
            ListRange: lambda r: self.list_range(r.start, r.end),
            ListNamed: lambda r: tuple(i for i in self._items(lambda e: e.name.endswith(r.ending)) if not i.deleted),
            Release: lambda r: self.release(r.entries, r.contents),
            Tidy: lambda r: self.tidy(r.scrub),
        }

    # --- what it answers

    def put(self, item: Item) -> Receipt:
        """Keep an item, unless a later one is kept already. Raises Malformed, StoreFull."""
        entry = item.entry
        check_name(entry.name)
        if not item.deleted and not self._secure(entry):
            return Receipt(False, len(self._uploads.get(entry.digest, b"")))
        until = self._clock() + min(max(item.lease_s, 0.0), LEASE_MAX_S)
        known = self._index.get(entry)
        if known is None or (*item.rank, until) > (known.version, known.deleted, known.until):
            self._keep(replace(item, lease_s=until - self._clock()), until)
        return Receipt(True, entry.size_bytes)

    def write(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> Receipt:
        """Raises Corrupt when the whole has another digest, StoreFull when there is no room."""
        if self.has(digest):
            return Receipt(True, size_bytes)
        if not 0 <= size_bytes <= CONTENT_BYTES_MAX or offset < 0 or offset + len(piece) > size_bytes:
            raise Malformed(f"a piece of {len(piece)} bytes at {offset} in a content of {size_bytes}")
        upload = self._upload(digest, size_bytes)
        if offset == len(upload):
            upload += piece
        if len(upload) < size_bytes:
            return Receipt(False, len(upload))
        self._scratch.add(digest, bytes(self._uploads.pop(digest)))
        return Receipt(True, size_bytes)

    def read(self, digest: str, offset: int, length: int) -> bytes:
        if not 0 <= length <= CHUNK_BYTES or offset < 0:
            raise Malformed(f"{length} bytes from {offset} asked for, at most {CHUNK_BYTES} in one piece")
        if self._scratch.has(digest):
            return self._scratch.piece(digest, offset, length)
        return self._blobs.piece(digest, offset, length)

    def find(self, key: int) -> tuple[Item, ...]:
        if not self.settled:
            raise NotYet("what this node owns is still being handed over to it")
        return tuple(self._items(lambda e: e.key == key))

    def range_digest(self, start: int, end: int) -> RangeDigest:
        total, count = 0, 0
        for item in self._items(lambda e: between_right_closed(start, e.key, end)):
            text = f"{item.entry.key}:{item.entry.name}:{item.entry.digest}:{item.version}:{item.deleted}"
            total ^= int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])
            count += 1
        return RangeDigest(count, total)

    def list_range(self, start: int, end: int) -> tuple[Item, ...]:
        items = self._items(lambda e: between_right_closed(start, e.key, end))
        return tuple(sorted(items, key=lambda i: (i.entry.key, i.entry.name, i.entry.digest))[:LIST_MAX])

    def release(self, entries: Iterable[Entry], contents: Iterable[str] = ()) -> None:
        gone = [e for e in entries if self._index.pop(e, None) is not None]
        self._ledger.erase(gone)
        self._drop_unnamed({e.digest for e in gone})
        for digest in contents:
            self._scratch.drop(digest)

    def tidy(self, scrub: int) -> int:
        now = self._clock()
        self.release([entry for entry, kept in self._index.items() if kept.until <= now])
        rotten = 0
        for digest in self._next_digests(scrub):
            try:
                self._blobs.content(digest)
            except (Corrupt, NotFound):
                rotten += 1
        return rotten

    # --- what its own node uses

    def restore(self, items: Iterable[Item]) -> None:
        """What a ledger has kept from an earlier life: a cache, whose leases run on."""
        for item in items:
            self._index[item.entry] = _Kept(item.version, item.deleted, self._clock() + item.lease_s)

    def take_in(self, digest: str, content: bytes) -> None:
        """A content that is at hand already. Raises Corrupt, StoreFull."""
        self._scratch.add(digest, content)

    def has(self, digest: str) -> bool:
        return self._scratch.has(digest) or self._blobs.has(digest)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that is kept, sorted."""
        return tuple(sorted(e.name for e, kept in self._index.items() if not kept.deleted))

    @property
    def stored_bytes(self) -> int:
        return self._blobs.total_bytes

    # --- helpers

    def _next_digests(self, count: int) -> list[str]:
        """The next contents in turn, so that all are read in time."""
        digests = sorted({e.digest for e, kept in self._index.items() if not kept.deleted})
        later = [d for d in digests if d > self._scrubbed] or digests
        chosen = later[:count]
        self._scrubbed = chosen[-1] if chosen else ""
        return chosen

    def _items(self, wanted: Callable[[Entry], bool]) -> Iterable[Item]:
        """Items whose content is here; one whose content has rotted away counts as missing."""
        now = self._clock()
        for entry, kept in self._index.items():
            if kept.until > now and wanted(entry) and (kept.deleted or self._blobs.has(entry.digest)):
                yield Item(entry, kept.version, kept.until - now, kept.deleted)

    def _secure(self, entry: Entry) -> bool:
        """Is the content here, and where it is to stay? Raises Malformed, StoreFull."""
        if not self._blobs.has(entry.digest):
            if not self._scratch.has(entry.digest):
                return False
            content = self._scratch.content(entry.digest)
            if len(content) != entry.size_bytes:
                raise Malformed(f"{entry.name}: {entry.size_bytes} bytes announced, the content has {len(content)}")
            self._blobs.add(entry.digest, content)
        self._scratch.drop(entry.digest)
        return True

    def _keep(self, item: Item, until: float) -> None:
        self._ledger.record(item)
        self._index[item.entry] = _Kept(item.version, item.deleted, until)
        if item.deleted:
            self._drop_unnamed({item.entry.digest})

    def _drop_unnamed(self, digests: set[str]) -> None:
        """Contents that no live entry names any longer."""
        named = {e.digest for e, kept in self._index.items() if e.digest in digests and not kept.deleted}
        for digest in digests - named:
            self._blobs.drop(digest)

    def _upload(self, digest: str, size_bytes: int) -> bytearray:
        if digest not in self._uploads:
            taken = self._blobs.total_bytes + self._scratch.total_bytes
            if taken + size_bytes > self._blobs.bytes_max:
                raise StoreFull(f"no room for {size_bytes} bytes: {taken} of {self._blobs.bytes_max} are taken")
            if len(self._uploads) >= UPLOADS_MAX:
                self._uploads.pop(next(iter(self._uploads)))
            self._uploads[digest] = bytearray()
        return self._uploads[digest]
