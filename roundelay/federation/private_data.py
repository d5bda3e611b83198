"""Private data: files that never leave their node. The node publishes their existence, but none of their rows.

A publication has the kind of the data, and the name, digest, size and number of rows of every file. It is leased, so it
expires soon after its node stops. A job asks the sites to describe their data as it wants to read them, and names each
file's home; only that node is asked to train it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from roundelay import __version__
from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import strict_json
from roundelay.federation.effects import NS_PER_S
from roundelay.federation.errors import BadRecord
from roundelay.federation.requests import TrainingFile
from roundelay.federation.strict_json import in_range
from roundelay.ml.task import ROWS_MAX
from roundelay.store.items import FILE_BYTES_MAX, Item
from roundelay.store.read_path import fetch, find
from roundelay.store.write_path import put
from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import NODE, Identity

PUBLICATION_LEASE_S = 60.0
PRIVATE_BYTES_MAX = 1 << 50  # of a file, which is never sent
PUBLICATION_BYTES_MAX = 32 << 20
TEXT_CHARACTERS_MAX = 300
TIME_MAX = 1 << 40
PUBLISH_INTERVAL_S = 10.0
AFTER_HOME = "~"  # in a job, a private file is named ADDRESS~NAME
CLIENT = "client"  # the kind of a Flower client, the rows of which nobody else sees
PUBLISH_RETRY_S = 0.5  # after the ring could not store it


@dataclass(frozen=True)
class PrivateFile:
    """The public description of a private file."""

    name: str
    digest: str
    size_bytes: int
    rows: int  # 0: it can be read only with options of a job


@dataclass(frozen=True)
class Publication:
    """The private data of one node under one name."""

    address: str
    kind: str  # of the data, or CLIENT
    files: tuple[PrivateFile, ...]
    models: tuple[str, ...] = ()  # modules that the node would import for a job's model
    since: int = 0  # Unix time at which the node has begun to publish them
    release: str = ""  # that the node runs
    key: str = ""  # of secure aggregation; empty: the node takes no part in that

    @property
    def is_client(self) -> bool:
        """Whether the files stand for a Flower client, the features of whose data are unknown."""
        return self.kind == CLIENT

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()


def publish_loop(
    node: ChordNode,
    name: str,
    kind: str,
    files: tuple[PrivateFile, ...],
    version: Callable[[], int],
    models: tuple[str, ...] = (),
    masking_key: str = "",
) -> Procedure[None]:
    """Publish a node's private data, forever."""
    publication = Publication(
        str(node.ref.address), kind, files, models, version() // NS_PER_S, __version__, masking_key
    )
    content = publication.to_bytes()
    while True:
        try:
            yield from put(
                node.ref,
                node.ring,
                node.ring.key(directory_name(name)),
                f"{directory_name(name)}.{publication.address}",
                content,
                version(),
                PUBLICATION_LEASE_S,
            )
        except ChordError:
            yield Sleep(PUBLISH_RETRY_S)
        else:
            yield Sleep(PUBLISH_INTERVAL_S)


def find_publications(start: NodeRef, ring: Ring, name: str) -> Procedure[tuple[Publication, ...]]:
    """Return what each node has under a name, by address. A malformed one is left out. Raises ChordError."""
    items, nodes = yield from find(start, ring, ring.key(directory_name(name)))
    latest = {i.entry.name: i for i in sorted(items, key=lambda item: item.rank)}
    found = []
    for place, item in sorted(latest.items()):
        if place.startswith(f"{directory_name(name)}."):
            content = yield from fetch(nodes, item.entry.digest, item.entry.size_bytes)
            with suppress(BadRecord):  # one malformed publication hides no other
                found.append(_read(content))
    return tuple(found)


def signed_keys(
    start: NodeRef, ring: Ring, name: str, signer_of: Callable[[Item], Identity]
) -> Procedure[dict[str, str]]:
    """Return by address the keys of secure aggregation that nodes have published and signed. Raises ChordError."""
    items, nodes = yield from find(start, ring, ring.key(directory_name(name)))
    keys = {}
    for item in sorted(items, key=lambda each: each.rank):
        with suppress(BadRecord, NotTrusted):
            signer = signer_of(item)
            publication = _read((yield from fetch(nodes, item.entry.digest, item.entry.size_bytes)))
            host = publication.address.rpartition(":")[0]
            if signer.role == NODE and host in signer.hosts:
                keys[publication.address] = publication.key
    return keys


def files_of(publications: tuple[Publication, ...]) -> tuple[tuple[TrainingFile, ...], tuple[str, ...]]:
    """Return all files as a job's training files, and the address of each file's home. None is ever sent."""
    named = sorted((f"{p.address}{AFTER_HOME}{file.name}", p.address, file) for p in publications for file in p.files)
    files = tuple(
        TrainingFile(index, name, f.digest, min(f.size_bytes, FILE_BYTES_MAX), f.rows)
        for index, (name, _, f) in enumerate(named)
    )
    return files, tuple(home for _, home, _ in named)


def directory_name(name: str) -> str:
    """Return the name whose key holds what is published under this name."""
    return f"pinned.{name}"


def _read(content: bytes) -> Publication:
    publication = strict_json.decode(Publication, content, "publication", PUBLICATION_BYTES_MAX)
    try:
        in_range("since", publication.since, 0, TIME_MAX)
        for shown in (publication.address, publication.release, *publication.models):
            strict_json.text("address or model", shown, TEXT_CHARACTERS_MAX)
        strict_json.text("kind", publication.kind)
        strict_json.digest("key", publication.key, empty_allowed=True)
        for file in publication.files:
            strict_json.name("file", file.name)
            strict_json.digest(file.name, file.digest)
            in_range(f"size of {file.name}", file.size_bytes, 0, PRIVATE_BYTES_MAX)
            in_range(f"rows of {file.name}", file.rows, 0, ROWS_MAX)
    except ValueError as error:
        raise strict_json.malformed("publication", str(error)) from error
    return publication
