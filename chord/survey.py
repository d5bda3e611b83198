"""Walk the whole ring, successor by successor, and ask each node what it would show of itself."""

from __future__ import annotations

from chord.effects import Procedure, ask
from chord.errors import ChordError, LookupFailed
from chord.refs import NodeRef
from chord.requests import GetNeighbours, GetStatus, Neighbourhood, Status

NODES_MAX = 100_000


def survey(start: NodeRef) -> Procedure[list[Status]]:
    """Every node's status, in the order of identifiers from the lowest. Raises LookupFailed.

    A successor that does not answer is passed over for the next in the list.
    """
    found: dict[NodeRef, Status] = {}
    here = yield from _status_of((start,))
    while here.node not in found and len(found) < NODES_MAX:
        found[here.node] = here
        here = yield from _status_of(here.successors)
    return sorted(found.values(), key=lambda status: status.node.id)


def census(start: NodeRef) -> Procedure[tuple[NodeRef, ...]]:
    """Every node, by identifier; a whole successor list at a step. Some may have died meanwhile.

    Raises LookupFailed when the walk cannot go on.
    """
    known = {start}
    here: tuple[NodeRef, ...] = (start,)
    while len(known) < NODES_MAX:
        theirs = yield from _neighbours_of(here)
        ahead = [node for node in theirs.successors if not node.is_vacant]
        new = [node for node in dict.fromkeys(ahead) if node not in known]
        known.update(new)
        if start in ahead or not new:
            break
        here = tuple(reversed(ahead))  # as far ahead as somebody answers
    return tuple(sorted(known, key=lambda node: node.id))


def _neighbours_of(candidates: tuple[NodeRef, ...]) -> Procedure[Neighbourhood]:
    """The neighbours of the first of these that answers."""
    for node in candidates:
        try:
            theirs = yield from ask(node, GetNeighbours())
        except ChordError:
            continue
        return theirs
    raise LookupFailed(f"none of {', '.join(str(c.address) for c in candidates)} answers")


def _status_of(candidates: tuple[NodeRef, ...]) -> Procedure[Status]:
    """The status of the first of these that answers."""
    for node in dict.fromkeys(candidates):
        if node.is_vacant:
            continue
        try:
            status = yield from ask(node, GetStatus())
        except ChordError:
            continue
        return status
    raise LookupFailed(f"none of {', '.join(str(c.address) for c in candidates)} answers")
