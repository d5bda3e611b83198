"""The index of one node's store: its entries by key, each with its version and its lease.

Changes are made under the store's lock. What lists entries needs no lock: it copies the keys in one step, and then the
entries of each key in one, so that other threads may change the index meanwhile.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from roundelay.chord.ring import between_right_closed
from roundelay.store.items import LIST_MAX, SPEC_ENDING, Entry, Item, RangeDigest


@dataclass(frozen=True, slots=True)
class EntryState:
    """An entry's version and lease here. Of two, the later version counts and lasts as long as either would."""

    version: int
    deleted: bool
    until: float
    signature: bytes = b""

    @property
    def rank(self) -> tuple[int, bool]:
        return self.version, self.deleted

    def is_of(self, item: Item) -> bool:
        """Return whether an item is the signed one that is stored, and so has been checked; its lease may differ."""
        stored = self.version, self.deleted, self.signature
        return bool(item.signature) and stored == (item.version, item.deleted, item.signature)

    def merged(self, other: EntryState) -> EntryState:
        later, earlier = (self, other) if self.rank >= other.rank else (other, self)
        if earlier.deleted and not later.deleted:
            return later  # an entry that is put after its deletion has only its own lease
        return replace(later, until=max(self.until, other.until))


class Index:
    """Entries and their states."""

    def __init__(self, clock: Callable[[], float], has_content: Callable[[str], bool]) -> None:
        """Create an empty index. has_content: whether a content is stored; a live entry without one is not listed."""
        self._clock = clock
        self._has_content = has_content
        self._states: dict[int, dict[Entry, EntryState]] = {}  # by key
        self._named = Counter[str]()  # by digest: the live entries that name a content
        self._specs: dict[Entry, None] = {}  # of jobs, which a node looks for every second
        self.count = 0  # of entries

    # --- changes

    def set(self, entry: Entry, state: EntryState) -> None:
        states = self._states.setdefault(entry.key, {})
        before = states.get(entry)
        self.count += before is None
        self._count_name(entry, (not state.deleted) - (before is not None and not before.deleted))
        states[entry] = state
        if entry.name.endswith(SPEC_ENDING):
            self._specs[entry] = None

    def remove(self, entries: Iterable[Entry]) -> None:
        """Remove entries, all of which are here."""
        for entry in entries:
            self._count_name(entry, -(not self._states[entry.key].pop(entry).deleted))
            self._specs.pop(entry, None)
            self.count -= 1
            if not self._states[entry.key]:
                del self._states[entry.key]

    def _count_name(self, entry: Entry, change: int) -> None:
        """Count one live entry of a content more or less."""
        self._named[entry.digest] += change
        if not self._named[entry.digest]:
            del self._named[entry.digest]

    # --- single entries and keys

    def any_state(self, entry: Entry) -> EntryState | None:
        """Return an entry's state, also an expired one."""
        return self._states.get(entry.key, {}).get(entry)

    def state(self, entry: Entry, now: float) -> EntryState | None:
        """Return an entry's state, or None if it is unknown or expired."""
        state = self.any_state(entry)
        return state if state is not None and state.until > now else None

    def of_key(self, key: int) -> Mapping[Entry, EntryState]:
        return self._states.get(key, {})

    def is_named(self, digest: str) -> bool:
        """Return whether a live entry names a content."""
        return digest in self._named

    # --- lists

    def items(self, keys: Iterable[int], names: Set[str] = frozenset()) -> Iterator[Item]:
        """Return the items that have not expired; one whose content was corrupt and is removed counts as missing.

        names: only items with one of these are wanted, if there are any.
        """
        now = self._clock()
        for key in keys:
            for entry, state in self._copied(key):
                if names and entry.name not in names:
                    continue
                if state.until > now and (state.deleted or self._has_content(entry.digest)):
                    yield Item(entry, state.version, state.until - now, state.deleted, state.signature)

    def named_items(self, key: int, name: str) -> Iterator[Item]:
        """Return the items with a key and a name, also those without a content."""
        now = self._clock()
        for entry, state in self._copied(key):
            if entry.name == name and state.until > now:
                yield Item(entry, state.version, state.until - now, state.deleted, state.signature)

    def live_items(self) -> Iterator[Item]:
        """Return the items of all keys, without deletions."""
        return (item for item in self.items(list(self._states)) if not item.deleted)

    def specs(self) -> tuple[Item, ...]:
        """Return the specs of jobs, without deletions."""
        entries = self._specs.copy()
        keys, names = dict.fromkeys(entry.key for entry in entries), {entry.name for entry in entries}
        return tuple(item for item in self.items(keys, names) if not item.deleted) if names else ()

    def range_digest(self, start: int, end: int) -> RangeDigest:
        """Return the digest of the items in (start, end]."""
        total, count = 0, 0
        for item in self.items(self._keys(start, end)):
            total ^= _item_digest(item)
            count += 1
        return RangeDigest(count, total)

    def list_range(self, start: int, end: int) -> tuple[Item, ...]:
        """Return the items in (start, end], key by key, until they are LIST_MAX or more."""
        listed: list[Item] = []
        for key in sorted(self._keys(start, end), key=lambda k: (k <= start, k)):
            if len(listed) >= LIST_MAX:
                break
            listed += sorted(self.items((key,)), key=_copied_first)
        return tuple(listed)

    def expired(self, now: float) -> list[Entry]:
        return [entry for key in list(self._states) for entry, state in self._copied(key) if state.until <= now]

    def digests(self) -> list[str]:
        """Return the digests that live entries name."""
        return list(self._named)

    # --- helpers

    def _keys(self, start: int, end: int) -> list[int]:
        """Return the keys in (start, end] that have entries."""
        return [key for key in list(self._states) if between_right_closed(start, key, end)]

    def _copied(self, key: int) -> ItemsView[Entry, EntryState]:
        """Return a key's entries as they are now.

        A dict is copied in one step, while a list of its pairs allocates each of them, where the garbage collector may
        let another thread change the dict.
        """
        return self._states.get(key, {}).copy().items()


def _item_digest(item: Item) -> int:
    """Return an item's share of a range digest: 56 bits."""
    entry = item.entry
    text = f"{entry.key}:{entry.size_bytes}:{entry.digest}:{item.version}:{item.deleted}:{entry.name}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def _copied_first(item: Item) -> tuple[bool, str, str]:
    """Order items so that a job's spec comes first: by it a secured ring's replicas judge the job's other records."""
    return not item.entry.name.endswith(SPEC_ENDING), item.entry.name, item.entry.digest
