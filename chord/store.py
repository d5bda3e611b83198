"""The state of one node's store: blobs by digest, and an index of (key, name, digest).

Equal names of two jobs, and equal keys of two names on a small ring, are different entries.
Bytes are checked against their digest before they count as stored, and again when they are read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from chord.answers import Handlers
from chord.effects import Request
from chord.errors import Corrupt, Malformed, NotFound, StoreFull

CHUNK_BYTES = 1 << 20  # of a blob, in one message
BLOB_BYTES_MAX = 256 << 20
STORE_BYTES_MAX = 2 << 30
UPLOADS_MAX = 256  # blobs half received; the oldest gives way
NAME_BYTES_MAX = 255


def digest_of(content: bytes) -> str:
    """SHA-256 in hex: the identity of a content."""
    return hashlib.sha256(content).hexdigest()


def check_name(name: str) -> None:
    """Names are shown and compared, never made into paths. Raises Malformed for what could harm."""
    if not name or len(name.encode()) > NAME_BYTES_MAX:
        raise Malformed(f"a name has 1 to {NAME_BYTES_MAX} bytes, this one {len(name.encode())}")
    if any(ord(c) < 32 or ord(c) == 127 or c in "/\\" for c in name) or name in (".", ".."):
        raise Malformed(f"{name!r} is no name of a file")


@dataclass(frozen=True)
class Entry:
    """What is stored where: content `digest` of `size_bytes`, called `name`, under `key`."""

    key: int
    name: str
    digest: str
    size_bytes: int


@dataclass(frozen=True)
class Receipt:
    """How far a put has come: stored, or so many bytes of the content have arrived."""

    stored: bool
    received_bytes: int


@dataclass(frozen=True)
class Put(Request[Receipt]):
    """Keep this. Idempotent. Where the content is not here yet, write its bytes and ask again."""

    entry: Entry


@dataclass(frozen=True)
class Write(Request[Receipt]):
    """A piece of a content, in order from offset 0; a piece already received is ignored."""

    digest: str
    size_bytes: int
    offset: int
    piece: bytes


@dataclass(frozen=True)
class Read(Request[bytes]):
    """At most `length` bytes of a content from `offset` on. Raises NotFound."""

    digest: str
    offset: int
    length: int


@dataclass(frozen=True)
class Find(Request[tuple[Entry, ...]]):
    """All that is kept under a key."""

    key: int


class Store:
    """Contents in memory, the index, and the uploads on their way."""

    def __init__(self, bytes_max: int = STORE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._blobs: dict[str, bytes] = {}
        self._uploads: dict[str, bytearray] = {}
        self._index: dict[tuple[int, str, str], Entry] = {}

    # --- what it answers

    def handlers(self) -> Handlers:
        """The store's questions, answered from this state."""
        return {
            Put: lambda r: self.put(r.entry),
            Write: lambda r: self.write(r.digest, r.size_bytes, r.offset, r.piece),
            Read: lambda r: self.read(r.digest, r.offset, r.length),
            Find: lambda r: self.find(r.key),
        }

    def put(self, entry: Entry) -> Receipt:
        check_name(entry.name)
        if entry.digest not in self._blobs:
            return Receipt(False, len(self._uploads.get(entry.digest, b"")))
        if len(self._blobs[entry.digest]) != entry.size_bytes:
            raise Malformed(f"{entry.name}: {entry.size_bytes} bytes announced, the content has "
                            f"{len(self._blobs[entry.digest])}")
        self._index[entry.key, entry.name, entry.digest] = entry
        return Receipt(True, entry.size_bytes)

    def write(self, digest: str, size_bytes: int, offset: int, piece: bytes) -> Receipt:
        """Raises Corrupt when the whole has another digest, StoreFull when there is no room."""
        if digest in self._blobs:
            return Receipt(True, size_bytes)
        if not 0 <= size_bytes <= BLOB_BYTES_MAX or offset + len(piece) > size_bytes:
            raise Malformed(f"a piece of {len(piece)} bytes at {offset} in a content of {size_bytes}")
        upload = self._upload(digest, size_bytes)
        if offset == len(upload):
            upload += piece
        if len(upload) < size_bytes:
            return Receipt(False, len(upload))
        content = bytes(self._uploads.pop(digest))
        self.keep(digest, content)
        return Receipt(True, size_bytes)

    def read(self, digest: str, offset: int, length: int) -> bytes:
        if not 0 <= length <= CHUNK_BYTES or offset < 0:
            raise Malformed(f"{length} bytes from {offset} asked for, at most {CHUNK_BYTES} in one piece")
        return self.content(digest)[offset : offset + length]

    def find(self, key: int) -> tuple[Entry, ...]:
        return tuple(e for e in self._index.values() if e.key == key)

    # --- what its own node uses

    def keep(self, digest: str, content: bytes) -> None:
        """Take a content in. Raises Corrupt, StoreFull."""
        if digest_of(content) != digest:
            raise Corrupt(f"{len(content)} bytes announced as {digest[:8]} are {digest_of(content)[:8]}")
        if self.stored_bytes + len(content) > self._bytes_max:
            raise StoreFull(f"{self.stored_bytes} of {self._bytes_max} bytes are taken")
        self._blobs[digest] = content

    def content(self, digest: str) -> bytes:
        """A whole content. Raises NotFound."""
        if digest not in self._blobs:
            raise NotFound(f"no content {digest[:8]} here")
        return self._blobs[digest]

    def drop(self, *digests: str) -> None:
        """Let go of contents that no entry names; others stay."""
        named = {e.digest for e in self._index.values()}
        for digest in digests:
            if digest not in named:
                self._blobs.pop(digest, None)

    def has(self, digest: str) -> bool:
        return digest in self._blobs

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(self._index.values())

    @property
    def stored_bytes(self) -> int:
        return sum(len(blob) for blob in self._blobs.values())

    # --- helpers

    def _upload(self, digest: str, size_bytes: int) -> bytearray:
        if digest not in self._uploads:
            if self.stored_bytes + size_bytes > self._bytes_max:
                raise StoreFull(f"no room for {size_bytes} bytes: {self.stored_bytes} of {self._bytes_max} taken")
            if len(self._uploads) >= UPLOADS_MAX:
                self._uploads.pop(next(iter(self._uploads)))
            self._uploads[digest] = bytearray()
        return self._uploads[digest]
