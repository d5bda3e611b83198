"""Blobs: contents by digest, in memory. node/disk.py keeps them on a disk instead.

A digest names the same bytes everywhere. They are verified when they arrive and when they are read whole; a reader of
pieces verifies the whole that it assembles. So a corrupt copy is always detected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from typing import Protocol

from roundelay.chord.errors import Corrupt, NotFound, StoreFull
from roundelay.store.items import CHUNK_BYTES

BYTES_MAX = 8 << 30  # of all contents that a node stores
MEMORY_BYTES_MAX = 2 << 30  # of those that it has in memory


class Content(Protocol):
    """Bytes, or something that returns slices of itself as bytes: a file, which need not fit into memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


class Buffer(Protocol):
    """Where a content is assembled, from its beginning or from its pieces in any order."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Return some of what has been written. Raises Corrupt."""

    def place(self, offset: int, piece: bytes, /) -> None:
        """Write a piece at its place. Raises StoreFull."""

    def write(self, piece: bytes, /) -> int:
        """Append a piece. Raises StoreFull."""

    def tell(self) -> int: ...

    def getvalue(self) -> Content:
        """Return what has been written, without copying it; nothing is written afterwards."""


class MemoryBuffer(BytesIO):
    """A content that is assembled in memory; getvalue() does not copy it.

    size_bytes: of the whole content, if it is known. Its memory is reserved at once, because a buffer that grows with
    each piece is moved to fresh pages again and again. The system provides the pages as they are written.
    """

    def __init__(self, size_bytes: int = 0) -> None:
        super().__init__(bytes(size_bytes))  # which it does not copy either

    def __getitem__(self, part: slice, /) -> bytes:
        return bytes(self.getbuffer()[part])

    def place(self, offset: int, piece: bytes, /) -> None:
        self.seek(offset)
        self.write(piece)


def digest_of(content: Content) -> str:
    """Return a content's SHA-256 in hex: its identity."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    whole = hashlib.sha256()
    for piece in pieces_of(content):
        whole.update(piece)
    return whole.hexdigest()


def pieces_of(content: Content) -> Iterator[bytes]:
    """Return the content in pieces of CHUNK_BYTES, the last one shorter."""
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def verify_digest(digest: str, content: Content) -> None:
    """Check that a content has the digest announced. Raises Corrupt."""
    require_digest(digest, digest_of(content), len(content))


def require_digest(digest: str, actual: str, size_bytes: int) -> None:
    """Check the digest of `size_bytes` bytes against the one announced. Raises Corrupt."""
    if actual != digest:
        raise Corrupt(f"{size_bytes} bytes with digest {actual[:8]} were announced as {digest[:8]}")


class Blobs(Protocol):
    """The contents that a node keeps. May be called from any thread."""

    @property
    def total_bytes(self) -> int: ...

    @property
    def bytes_max(self) -> int: ...

    def has(self, digest: str) -> bool: ...

    def size_bytes(self, digest: str) -> int:
        """Return the size of a content. Raises NotFound."""

    def buffer(self, size_bytes: int) -> Buffer:
        """Return a buffer for an arriving content of that size. Raises StoreFull."""

    def add(self, digest: str, content: Content) -> None:
        """Keep a verified content. Raises StoreFull; Corrupt, if copying it has changed it."""

    def copied(self, digest: str, content: Content) -> AbstractContextManager[object]:
        """Copy a large content, so that within this context `add` of it is quick. Raises StoreFull.

        A caller needs no lock; one copy is made at a time. At the end it is dropped, unless it was added.
        """

    def content(self, digest: str) -> Content:
        """Return a content, to be read piece by piece. Raises NotFound; while it is read, what `piece` raises."""

    def verify(self, digest: str) -> None:
        """Read a content whole. Raises NotFound, Corrupt: the caller drops it."""

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        """Return a part of a content. Raises NotFound, Corrupt."""

    def drop(self, digest: str) -> None:
        """Remove a content, if it is here."""


class MemoryBlobs:
    """Blobs in memory."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self.total_bytes = self._memory_bytes = 0
        self._contents: dict[str, Content] = {}

    def has(self, digest: str) -> bool:
        return digest in self._contents

    def size_bytes(self, digest: str) -> int:
        return len(self.content(digest))

    def buffer(self, size_bytes: int) -> Buffer:
        return MemoryBuffer(size_bytes)

    def add(self, digest: str, content: Content) -> None:
        if digest in self._contents:
            return
        _require_room(len(content), self.total_bytes, self.bytes_max)
        if isinstance(content, bytes):
            _require_room(len(content), self._memory_bytes, MEMORY_BYTES_MAX)
        self._contents[digest] = content
        self._count(content, 1)

    def copied(self, digest: str, content: Content) -> AbstractContextManager[object]:
        return nullcontext()  # nothing is copied

    def verify(self, digest: str) -> None:
        verify_digest(digest, self.content(digest))

    def content(self, digest: str) -> Content:
        """Return a content without verifying it. Raises NotFound."""
        if digest not in self._contents:
            raise NotFound(f"this node does not have content {digest[:8]}")
        return self._contents[digest]

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        return self.content(digest)[offset : offset + length]

    def drop(self, digest: str) -> None:
        self._count(self._contents.pop(digest, b""), -1)

    def _count(self, content: Content, times: int) -> None:
        self.total_bytes += times * len(content)
        self._memory_bytes += times * len(content) * isinstance(content, bytes)


def _require_room(size_bytes: int, taken: int, most: int) -> None:
    if taken + size_bytes > most:
        raise StoreFull(f"no room for {size_bytes} bytes: {taken} of {most} are in use")
