"""What is kept on a ring, and what nodes ask one another's stores about it.

An entry is a content under a key and a name; an item, an entry and how it stands. Values only:
the state behind the questions is in chord/store.py, the procedures that ask them in chord/storing.py and finding.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.chord.effects import Request

CHUNK_BYTES = 1 << 20  # of a content, in one message
ITEM_LEASE_S = 3600.0
RENEWAL_SHARE = 0.01  # of a lease: what is longer by less is no renewal, but the time that a message took
LIST_MAX = 256  # items in one message; the last key's may be more, for it is never cut


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
    lease_s: float = ITEM_LEASE_S  # what is left of it
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
    """All that is kept under a key, deletions too; of these names, where any are given.

    Raises NotYet while a hand-over is going on.
    """

    key: int
    names: tuple[str, ...] = ()


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
    """The items of the first keys in (start, end], in the order of the arc; deletions too.

    LIST_MAX items or a few more: a key's items come all or not at all, and at least one key's come.
    """

    start: int
    end: int


@dataclass(frozen=True)
class ListNamed(Request[tuple[Item, ...]]):
    """All items whose names end so. Only a node itself may ask this of itself."""

    ending: str


@dataclass(frozen=True)
class Release(Request[None]):
    """Let go of these, which are elsewhere by now; a later version that has come meanwhile stays.

    Only a node itself may ask this of itself.
    """

    items: tuple[Item, ...] = ()
    contents: tuple[str, ...] = ()  # digests of contents that no entry names


@dataclass(frozen=True)
class CollectGarbage(Request[int]):
    """Let go of what has expired, and read a few contents whole: how many had rotted and are gone.

    Only a node itself may ask this of itself.
    """

    scrub: int = 4


@dataclass(frozen=True)
class StopAccepting(Request[None]):
    """Take in no more items: this node is leaving. Only a node itself may ask this of itself."""
