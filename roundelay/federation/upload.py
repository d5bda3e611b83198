"""Upload: store a job's files on the ring, in all copies, before its first round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from roundelay.chord.effects import Procedure, gather_or_raise
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.requests import TrainingFile
from roundelay.store.blobs import Content
from roundelay.store.write_path import put

CONCURRENCY_MAX = 8  # files uploaded at once


def upload_files(
    start: NodeRef,
    ring: Ring,
    files: Sequence[TrainingFile],
    contents: Mapping[str, Content],
    version: int,
    on_stored: Callable[[TrainingFile], None],
) -> Procedure[dict[int, tuple[NodeRef, ...]]]:
    """Store files by the hash of their names. Return the holders of each file by its index, the owner first.

    version: the writer's clock. on_stored: called with each file that has all its copies. Raises UnderReplicated,
    LookupFailed.
    """

    def upload(file: TrainingFile) -> Procedure[tuple[NodeRef, ...]]:
        nodes = yield from put(start, ring, ring.key(file.name), file.name, contents[file.digest], version)
        on_stored(file)
        return nodes

    holders = yield from gather_or_raise([upload(file) for file in files], CONCURRENCY_MAX)
    return {file.index: nodes for file, nodes in zip(files, holders, strict=True)}
