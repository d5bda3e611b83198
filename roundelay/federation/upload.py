"""Before the first round: every file of a job is stored on the ring, in all copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from roundelay.chord.effects import Procedure, gather
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.requests import TrainingFile
from roundelay.store.blobs import Content
from roundelay.store.write_path import put

CONCURRENCY_MAX = 8  # files on their way side by side


def upload_files(
    start: NodeRef,
    ring: Ring,
    files: Sequence[TrainingFile],
    contents: Mapping[str, Content],
    version: int,
    tell: Callable[[TrainingFile], None],
) -> Procedure[dict[int, tuple[NodeRef, ...]]]:
    """Store these files by the hash of their names. Returns who holds each, by index, the owner first.

    version: the writer's clock. `tell` hears of each that has all its copies. Raises UnderReplicated, LookupFailed.
    """

    def place_one(file: TrainingFile) -> Procedure[tuple[NodeRef, ...]]:
        nodes = yield from put(start, ring, ring.key(file.name), file.name, contents[file.digest], version)
        tell(file)
        return nodes

    outcomes = yield from gather([place_one(file) for file in files], CONCURRENCY_MAX)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return {f.index: nodes for f, nodes in zip(files, outcomes, strict=True) if not isinstance(nodes, Exception)}
