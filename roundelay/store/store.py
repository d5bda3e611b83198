"""The state of one node's store: an index of what is kept under which key, and the contents themselves.

Equal names of two jobs, and equal keys of two names on a small ring, are different entries. What
is kept is kept on a lease: who still wants it renews it, what nobody renews goes by itself. A
deletion is kept like an entry, for as long as the lease of what it deletes could have lasted, so
that a node that comes back with old copies revives nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Protocol

from roundelay.chord.dispatch import Handlers
from roundelay.chord.errors import Corrupt, Malformed, NotFound, NotYet, StoreFull
from roundelay.chord.ring import between_right_closed
from roundelay.store.blobs import Blobs, Content, MemoryBlobs
from roundelay.store.items import (
    CHUNK_BYTES,
    LIST_MAX,
    RENEWAL_SHARE,
    CollectGarbage,
    Entry,
    Find,
    GetRangeDigest,
    Item,
    ListNamed,
    ListRange,
    Put,
    RangeDigest,
    Read,
    Receipt,
    Release,
    StopAccepting,
    Write,
)
from roundelay.store.names import NAME_BYTES_MAX, check_name
from roundelay.store.staging import Staging

CONTENT_BYTES_MAX = 256 << 20
LEASE_MAX_S = 30 * 24 * 3600.0
ITEM_BYTES = 140  # of an item on the wire, beside its name
KEY_BYTES_MAX = 15 << 17  # of one key's items on the wire: they travel in one message
SCRUB_BYTES = 64 << 20  # read at one go; one content may be larger


@dataclass(frozen=True)
class _Standing:
    """How an entry stands here. Of two standings the later counts, and lasts as long as either would."""

    version: int
    deleted: bool
    until: float

    @property
    def rank(self) -> tuple[int, bool]:
        return self.version, self.deleted

    def merged(self, other: _Standing) -> _Standing:
        later, earlier = (self, other) if self.rank >= other.rank else (other, self)
        if earlier.deleted and not later.deleted:
            return later  # what is put anew after a deletion has only its own lease
        return replace(later, until=max(self.until, other.until))


class IndexLog(Protocol):
    """Where the index is written down, so that it outlives the process."""

    def record(self, item: Item) -> None:
        """Durably, before it returns. Raises StoreFull."""

    def erase(self, entries: Iterable[Entry]) -> None: ...


class NoIndexLog:
    """The index lives in memory only."""

    def record(self, item: Item) -> None:
        return

    def erase(self, entries: Iterable[Entry]) -> None:
        return


class Store:
    """The index, the contents it names, and scratch: contents that only a round needs."""

    def __init__(self, clock: Callable[[], float], blobs: Blobs | None = None, ledger: IndexLog | None = None) -> None:
        self._clock = clock
        self._blobs: Blobs = blobs or MemoryBlobs()
        self._staging = Staging(clock, self._room_bytes, self._blobs.buffer)
        self._index_log: IndexLog = ledger or NoIndexLog()
        self._index: dict[int, dict[Entry, _Standing]] = {}  # by key
        self._scrubbed = ""  # the last content that was read whole in its turn
        self._accepting_stopped = False
        self.handoff_complete = True  # False: a hand-over to this node is going on

    def handlers(self) -> Handlers:
        """The store's questions, answered from this state."""
        return {
            Put: lambda r: self.put(r.item),
            Write: lambda r: self.write(r.digest, r.size_bytes, r.offset, r.piece),
            Read: lambda r: self.read(r.digest, r.offset, r.length),
            Find: lambda r: self.find(r.key, r.names),
            GetRangeDigest: lambda r: self.range_digest(r.start, r.end),
            ListRange: lambda r: self.list_range(r.start, r.end),
            ListNamed: lambda r: self.list_named(r.ending),
            Release: lambda r: self.release(r.items, r.contents),
            CollectGarbage: lambda r: self.collect_garbage(r.scrub),
            StopAccepting: lambda _: self.stop_accepting(),
        }

    # --- what it answers

    def put(self, item: Item) -> Receipt:
        """Keep an item, unless a later one is kept already. Raises Malformed, StoreFull; NotYet: ask another."""
        entry, now = item.entry, self._clock()
        check_name(entry.name)
        if self._accepting_stopped:
            raise NotYet("this node is leaving")
        put = _Standing(item.version, item.deleted, now + min(max(item.lease_s, 0.0), LEASE_MAX_S))
        known = self._kept(entry, now)
        merged = known.merged(put) if known is not None else put
        if known is None:
            self._check_key_capacity(entry)
        if not merged.deleted and not self._secure(entry):
            return Receipt(False, self._staging.received_bytes(entry.digest))
        slight_s = RENEWAL_SHARE * (put.until - now)
        if known is None or merged.rank != known.rank or merged.until > known.until + slight_s:
            self._keep(entry, merged)
        return Receipt(True, entry.size_bytes)

    def write(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> Receipt:
        """Raises Malformed; Corrupt when the whole has another digest, StoreFull when there is no room."""
        if self.has(digest):
            return Receipt(True, size_bytes)
        if not 0 <= size_bytes <= CONTENT_BYTES_MAX or offset < 0 or offset + len(piece) > size_bytes:
            raise Malformed(f"a piece of {len(piece)} bytes at {offset} in a content of {size_bytes}")
        if len(piece) > CHUNK_BYTES:
            raise Malformed(f"a piece of {len(piece)} bytes, at most {CHUNK_BYTES} are one")
        received_bytes = self._staging.receive(digest, size_bytes, offset, piece)
        return Receipt(self._staging.has(digest), received_bytes)

    def read(self, digest: str, offset: int, length: int) -> bytes:
        if not 0 <= length <= CHUNK_BYTES or offset < 0:
            raise Malformed(f"{length} bytes from {offset} asked for, at most {CHUNK_BYTES} in one piece")
        if self._staging.has(digest):
            return self._staging.piece(digest, offset, length)
        return self._blobs.piece(digest, offset, length)

    def find(self, key: int, names: tuple[str, ...] = ()) -> tuple[Item, ...]:
        if not self.handoff_complete:
            raise NotYet("what this node owns is still being handed over to it")
        return tuple(item for item in self._items((key,)) if not names or item.entry.name in names)

    def range_digest(self, start: int, end: int) -> RangeDigest:
        total, count = 0, 0
        for item in self._items(self._keys(start, end)):
            text = f"{item.entry.key}:{item.entry.size_bytes}:{item.entry.digest}:{item.version}:{item.deleted}"
            total ^= int.from_bytes(hashlib.sha256(f"{text}:{item.entry.name}".encode()).digest()[:7])
            count += 1
        return RangeDigest(count, total)

    def list_range(self, start: int, end: int) -> tuple[Item, ...]:
        listed: list[Item] = []
        for key in sorted(self._keys(start, end), key=lambda k: (k <= start, k)):
            if len(listed) >= LIST_MAX:
                break
            listed += sorted(self._items((key,)), key=lambda i: (i.entry.name, i.entry.digest))
        return tuple(listed)

    def list_named(self, ending: str) -> tuple[Item, ...]:
        return tuple(i for i in self._items(self._index) if not i.deleted and i.entry.name.endswith(ending))

    def release(self, items: Iterable[Item], contents: Iterable[str] = ()) -> None:
        known = [(item, self._index.get(item.entry.key, {}).get(item.entry)) for item in items]
        self._forget([item.entry for item, kept in known if kept is not None and kept.rank <= item.rank])
        for digest in contents:
            self._staging.drop(digest)

    def collect_garbage(self, scrub: int) -> int:
        now = self._clock()
        self._staging.expire()
        rotten = sum(self._is_rotten(digest) for digest in self._next_digests(scrub))
        self._forget([e for kept in self._index.values() for e, k in kept.items() if k.until <= now])
        return rotten

    def stop_accepting(self) -> None:
        self._accepting_stopped = True

    # --- what its own node uses

    def restore(self, items: Iterable[Item]) -> None:
        """What a ledger has kept from an earlier life: a cache, whose leases run on."""
        for item in items:
            until = self._clock() + min(item.lease_s, LEASE_MAX_S)
            self._index.setdefault(item.entry.key, {})[item.entry] = _Standing(item.version, item.deleted, until)

    def stage(self, digest: str, content: Content) -> None:
        """A content that is at hand already. Raises Corrupt, StoreFull."""
        self._staging.add(digest, content)

    def has(self, digest: str) -> bool:
        return self._staging.has(digest) or self._blobs.has(digest)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that is kept, sorted."""
        return tuple(sorted(item.entry.name for item in self._items(self._index) if not item.deleted))

    @property
    def stored_bytes(self) -> int:
        return self._blobs.total_bytes

    # --- helpers

    def _room_bytes(self) -> int:
        return self._blobs.bytes_max - self._blobs.total_bytes - self._staging.total_bytes

    def _keys(self, start: int, end: int) -> list[int]:
        """Those in (start, end] under which anything is kept."""
        return [key for key in self._index if between_right_closed(start, key, end)]

    def _items(self, keys: Iterable[int]) -> Iterator[Item]:
        """Items whose content is here; one whose content has rotted away counts as missing."""
        now = self._clock()
        for key in keys:
            for entry, kept in self._index.get(key, {}).items():
                if kept.until > now and (kept.deleted or self._blobs.has(entry.digest)):
                    yield Item(entry, kept.version, kept.until - now, kept.deleted)

    def _kept(self, entry: Entry, now: float) -> _Standing | None:
        """How it stands, unless its lease has run out."""
        kept = self._index.get(entry.key, {}).get(entry)
        return kept if kept is not None and kept.until > now else None

    def _check_key_capacity(self, entry: Entry) -> None:
        """All items of a key must fit into one message. Raises StoreFull."""
        others = self._index.get(entry.key, {})
        if (len(others) + 1) * (ITEM_BYTES + NAME_BYTES_MAX) <= KEY_BYTES_MAX:
            return  # they fit, whatever their names
        if sum(ITEM_BYTES + len(e.name.encode()) for e in (*others, entry)) > KEY_BYTES_MAX:
            raise StoreFull(f"{entry.name}: {len(others)} items are kept under its key, no more fit into a message")

    def _secure(self, entry: Entry) -> bool:
        """Is the content here, and where it is to stay? Raises Malformed, StoreFull."""
        kept = self._blobs.has(entry.digest)
        if not kept and not self._staging.has(entry.digest):
            return False
        size_bytes = (self._blobs if kept else self._staging).size_bytes(entry.digest)
        if size_bytes != entry.size_bytes:
            raise Malformed(f"{entry.name}: {entry.size_bytes} bytes announced, the content has {size_bytes}")
        sound = True
        try:
            if not kept:
                self._blobs.add(entry.digest, self._staging.content(entry.digest))
        except Corrupt:
            sound = False
        self._staging.drop(entry.digest)
        return sound

    def _keep(self, entry: Entry, kept: _Standing) -> None:
        lease_s = kept.until - self._clock()
        try:
            self._index_log.record(Item(entry, kept.version, lease_s, kept.deleted))
        except StoreFull:
            self._drop_unnamed({entry.digest})
            raise
        self._index.setdefault(entry.key, {})[entry] = kept
        if kept.deleted:
            self._drop_unnamed({entry.digest})

    def _forget(self, entries: list[Entry]) -> None:
        """Raises StoreFull where that cannot be written down: they are then still here."""
        self._index_log.erase(entries)
        for entry in entries:
            del self._index[entry.key][entry]
            if not self._index[entry.key]:
                del self._index[entry.key]
        self._drop_unnamed({entry.digest for entry in entries})

    def _drop_unnamed(self, digests: set[str]) -> None:
        """Contents that no live entry names any longer."""
        here = {digest for digest in digests if self._blobs.has(digest)}
        for digest in here - self._named() if here else ():
            self._blobs.drop(digest)

    def _named(self) -> set[str]:
        """Digests of the contents that live entries name."""
        return {e.digest for kept in self._index.values() for e, k in kept.items() if not k.deleted}

    def _next_digests(self, count: int) -> list[str]:
        """The next contents in turn, so that all are read in time; of large ones fewer."""
        digests = sorted(digest for digest in self._named() if self._blobs.has(digest))
        later = [d for d in digests if d > self._scrubbed] or digests
        before = accumulate((self._blobs.size_bytes(d) for d in later[:count]), initial=0)
        chosen = [d for d, size_bytes in zip(later[:count], before, strict=False) if size_bytes < SCRUB_BYTES]
        self._scrubbed = chosen[-1] if chosen else ""
        return chosen

    def _is_rotten(self, digest: str) -> bool:
        try:
            self._blobs.verify(digest)
        except (Corrupt, NotFound):
            return True
        return False
