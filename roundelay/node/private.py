"""Private data: a folder whose files never leave this node, and are read only for its own trainer.

They are not in the store, so that no request from outside can reach them.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from roundelay.federation.errors import BadPolicy
from roundelay.federation.private_data import PrivateFile, private_file
from roundelay.federation.site_gate import SiteGate
from roundelay.federation.site_policy import SitePolicy, SitePolicyInForce, policy_from_toml
from roundelay.ml.frames import Header
from roundelay.node.data_directory import DataDirectory
from roundelay.node.errors import PrivateFolderError
from roundelay.node.options import PRIVATE_NAME
from roundelay.store.blobs import digest_of
from roundelay.store.items import Item
from roundelay.trust.identity import Identity

SUFFIXES = ("", ".txt", ".csv")


class Private(Protocol):
    """Data of a node's own to train on, published under a name."""

    name: str
    features: int  # per row; 0: unknown, because a Flower client reads them
    files: tuple[PrivateFile, ...]

    def scan(self) -> None:
        """Read what is there. Called first."""

    def content(self, digest: str) -> bytes | None: ...

    @property
    def headers(self) -> Mapping[str, Header]:
        """By digest, the requests that add a Flower client in the place of a file."""
        ...


class PrivateFolder:
    """A folder's data files as they were at the start; a file that has changed since is not trained on."""

    def __init__(self, directory: Path, name: str = PRIVATE_NAME) -> None:
        self.name = name
        self.files: tuple[PrivateFile, ...] = ()
        self.features = 0
        self._directory = directory
        self._shelf = DataDirectory(directory)
        self._names: dict[str, str] = {}

    def scan(self) -> None:
        """Read the folder. Raises OSError, PrivateFolderError."""
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
        """Return the content of one of its files; None for any other digest, or if the file has changed."""
        name = self._names.get(digest)
        content = self._shelf.content(name, digest) if name else None
        return content if content is not None and digest_of(content) == digest else None


def open_gate(path: Path | None, private: Private, signer_of: Callable[[Item], Identity] | None) -> SiteGate:
    """Return the gate before private data, with the policy in a file or the default one. Raises OSError, BadPolicy."""
    policy = policy_from_toml(path.read_text()) if path is not None else SitePolicy()
    if policy.submitters and signer_of is None:
        raise BadPolicy("submitters: without --kit nobody is known by name")
    digests = frozenset(file.digest for file in private.files)
    return SiteGate(SitePolicyInForce(policy, time.monotonic), digests, signer_of, lambda: secrets.randbits(128))
