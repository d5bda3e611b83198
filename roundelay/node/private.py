"""A folder whose files never leave this node: they are read for its own trainer, and for nobody else.

Not in the store, so no question from outside can reach them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from roundelay.federation.private_data import PrivateFile, private_file
from roundelay.ml.frames import Header
from roundelay.node.data_directory import DataDirectory
from roundelay.node.errors import PrivateFolderError
from roundelay.node.options import PRIVATE_NAME
from roundelay.store.blobs import digest_of

SUFFIXES = ("", ".txt", ".csv")


class Private(Protocol):
    """What a node has of its own to train on, and publishes under a name."""

    name: str
    features: int  # of a row; 0: nobody knows, as a client of its own reads them
    files: tuple[PrivateFile, ...]

    def scan(self) -> None:
        """See what is there: before anything else."""

    def content(self, digest: str) -> bytes | None: ...

    @property
    def headers(self) -> Mapping[str, Header]:
        """By digest: what the training process is told instead of a file's content."""
        ...


class PrivateFolder:
    """Its data files as they were at the start; one that has changed since is not trained on."""

    def __init__(self, directory: Path, name: str = PRIVATE_NAME) -> None:
        self.name = name
        self.files: tuple[PrivateFile, ...] = ()
        self.features = 0
        self._directory = directory
        self._shelf = DataDirectory(directory)
        self._names: dict[str, str] = {}

    def scan(self) -> None:
        """See what is there. Raises OSError, PrivateFolderError."""
        self._shelf.scan()
        found = []
        for path in sorted(self._directory.iterdir()):
            if path.is_file() and not path.is_symlink() and path.suffix in SUFFIXES and not path.name.startswith("."):
                file, features = private_file(path.name, path.read_bytes())
                if not features or self.features not in (0, features):
                    raise PrivateFolderError(f"{path} has {features} features, the files before it {self.features}")
                self.features = features
                found.append(file)
        if not found:
            raise PrivateFolderError(f"{self._directory} holds no training file")
        self.files = tuple(found)
        self._names = {file.digest: file.name for file in found}

    @property
    def headers(self) -> Mapping[str, Header]:
        return {}

    def content(self, digest: str) -> bytes | None:
        """Of one of its files; nothing for any other digest, and where the file has changed."""
        name = self._names.get(digest)
        content = self._shelf.content(name, digest) if name else None
        return content if content is not None and digest_of(content) == digest else None
