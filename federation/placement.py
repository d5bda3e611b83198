"""Which node trains which file. Pure functions of who holds what and who is gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from chord.refs import NodeRef
from federation.errors import FileUnavailable
from federation.work import TrainingFile

Holders = Mapping[int, Sequence[NodeRef]]  # a file's index -> the nodes with a copy, the owner first


def by_hash(
    files: Sequence[TrainingFile], holders: Holders, gone: Collection[NodeRef]
) -> dict[NodeRef, tuple[TrainingFile, ...]]:
    """Each file to its owner; in the place of one that is gone, to the next holder of a copy.

    Raises FileUnavailable when nobody is left who has the file.
    """
    assignment: dict[NodeRef, list[TrainingFile]] = {}
    for file in files:
        holder = next((n for n in holders[file.index] if n not in gone), None)
        if holder is None:
            raise FileUnavailable(f"{file.name}: all {len(holders[file.index])} nodes that hold it are gone")
        assignment.setdefault(holder, []).append(file)
    return {node: tuple(group) for node, group in assignment.items()}
