"""Contents that lie in files: given out piece by piece, so that a large one is never whole in memory.

A file is open as long as its content is wanted, and closed with it. Nobody may change it meanwhile; who keeps the
content checks it against its digest.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path

from roundelay.chord.errors import Corrupt, StoreFull


class FileContent:
    """The content of an open file, by its descriptor, which is ours from now on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._size_bytes = os.fstat(descriptor).st_size
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        return self._size_bytes

    def __getitem__(self, part: slice, /) -> bytes:
        """Raises Corrupt."""
        start, stop, _ = part.indices(self._size_bytes)
        try:
            return os.pread(self._descriptor, max(0, stop - start), start)
        except OSError as error:
            raise Corrupt(f"a content that lay in a file: {error.strerror}") from error


class Spool(FileContent):
    """A content that is put together in a file of a folder; no name leads there, so a kill leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreFull."""
        try:
            descriptor, path = tempfile.mkstemp(prefix="arriving-", dir=folder)
            Path(path).unlink()
        except OSError as error:
            raise StoreFull(f"{folder}: {error.strerror}") from error
        super().__init__(descriptor)

    def write(self, piece: bytes, /) -> int:
        """Raises StoreFull."""
        left = memoryview(piece)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise StoreFull(f"no room for a content on its way in: {error.strerror}") from error
        self._size_bytes += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size_bytes

    def getvalue(self) -> FileContent:
        return self


def open_content(path: Path) -> FileContent:
    """Raises OSError."""
    return FileContent(os.open(path, os.O_RDONLY))
