"""Walk the whole ring, successor by successor, and ask each node what it would show of itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from roundelay.chord.effects import Procedure, Sleep, ask, ask_all, gather
from roundelay.chord.errors import ChordError, LookupFailed, WrongIncarnation
from roundelay.chord.invariants import NodeView, PredicateResult, check
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, GetStatus, Neighbourhood, Status
from roundelay.chord.ring import between_right_closed

NODES_MAX = 100_000
CONCURRENCY_MAX = 64  # nodes asked, or walks on their way, side by side
WALK_LENGTH_MIN = 32  # for a walk of its own
CHECKS_MAX = 5
RECHECK_PAUSE_S = 1.0


def crawl_status(start: NodeRef) -> Procedure[list[Status]]:
    """Every node's status, in the order of identifiers from the lowest. Raises LookupFailed.

    A successor that does not answer is passed over for the next in the list.
    """
    found: dict[NodeRef, Status] = {}
    here = yield from _first_status((start,))
    while here.node not in found and len(found) < NODES_MAX:
        found[here.node] = here
        here = yield from _first_status(here.successors)
    return sorted(found.values(), key=lambda status: status.node.id)


def list_members(start: NodeRef, known: Sequence[NodeRef] = ()) -> Procedure[tuple[NodeRef, ...]]:
    """Every node, by identifier; a whole successor list at a step. Some may have died meanwhile.

    known: the nodes of an earlier census. Where they are many, the walk begins at several of them at once: step after
    step a thousand nodes over links of 50 ms took 12 s. Raises LookupFailed when the walk cannot go on.
    """
    begins = known[:: max(WALK_LENGTH_MIN, -(-len(known) // CONCURRENCY_MAX))]
    if len(begins) > 1:
        arcs = zip(begins, (*begins[1:], begins[0]), strict=True)
        walks = yield from gather([_walk_arc(*arc) for arc in arcs], CONCURRENCY_MAX)
        met = {node for walk in walks if isinstance(walk, set) for node in walk}
        if all(isinstance(walk, set) for walk in walks):  # else somebody has gone with whom an arc began
            return tuple(sorted(met, key=lambda node: node.id))
    nodes = yield from _walk_ring(start)
    return nodes


def _walk_arc(begin: NodeRef, end: NodeRef) -> Procedure[set[NodeRef]]:
    """The nodes from one to another, and perhaps some after it. Raises LookupFailed."""
    met = {begin}
    here: tuple[NodeRef, ...] = (begin,)
    while len(met) < NODES_MAX:
        theirs = yield from _first_neighbourhood(here)
        ahead = [node for node in theirs.successors if not node.is_vacant]
        is_over = met.issuperset(ahead) or any(between_right_closed(begin.id, end.id, node.id) for node in ahead)
        met.update(ahead)
        if is_over:
            break
        here = tuple(reversed(ahead))  # as far ahead as somebody answers
    return met


def _walk_ring(start: NodeRef) -> Procedure[tuple[NodeRef, ...]]:
    known = {start}
    here: tuple[NodeRef, ...] = (start,)
    while len(known) < NODES_MAX:
        theirs = yield from _first_neighbourhood(here)
        ahead = [node for node in theirs.successors if not node.is_vacant]
        new = [node for node in dict.fromkeys(ahead) if node not in known]
        known.update(new)
        if start in ahead or not new:
            break
        here = tuple(reversed(ahead))  # as far ahead as somebody answers
    return tuple(sorted(known, key=lambda node: node.id))


def crawl_views(starts: Iterable[NodeRef]) -> Procedure[list[NodeView]]:
    """What every member believes that is known to these, or to those whom they know, and so on: other rings as well.

    Who does not answer, or is no member, is left out.
    """
    found: dict[NodeRef, NodeView] = {}
    waiting = dict.fromkeys(starts)
    known = set(waiting)
    while waiting and len(known) < NODES_MAX:
        asked = list(waiting)[:CONCURRENCY_MAX]
        answers = yield from ask_all([(node, GetNeighbours()) for node in asked])
        for node, answer in zip(asked, answers, strict=True):
            del waiting[node]
            more: tuple[NodeRef, ...] = ()
            if isinstance(answer, Neighbourhood):
                found[node] = NodeView(node, answer.predecessor, answer.successors)
                more = (answer.predecessor, *answer.successors)
            elif isinstance(answer, WrongIncarnation):
                more = (answer.actual,)  # who lives there now
            new = [peer for peer in more if not peer.is_vacant and peer not in known]
            waiting.update(dict.fromkeys(new))
            known.update(new)
    return sorted(found.values(), key=lambda view: view.node.id)


def check_ring(starts: tuple[NodeRef, ...], successors: int) -> Procedure[tuple[list[NodeView], list[PredicateResult]]]:
    """The members, and every predicate of the ring. One is broken only if it is in look after look.

    Nodes are asked one after the other, and a ring takes a moment to take changes in: a single look
    may show what never was, or is no more.
    """
    seen = yield from crawl_views(starts)
    findings = check(seen, successors)
    for _ in range(CHECKS_MAX - 1):
        if all(finding.holds for finding in findings):
            break
        yield Sleep(RECHECK_PAUSE_S)
        seen = yield from crawl_views((*starts, *(view.node for view in seen)))
        again = check(seen, successors)
        findings = [old if old.holds else new for old, new in zip(findings, again, strict=True)]
    return seen, findings


def _first_neighbourhood(candidates: tuple[NodeRef, ...]) -> Procedure[Neighbourhood]:
    """The neighbours of the first of these that answers."""
    for node in candidates:
        try:
            theirs = yield from ask(node, GetNeighbours())
        except ChordError:
            continue
        return theirs
    raise LookupFailed(f"none of {', '.join(str(c.address) for c in candidates)} answers")


def _first_status(candidates: tuple[NodeRef, ...]) -> Procedure[Status]:
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
