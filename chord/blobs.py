"""Contents by digest, in memory: the plain form of what a node keeps. Another form lies on a disk.

Contents never change: a digest names the same bytes wherever they lie. They are checked when they
come in and again when they are read whole; a piece is checked by who puts the pieces together. So
a rotten copy is found and never taken for the content.
"""

from __future__ import annotations

import hashlib
from typing import Protocol

from chord.errors import Corrupt, NotFound, StoreFull

BYTES_MAX = 2 << 30


def digest_of(content: bytes) -> str:
    """SHA-256 in hex: the identity of a content."""
    return hashlib.sha256(content).hexdigest()


def check(digest: str, content: bytes) -> None:
    """Raises Corrupt unless these are the bytes of that digest."""
    if digest_of(content) != digest:
        raise Corrupt(f"{len(content)} bytes announced as {digest[:8]} are {digest_of(content)[:8]}")


class Blobs(Protocol):
    """Where a node's contents lie. May be called from any thread."""

    @property
    def total_bytes(self) -> int: ...

    @property
    def bytes_max(self) -> int: ...

    def has(self, digest: str) -> bool: ...

    def size_bytes(self, digest: str) -> int:
        """Of a content that is here. Raises NotFound."""

    def add(self, digest: str, content: bytes) -> None:
        """Take a content in. Raises Corrupt, StoreFull."""

    def content(self, digest: str) -> bytes:
        """A whole content. Raises NotFound; Corrupt, when it has rotted: it is then gone."""

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        """A part of it. Raises NotFound, Corrupt."""

    def drop(self, digest: str) -> None:
        """Let go of it, if it is here."""


class MemoryBlobs:
    """Contents in memory."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.bytes_max = bytes_max
        self.total_bytes = 0
        self._contents: dict[str, bytes] = {}

    def has(self, digest: str) -> bool:
        return digest in self._contents

    def size_bytes(self, digest: str) -> int:
        return len(self._kept(digest))

    def add(self, digest: str, content: bytes) -> None:
        check(digest, content)
        if digest in self._contents:
            return
        if self.total_bytes + len(content) > self.bytes_max:
            raise StoreFull(f"no room for {len(content)} bytes: {self.total_bytes} of {self.bytes_max} are taken")
        self._contents[digest] = content
        self.total_bytes += len(content)

    def content(self, digest: str) -> bytes:
        content = self._kept(digest)
        try:
            check(digest, content)
        except Corrupt:
            self.drop(digest)
            raise
        return content

    def piece(self, digest: str, offset: int, length: int) -> bytes:
        return self._kept(digest)[offset : offset + length]

    def drop(self, digest: str) -> None:
        self.total_bytes -= len(self._contents.pop(digest, b""))

    def _kept(self, digest: str) -> bytes:
        if digest not in self._contents:
            raise NotFound(f"no content {digest[:8]} here")
        return self._contents[digest]
