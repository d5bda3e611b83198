"""Bytes in unnamed temporary files, for what is too large for memory. Imports no numpy.

A kill leaves nothing behind. Files are read by pread: pages of a mapped file would count as memory of the process.
"""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path

LARGE_BYTES_MIN = 4 << 20  # of what a trainer keeps in a file instead of memory


class FileBytes:
    """The bytes of an open file. Takes over the descriptor, and closes it at the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size_bytes = os.fstat(descriptor).st_size
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        return self._size_bytes

    def __getitem__(self, part: slice, /) -> bytes:
        """Return some of the bytes. Raises OSError."""
        start, stop, _ = part.indices(self._size_bytes)
        return os.pread(self._descriptor, max(0, stop - start), start)


class TemporaryBytes(FileBytes):
    """Bytes that are collected in an unnamed file of a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        """Create the file, in the folder that TMPDIR names unless there is another. Raises OSError."""
        import tempfile  # which small contents do without

        descriptor, path = tempfile.mkstemp(prefix="arriving-", dir=folder)
        Path(path).unlink()
        super().__init__(descriptor)

    def write(self, piece: bytes | memoryview, /) -> int:
        """Append a piece. Raises OSError."""
        self.place(self._size_bytes, piece)
        return len(piece)

    def place(self, offset: int, piece: bytes | memoryview, /) -> None:
        """Write a piece at its place; what is before it and was not written is 0. Raises OSError."""
        left, at = memoryview(piece), offset
        while left:
            written = os.pwrite(self._descriptor, left, at)
            left, at = left[written:], at + written
        self._size_bytes = max(self._size_bytes, at)

    def tell(self) -> int:
        return self._size_bytes

    def getvalue(self) -> FileBytes:
        """Return what has been written; nothing is written afterwards."""
        return self


def file_for(size_bytes: int) -> TemporaryBytes | None:
    """Return a file for what has this size; None if it is small, or if the system has no room for temporary files."""
    if size_bytes >= LARGE_BYTES_MIN:
        with suppress(OSError):
            return TemporaryBytes()
    return None
