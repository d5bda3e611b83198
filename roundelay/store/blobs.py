"""Contents by digest, in memory: the plain form of what a node keeps. Another form lies on a disk.

Contents never change: a digest names the same bytes wherever they lie. They are checked when they
come in and again when they are read whole; a piece is checked by who puts the pieces together. So
a rotten copy is found and never taken for the content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from typing import Protocol

from roundelay.chord.errors import Corrupt, NotFound, StoreFull
from roundelay.store.items import CHUNK_BYTES

BYTES_MAX = 2 << 30


class Content(Protocol):
    """Bytes, or what gives parts of itself as such: a file, which need not fit into memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Buffer(Protocol):
    """Where a content is put together, from its beginning."""

    def write(self, piece: bytes, /) -> int:
        """Raises StoreFull."""

    def tell(self) -> int: ...

    def getvalue(self) -> Content:
        """What has been written: no second copy of it, and nothing is written after that."""


def digest_of(content: Content) -> str:
    """SHA-256 in hex: the identity of a content."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    whole = hashlib.sha256()
    for piece in pieces_of(content):
        whole.update(piece)
    return whole.hexdigest()


def pieces_of(content: Content) -> Iterator[bytes]:
    """Of CHUNK_BYTES each, the last one shorter."""
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def verify_digest(digest: str, content: Content) -> None:
    """Raises Corrupt unless these are the bytes of that digest."""
    require_digest(digest, digest_of(content), len(content))


def require_digest(digest: str, actual: str, size_bytes: int) -> None:
    """Raises Corrupt unless the digest of so many bytes is the one announced."""
    if actual != digest:
        raise Corrupt(f"{size_bytes} bytes announced as {digest[:8]} are {actual[:8]}")


class Blobs(Protocol):
    """Where a node's contents lie. May be called from any thread."""

    @property
    def total_bytes(self) -> int: ...

    @property
    def bytes_max(self) -> int: ...

    def has(self, digest: str) -> bool: ...

    def size_bytes(self, digest: str) -> int:
        """Of a content that is here. Raises NotFound."""

    def buffer(self, size_bytes: int) -> Buffer:
        """For a content of that size that is on its way in. Raises StoreFull."""

    def add(self, digest: str, content: Content) -> None:
        """Keep a content that was checked when it came in. Raises StoreFull; Corrupt, where it is written elsewhere."""

    def verify(self, digest: str) -> None:
        """Read a content whole. Raises NotFound; Corrupt, when it has rotted: it is then gone."""

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        """A part of it. Raises NotFound, Corrupt."""

    def drop(self, digest: str) -> None:
        """Let go of it, if it is here."""


class MemoryBlobs:
    """Contents in memory."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self.total_bytes = 0
        self._contents: dict[str, Content] = {}

    def has(self, digest: str) -> bool:
        return digest in self._contents

    def size_bytes(self, digest: str) -> int:
        return len(self.content(digest))

    def buffer(self, size_bytes: int) -> Buffer:
        return BytesIO()  # whose value is no second copy

    def add(self, digest: str, content: Content) -> None:
        if digest in self._contents:
            return
        if self.total_bytes + len(content) > self.bytes_max:
            raise StoreFull(f"no room for {len(content)} bytes: {self.total_bytes} of {self.bytes_max} are taken")
        self._contents[digest] = content
        self.total_bytes += len(content)

    def verify(self, digest: str) -> None:
        try:
            verify_digest(digest, self.content(digest))
        except Corrupt:
            self.drop(digest)
            raise

    def content(self, digest: str) -> Content:
        """As it lies here. Raises NotFound."""
        if digest not in self._contents:
            raise NotFound(f"no content {digest[:8]} here")
        return self._contents[digest]

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        return self.content(digest)[offset : offset + length]

    def drop(self, digest: str) -> None:
        self.total_bytes -= len(self._contents.pop(digest, b""))
