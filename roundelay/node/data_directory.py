"""A data directory, often on a shared file system: contents that need not be sent to this node.

It is read and hashed once, at the start. A file that changes afterwards is noticed when it is read, because contents
are checked against their digests.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from roundelay.store.items import FILE_BYTES_MAX

FILES_MAX = 100_000


class DataDirectory:
    """The regular files of one directory, by name and digest. Symbolic links are not followed."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._digests: dict[str, str] = {}

    def scan(self) -> None:
        """Hash the files. Raises OSError."""
        if self._directory is None:
            return
        for entry in sorted(self._directory.iterdir())[:FILES_MAX]:
            if entry.is_file() and not entry.is_symlink() and entry.stat().st_size <= FILE_BYTES_MAX:
                with entry.open("rb") as file:
                    self._digests[entry.name] = hashlib.file_digest(file, "sha256").hexdigest()

    def content(self, name: str, digest: str) -> bytes | None:
        """Return the content of the file with this name and digest, or None. A name from the wire is only looked up."""
        if self._directory is None or self._digests.get(name) != digest:
            return None
        try:
            descriptor = os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:  # the file may have become a pipe, which must not block
                return file.read(FILE_BYTES_MAX + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
        except OSError:
            return None
