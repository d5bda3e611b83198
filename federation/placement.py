"""Which node trains which file. Pure functions of who holds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chord.refs import NodeRef
from federation.work import TrainingFile

Holders = Mapping[int, Sequence[NodeRef]]  # a file's index -> the nodes that should have it, the owner first


def by_hash(
    files: Sequence[TrainingFile], holders: Holders
) -> tuple[dict[NodeRef, tuple[TrainingFile, ...]], list[TrainingFile]]:
    """Each file to the first of its holders. Returns the groups, and the files that nobody holds."""
    groups: dict[NodeRef, list[TrainingFile]] = {}
    orphans: list[TrainingFile] = []
    for file in files:
        if holders[file.index]:
            groups.setdefault(holders[file.index][0], []).append(file)
        else:
            orphans.append(file)
    return {node: tuple(group) for node, group in groups.items()}, orphans
