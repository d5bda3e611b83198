"""The values of the store, and the requests that nodes send to one another's stores.

An entry is a content under a key and a name; an item is an entry with its version and lease. The state behind the
requests is in `store`, the procedures that send them are in `write_path` and `read_path`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from roundelay.chord.effects import Request

CHUNK_BYTES = 1 << 20  # of contents, at most, in one message
PIECE_BYTES = 512 << 10  # of a larger content that is read or written piece by piece
CONTENT_BYTES_MAX = (1 << 30) + (4 << 20)  # the sum of the largest model, and the receipts behind it
FILE_BYTES_MAX = 256 << 20  # of a training file, which processes read whole
IN_LINE_BYTES_MAX = 16 << 10  # of a content that is read behind others on one connection
ITEM_LEASE_S = 3600.0
RENEWAL_SHARE = 0.01  # of a lease: a smaller difference is the time of a message, not a renewal
SIGNATURE_BYTES_MAX = 2048
SPEC_ENDING = ".spec"  # of the name of a job's spec, by which a node finds the jobs that it owns
LIST_MAX = 256  # items in one message; more in an answer if the last key has more, because a key is never split


@dataclass(frozen=True, slots=True)
class Entry:
    """The content `digest` of `size_bytes`, stored under `key` with a `name`."""

    key: int
    name: str
    digest: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Item:
    """An entry and its state: the later version counts; of equal versions, the deletion."""

    entry: Entry
    version: int  # the writer's clock
    lease_s: float = ITEM_LEASE_S  # what remains of it
    deleted: bool = False
    signature: bytes = b""  # of all but the lease, with the signer's certificate; empty: this ring is not secured

    @property
    def rank(self) -> tuple[int, bool]:
        return self.version, self.deleted


@dataclass(frozen=True)
class Receipt:
    """How far a put has come: stored, or how many bytes of the content have arrived."""

    stored: bool
    received_bytes: int


@dataclass(frozen=True)
class Parcel:
    """An item to be stored and, unless the receiver is expected to have it, its whole content."""

    item: Item
    content: bytes = field(default=b"", repr=False)  # packed if it is shorter than announced


@dataclass(frozen=True)
class Put(Request[tuple[Receipt, ...]]):
    """Store items, one after the other. Where the receiver lacks a content, write its bytes and ask again.

    to_owner: store nothing unless the receiver owns the keys of all items. Raises NotOwner.
    caller: in a secured ring, the identifier of the node that asks, as its certificate states it; never sent.
    """

    parcels: tuple[Parcel, ...]
    to_owner: bool = False
    caller: int | None = None

    @classmethod
    def of(cls, *items: Item) -> Put:
        """Return a put of items without their contents."""
        return cls(tuple(Parcel(item) for item in items))

    @property
    def goes_in_line(self) -> bool:
        return not any(parcel.content for parcel in self.parcels)


@dataclass(frozen=True)
class Write(Request[Receipt]):
    """Send a piece of a content; pieces may overtake one another, and one already received is ignored."""

    digest: str
    size_bytes: int
    offset: int
    piece: bytes


@dataclass(frozen=True)
class WriteDelta(Request[Receipt]):
    """Stage a content that is given as the delta to another one. Raises NotFound: `base` is not here.

    delta: packed if it is shorter than delta_bytes(size_bytes). A node sends this only to itself.
    """

    digest: str
    size_bytes: int
    base: str
    delta: bytes = field(repr=False)


@dataclass(frozen=True)
class Read(Request[bytes]):
    """Ask for at most `length` bytes of a content from `offset` on. Raises NotFound, Corrupt."""

    digest: str
    offset: int
    length: int

    @property
    def goes_in_line(self) -> bool:
        return self.length <= IN_LINE_BYTES_MAX


@dataclass(frozen=True)
class Find(Request[tuple[Item, ...]]):
    """Ask for the items of a key, including deletions; only those with one of `names`, if any are given.

    Raises NotYet while the receiver is receiving a hand-off.
    """

    key: int
    names: tuple[str, ...] = ()

    @property
    def goes_in_line(self) -> bool:
        return True


@dataclass(frozen=True)
class RangeDigest:
    """The number of items in an arc, and a digest of them: equal digests mean equal items."""

    count: int
    digest: int


@dataclass(frozen=True)
class GetRangeDigest(Request[RangeDigest]):
    """Ask for the digest of the keys in (start, end]."""

    start: int
    end: int


@dataclass(frozen=True)
class ListRange(Request[tuple[Item, ...]]):
    """Ask for the items of the first keys in (start, end], in the order of the arc, including deletions.

    The answer has LIST_MAX items or a few more: always all items of a key, and of at least one key.
    """

    start: int
    end: int


@dataclass(frozen=True)
class ListSpecs(Request[tuple[Item, ...]]):
    """Ask for the specs of jobs, the items whose names end with SPEC_ENDING. A node sends this only to itself."""


@dataclass(frozen=True)
class Release(Request[None]):
    """Remove items that other nodes hold by now; a later version that has arrived meanwhile stays.

    A node sends this only to itself.
    """

    items: tuple[Item, ...] = ()
    contents: tuple[str, ...] = ()  # digests of contents that no entry names


@dataclass(frozen=True)
class CollectGarbage(Request[int]):
    """Remove what has expired, and scrub a few contents. The answer is how many were corrupt and are removed.

    A node sends this only to itself.
    """

    scrub: int = 4


@dataclass(frozen=True)
class StopAccepting(Request[None]):
    """Accept no more items, because this node is leaving. A node sends this only to itself."""
