"""Contents in files, read piece by piece, so that a large one is never whole in memory.

The file is open as long as its content is referenced. It must not change meanwhile; the store checks the content
against its digest.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO

from roundelay.chord.errors import Corrupt, StoreFull
from roundelay.ml.temporary import FileBytes, TemporaryBytes
from roundelay.store.blobs import Buffer, Content, MemoryBlobs, MemoryBuffer
from roundelay.store.staging import LARGE_BYTES_MIN


class FileContent(FileBytes):
    """The content of an open file."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Return a part of the content. Raises Corrupt."""
        try:
            return super().__getitem__(part)
        except OSError as error:
            raise Corrupt(f"cannot read a content from its file: {error.strerror}") from error


class Spool(TemporaryBytes, FileContent):
    """A content that is collected in an unnamed file of a folder."""

    def __init__(self, folder: Path) -> None:
        """Create the file. Raises StoreFull."""
        try:
            super().__init__(folder)
        except OSError as error:
            raise StoreFull(f"{folder}: {error.strerror}") from error

    def place(self, offset: int, piece: bytes | memoryview, /) -> None:
        """Write a piece at its place. Raises StoreFull."""
        try:
            super().place(offset, piece)
        except OSError as error:
            raise StoreFull(f"no room for a content: {error.strerror}") from error

    def getvalue(self) -> FileContent:
        return self


class SpoolingBlobs(MemoryBlobs):
    """Blobs in memory, except that large contents arrive in unnamed temporary files, and stay there."""

    def buffer(self, size_bytes: int) -> Buffer:
        return buffer_for(size_bytes)


def buffer_for(size_bytes: int) -> Buffer:
    """Return a buffer for a content: in memory, unless it is large."""
    if size_bytes >= LARGE_BYTES_MIN:
        import tempfile  # which small contents do without

        with suppress(StoreFull):  # a system without temporary files has the memory
            return Spool(Path(tempfile.gettempdir()))
    return MemoryBuffer(size_bytes)


def file_for(size_bytes: int) -> Buffer | None:
    """Return a buffer for a large content; None for one that can as well be in memory."""
    return buffer_for(size_bytes) if size_bytes >= LARGE_BYTES_MIN else None


def content_stream(content: Content) -> BinaryIO:
    """Return a stream from which a content is read, from its beginning."""
    return BufferedReader(_Reader(content))


class _Reader(RawIOBase):
    """Reads a content."""

    def __init__(self, content: Content) -> None:
        self._content, self._at = content, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._content[self._at : self._at + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def open_content(path: Path) -> FileContent:
    """Open a file as a content. Raises OSError."""
    return FileContent(os.open(path, os.O_RDONLY))
