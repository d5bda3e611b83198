"""Partial sums added: the only place on a node, outside its trainer, that computes. Integers: any order will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from roundelay.federation import arithmetic
from roundelay.federation.tasks import Task
from roundelay.federation.topologies.partial import PartialSum


def add(mine: PartialSum, others: Sequence[PartialSum], task: Task) -> PartialSum:
    """One partial sum of these; one that overlaps, or is of another round, is left out and said to be lost."""
    sums = [mine.sum] if mine.files else []
    total = mine
    for other in others:
        if not total.fits(other):
            total = replace(total, lost=(*total.lost, *other.lost, (_top(other), "a sum that does not fit ours")))
            continue
        if other.files:
            sums.append(other.sum)
        total = replace(
            total,
            files=total.files | other.files,
            done=(*total.done, *other.lower().done),
            lost=(*total.lost, *other.lost),
            messages=total.messages + other.messages,
        )
    return replace(total, sum=arithmetic.added(task, sums))


def _top(partial: PartialSum) -> str:
    return partial.done[0].address if partial.done else "somebody"
