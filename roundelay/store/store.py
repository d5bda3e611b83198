"""The state of one node's store: an index of entries by key, and their contents.

Several entries may have the same key (on a small ring, or in one job) or the same name (in two jobs). Entries are
leased; an entry whose lease is not renewed expires. A deletion is kept like an entry (a tombstone), for as long as
the lease of what it deletes could have lasted, so that a node that returns with old copies revives nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from typing import Protocol

from roundelay.chord.dispatch import Handlers
from roundelay.chord.errors import Corrupt, Malformed, NotFound, NotYet, StoreFull
from roundelay.store.blobs import Blobs, Content, MemoryBlobs
from roundelay.store.delta import BASE_BYTES_MAX, apply_delta, delta_bytes
from roundelay.store.index import EntryState, Index
from roundelay.store.items import (
    CHUNK_BYTES,
    CONTENT_BYTES_MAX,
    RENEWAL_SHARE,
    SIGNATURE_BYTES_MAX,
    CollectGarbage,
    Entry,
    Find,
    GetRangeDigest,
    Item,
    ListRange,
    ListSpecs,
    Parcel,
    Put,
    RangeDigest,
    Read,
    Receipt,
    Release,
    StopAccepting,
    Write,
    WriteDelta,
)
from roundelay.store.names import NAME_BYTES_MAX, check_name
from roundelay.store.own_contents import Open, Stage
from roundelay.store.packing import unpack, unpack_along
from roundelay.store.staging import LARGE_BYTES_MIN, Staging

LEASE_MAX_S = 30 * 24 * 3600.0
ITEM_BYTES = 140  # of an item on the wire, without its name
KEY_BYTES_MAX = 15 << 17  # of all items of a key, which travel in one message
ITEMS_MAX = 1 << 18  # of all keys, deletions included
ORPHANS_MAX = 1 << 14  # deletions of entries that this node has never had
ORPHAN_LEASE_MAX_S = 3600.0  # then a node that has had the entry gives it its deletion again
FIND_NAMES_MAX = 1024
REMOVED_AT_ONCE = 1024  # expired entries, for which others wait
SCRUB_BYTES = 64 << 20  # read in one scrub, unless the first content alone is larger


Named = Callable[[int, str], Iterable[Item]]  # the stored items with a key and a name


class Guard(Protocol):
    """The rules of a secured ring. Both raise NotAllowed for an item that must not be stored; NotYet: not now."""

    def check(self, item: Item, named: Named, caller: int | None) -> None:
        """Check an item before it is stored; `caller` is the identifier of the node that asks for it."""

    def check_content(self, item: Item, content: Callable[[], bytes]) -> None:
        """Check an item whose content is here."""


class IndexLog(Protocol):
    """Where the index is logged, so that it outlives the process."""

    def record(self, item: Item) -> None:
        """Log an item durably. Raises StoreFull."""

    def erase(self, entries: Iterable[Entry]) -> None: ...


class NoIndexLog:
    """An index log for a store that lives only in memory."""

    def record(self, item: Item) -> None:
        return

    def erase(self, entries: Iterable[Entry]) -> None:
        return


class Store:
    """The index, the contents it names, and the staging area for those it does not name."""

    def __init__(
        self,
        clock: Callable[[], float],
        blobs: Blobs | None = None,
        index_log: IndexLog | None = None,
        lock: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - it has no state
        unpacking: AbstractContextManager[object] = nullcontext(),  # noqa: B008 - the same
    ) -> None:
        """Create an empty store.

        lock: of the threads that use this store; a caller holds it, except of `put_all`, `write_delta`, `whole`,
        `collect_garbage`, and of what lists items: `range_digest`, `list_range`, `names`.
        unpacking: held while a content is unpacked, which takes long: of many threads that did, the others would wait.
        """
        self.lock = lock
        self._unpacking = unpacking
        self._clock = clock
        self._blobs: Blobs = blobs or MemoryBlobs()
        self._staging = Staging(clock, self._room_bytes, self._blobs.buffer)
        self._index_log: IndexLog = index_log or NoIndexLog()
        self._index = Index(clock, self._blobs.has)
        self._orphans: set[Entry] = set()
        self._scrubbed = ""  # the content that was scrubbed last
        self._accepting_stopped = False
        self.guard: Guard | None = None  # the rules of a secured ring
        self.handoff_complete = True  # False while this node receives a hand-off

    def handlers(self) -> Handlers:
        """Return the handlers of the store's requests."""
        return {
            Put: self.put_all,
            Write: self.write_piece,
            WriteDelta: self.write_delta,
            Read: lambda r: self.read(r.digest, r.offset, r.length),
            Find: lambda r: self.find(r.key, r.names),
            GetRangeDigest: lambda r: self.range_digest(r.start, r.end),
            ListRange: lambda r: self.list_range(r.start, r.end),
            ListSpecs: lambda _: self.list_specs(),
            Release: lambda r: self.release(r.items, r.contents),
            Open: lambda r: self.open(r.digest),
            Stage: lambda r: self._staging.take(r.digest, r.content),
            CollectGarbage: lambda r: self.collect_garbage(r.scrub),
            StopAccepting: lambda _: self.stop_accepting(),
        }

    # --- answers

    def put_all(self, request: Put) -> tuple[Receipt, ...]:
        """Store items, one after the other; while a large content is copied, others use the store.

        Raises what `put` raises.
        """
        return tuple(self._put_parcel(parcel, request.caller) for parcel in request.parcels)

    def _put_parcel(self, parcel: Parcel, caller: int | None) -> Receipt:
        entry, along = parcel.item.entry, parcel.content
        if 0 < len(along) < entry.size_bytes:
            with self._unpacking:
                along = unpack_along(along, entry.size_bytes)
        content = self._large_staged(parcel.item, caller)
        with self._blobs.copied(entry.digest, content) if content is not None else nullcontext(), self.lock:
            return self.put(parcel.item, along, caller)

    def _large_staged(self, item: Item, caller: int | None) -> Content | None:
        """Return the content of an item if it is large, in the staging area, and may be stored. Raises NotAllowed."""
        digest = item.entry.digest
        if item.deleted or item.entry.size_bytes < LARGE_BYTES_MIN:
            return None
        with self.lock:
            if self._blobs.has(digest) or not self._staging.has(digest) or self._accepting_stopped:
                return None
            self._check(item, self._index.state(item.entry, self._clock()), caller)
            return self._staging.content(digest)

    def _check(self, item: Item, known: EntryState | None, caller: int | None) -> Guard | None:
        """Check an item by the rules of a secured ring, unless it is stored already. Return what checks its content."""
        guard = None if known is not None and known.is_of(item) else self.guard
        if guard is not None:
            guard.check(item, self.named_items, caller)
        return guard

    def put(self, item: Item, content: bytes = b"", caller: int | None = None) -> Receipt:
        """Store an item, unless a later one is stored; `content` is its content, if that came along.

        caller: in a secured ring, the identifier of the node that asks for it; None if another process asks.
        Raises Malformed, NotAllowed, StoreFull, Corrupt; NotYet: this node is leaving.
        """
        entry, now = item.entry, self._clock()
        check_name(entry.name)
        if self._accepting_stopped:
            raise NotYet("this node is leaving")
        known = self._index.state(entry, now)
        guard = self._check(item, known, caller)
        is_orphan = item.deleted and (known is None or entry in self._orphans)
        lease_max_s = ORPHAN_LEASE_MAX_S if is_orphan else LEASE_MAX_S
        until = now + min(max(item.lease_s, 0.0), lease_max_s)
        put = EntryState(item.version, item.deleted, until, item.signature)
        merged = known.merged(put) if known is not None else put
        if known is None:
            self._check_capacity(entry, is_orphan)
        if (content or not entry.size_bytes) and not merged.deleted:
            self.write(entry.digest, entry.size_bytes, 0, content)
        if guard is not None and self.has(entry.digest):
            guard.check_content(item, lambda: self._content(entry))
        if not merged.deleted and not self._move_to_blobs(entry):
            return Receipt(False, self._staging.received_bytes(entry.digest))
        negligible_s = RENEWAL_SHARE * (put.until - now)
        if known is None or merged.rank != known.rank or merged.until > known.until + negligible_s:
            self._record(entry, merged)
            (self._orphans.add if is_orphan else self._orphans.discard)(entry)
        return Receipt(True, entry.size_bytes)

    def write_piece(self, request: Write) -> Receipt:
        """Accept a piece of a content. Raises what `write` raises."""
        return self.write(request.digest, request.size_bytes, request.offset, request.piece)

    def write(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> Receipt:
        """Accept a piece of a content. Raises Malformed, StoreFull; Corrupt, if the whole has another digest."""
        if self.has(digest):
            return Receipt(True, size_bytes)
        if not 0 <= size_bytes <= CONTENT_BYTES_MAX or offset < 0 or offset + len(piece) > size_bytes:
            raise Malformed(f"a piece of {len(piece)} bytes at {offset} does not fit into a content of {size_bytes}")
        if len(piece) > CHUNK_BYTES:
            raise Malformed(f"a piece of {len(piece)} bytes is too long: at most {CHUNK_BYTES}")
        received_bytes = self._staging.receive(digest, size_bytes, offset, piece)
        return Receipt(self._staging.has(digest), received_bytes)

    def write_delta(self, request: WriteDelta) -> Receipt:
        """Stage a content from its delta, which takes long: without the lock, while others use the store.

        Raises Malformed, NotFound, StoreFull; Corrupt, if the content has another digest.
        """
        if request.size_bytes > BASE_BYTES_MAX:
            raise Malformed(f"a delta to {request.size_bytes} bytes: at most {BASE_BYTES_MAX}")
        with self.lock:
            if self.has(request.digest):
                return Receipt(True, request.size_bytes)
        base = self.whole(request.base, request.size_bytes)
        with self._unpacking:
            delta = unpack(request.delta, delta_bytes(request.size_bytes))
        content = apply_delta(base, delta)
        with self.lock:
            self.stage(request.digest, content)
        return Receipt(True, request.size_bytes)

    def read(self, digest: str, offset: int, length: int) -> bytes:
        if not 0 <= length <= CHUNK_BYTES or offset < 0:
            raise Malformed(f"cannot read {length} bytes from {offset}: at most {CHUNK_BYTES} in one piece")
        if self._staging.has(digest):
            return self._staging.piece(digest, offset, length)
        return self._blobs.piece(digest, offset, length)

    def open(self, digest: str) -> Content:
        """Return a content, to be read piece by piece; its digest is not checked. Raises NotFound."""
        return (self._staging if self._staging.has(digest) else self._blobs).content(digest)

    def whole(self, digest: str, size_bytes: int) -> bytes:
        """Return a content of this size; its digest is not checked. Others use the store between the pieces.

        Raises NotFound.
        """
        pieces = list[bytes]()
        for start in range(0, size_bytes, CHUNK_BYTES):
            with self.lock:
                pieces.append(self.read(digest, start, CHUNK_BYTES))
        return b"".join(pieces)

    def find(self, key: int, names: tuple[str, ...] = ()) -> tuple[Item, ...]:
        if not self.handoff_complete:
            raise NotYet("this node is still receiving a hand-off")
        if len(names) > FIND_NAMES_MAX:
            raise Malformed(f"find: {len(names)} names, at most {FIND_NAMES_MAX}")
        return tuple(self._index.items((key,), frozenset(names)))

    def range_digest(self, start: int, end: int) -> RangeDigest:
        return self._index.range_digest(start, end)

    def list_range(self, start: int, end: int) -> tuple[Item, ...]:
        return self._index.list_range(start, end)

    def list_specs(self) -> tuple[Item, ...]:
        return self._index.specs()

    def release(self, items: Iterable[Item], contents: Iterable[str] = ()) -> None:
        known = [(item, self._index.any_state(item.entry)) for item in items]
        self._remove([item.entry for item, state in known if state is not None and state.rank <= item.rank])
        for digest in contents:
            self._staging.drop(digest)

    def collect_garbage(self, scrub: int) -> int:
        """Remove what has expired, and scrub this many contents. Return how many were corrupt. Raises StoreFull.

        Others use the store while contents are read and expired entries are looked for. One thread does this at a time.
        """
        corrupt = [digest for digest in self._next_digests(scrub) if self._is_corrupt(digest)]
        now = self._clock()
        expired = self._index.expired(now)
        with self.lock:
            self._staging.expire()
            for digest in corrupt:
                self._blobs.drop(digest)
        for start in range(0, len(expired), REMOVED_AT_ONCE):
            with self.lock:
                self._remove([e for e in expired[start : start + REMOVED_AT_ONCE] if self._is_expired(e, now)])
        return len(corrupt)

    def stop_accepting(self) -> None:
        self._accepting_stopped = True

    # --- what its own node calls

    def restore(self, items: Iterable[Item]) -> None:
        """Restore what an index log has kept: a cache, whose leases continue."""
        for item in items:
            until = self._clock() + min(item.lease_s, LEASE_MAX_S)
            self._index.set(item.entry, EntryState(item.version, item.deleted, until, item.signature))

    def stage(self, digest: str, content: Content) -> None:
        """Add a content to the staging area. Raises Corrupt, StoreFull."""
        self._staging.add(digest, content)

    def has(self, digest: str) -> bool:
        return self._staging.has(digest) or self._blobs.has(digest)

    def keep_claimed(self, claims: Callable[[], Set[str]]) -> None:
        """Set who says which contents that no entry names are still needed: they make room for others last."""
        self._staging.claims = claims

    def named_items(self, key: int, name: str) -> Iterator[Item]:
        """Return the items with a key and a name. The guard asks for a job's spec also without the lock."""
        return self._index.named_items(key, name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all entries, sorted."""
        return tuple(sorted(item.entry.name for item in self._index.live_items()))

    @property
    def stored_bytes(self) -> int:
        return self._blobs.total_bytes

    # --- helpers

    def _content(self, entry: Entry) -> bytes:
        """Return an entry's content, which is here, for a caller that holds the lock. Raises NotFound."""
        starts = range(0, min(entry.size_bytes, CONTENT_BYTES_MAX), CHUNK_BYTES)
        return b"".join(self.read(entry.digest, start, CHUNK_BYTES) for start in starts)

    def _room_bytes(self) -> int:
        return self._blobs.bytes_max - self._blobs.total_bytes - self._staging.total_bytes

    def _is_expired(self, entry: Entry, now: float) -> bool:
        state = self._index.any_state(entry)
        return state is not None and state.until <= now

    def _check_capacity(self, entry: Entry, is_orphan: bool) -> None:
        """Check that another item has room, also in a message with all others of its key. Raises StoreFull."""
        if self._index.count >= ITEMS_MAX:
            raise StoreFull(f"{entry.name}: {self._index.count} items are stored here, and no more")
        if is_orphan and len(self._orphans) >= ORPHANS_MAX:
            raise StoreFull(f"{entry.name}: {len(self._orphans)} deletions of unknown entries are stored here already")
        others = self._index.of_key(entry.key)
        if (len(others) + 1) * (ITEM_BYTES + NAME_BYTES_MAX + SIGNATURE_BYTES_MAX) <= KEY_BYTES_MAX:
            return  # they fit, however long their names and signatures are
        taken = sum(ITEM_BYTES + len(e.name.encode()) + len(state.signature) for e, state in others.items())
        if taken + ITEM_BYTES + len(entry.name.encode()) + SIGNATURE_BYTES_MAX * bool(self.guard) > KEY_BYTES_MAX:
            raise StoreFull(f"{entry.name}: its key is full with {len(others)} items, which must fit into one message")

    def _move_to_blobs(self, entry: Entry) -> bool:
        """Move an entry's content from the staging area to the blobs. Return False if it is in neither.

        Raises Malformed, StoreFull.
        """
        is_blob = self._blobs.has(entry.digest)
        if not is_blob and not self._staging.has(entry.digest):
            return False
        size_bytes = (self._blobs if is_blob else self._staging).size_bytes(entry.digest)
        if size_bytes != entry.size_bytes:
            raise Malformed(f"{entry.name}: announced with {entry.size_bytes} bytes, but its content has {size_bytes}")
        try:
            if not is_blob:
                self._blobs.add(entry.digest, self._staging.content(entry.digest))
        except Corrupt:
            is_intact = False
        else:
            is_intact = True
        self._staging.drop(entry.digest)
        return is_intact

    def _record(self, entry: Entry, state: EntryState) -> None:
        lease_s = state.until - self._clock()
        try:
            self._index_log.record(Item(entry, state.version, lease_s, state.deleted, state.signature))
        except StoreFull:
            self._drop_unnamed({entry.digest})
            raise
        self._index.set(entry, state)
        if state.deleted:
            self._drop_unnamed({entry.digest})

    def _remove(self, entries: list[Entry]) -> None:
        """Remove entries. Raises StoreFull if that cannot be logged; then they are still here."""
        self._index_log.erase(entries)
        self._index.remove(entries)
        self._orphans.difference_update(entries)
        self._drop_unnamed({entry.digest for entry in entries})

    def _drop_unnamed(self, digests: set[str]) -> None:
        """Drop those of the contents that no live entry names."""
        for digest in digests:
            if not self._index.is_named(digest) and self._blobs.has(digest):
                self._blobs.drop(digest)

    def _next_digests(self, count: int) -> list[str]:
        """Return the digests to scrub next, in turn; fewer if their contents are large."""
        digests = sorted(digest for digest in self._index.digests() if self._blobs.has(digest))
        later = [d for d in digests if d > self._scrubbed] or digests
        before = accumulate(map(self._blob_bytes, later[:count]), initial=0)
        chosen = [d for d, size_bytes in zip(later[:count], before, strict=False) if size_bytes < SCRUB_BYTES]
        self._scrubbed = chosen[-1] if chosen else ""
        return chosen

    def _blob_bytes(self, digest: str) -> int:
        """Return the size of a content; 0 if it has been dropped."""
        try:
            return self._blobs.size_bytes(digest)
        except NotFound:
            return 0

    def _is_corrupt(self, digest: str) -> bool:
        """Read a content. Return True if it is corrupt, False also if it has been dropped meanwhile."""
        try:
            self._blobs.verify(digest)
        except Corrupt:
            return True
        except NotFound:
            return False
        return False
