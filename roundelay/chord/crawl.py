"""Ring crawls: visit every node from the outside, to list the members, show their states or check the ring.

`list_members` follows the successors of one ring. The others go breadth first through everything that nodes name, so
they also see a ring that has split in two. With all members as starting points a crawl takes one round trip.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Request, Sleep, ask, ask_all, gather
from roundelay.chord.errors import ChordError, LookupFailed, WrongIncarnation
from roundelay.chord.invariants import NodeView, PredicateResult, check
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, GetStatus, Neighbourhood, Status
from roundelay.chord.ring import between_right_closed

R = TypeVar("R")

NODES_MAX = 100_000
CONCURRENCY_MAX = 64  # requests, or walks, at a time
WALK_LENGTH_MIN = 32  # nodes that are worth a walk of their own
CHECKS_MAX = 5
RECHECK_PAUSE_S = 1.0


def crawl_status(starts: Iterable[NodeRef]) -> Procedure[list[Status]]:
    """Return the status of every node of the ring, in the order of identifiers; of the largest one if it has split.

    starts: some members, at best all. Raises LookupFailed when no ring closes: no start answers, or no node of some
    successor list.
    """
    found = yield from crawl_reachable(starts, CALL_TIMEOUT_S)
    statuses = {status.node: status for status in found.values() if status is not None}
    ring = _largest_ring(statuses)
    if not ring:
        raise LookupFailed(f"no ring: {len(statuses)} of {len(found)} nodes answer")
    return sorted(ring, key=lambda status: status.node.id)


def list_members(start: NodeRef, known: Sequence[NodeRef] = ()) -> Procedure[tuple[NodeRef, ...]]:
    """Return every node of the ring by identifier, advancing a whole successor list at a time.

    known: the result of an earlier call. If it is long, several of its nodes are starting points of concurrent
    walks: one walk of a thousand nodes over links of 50 ms takes 12 s. Some of the nodes returned may have died
    meanwhile. Raises LookupFailed when the walk cannot continue.
    """
    begins = known[:: max(WALK_LENGTH_MIN, -(-len(known) // CONCURRENCY_MAX))]
    if len(begins) > 1:
        arcs = zip(begins, (*begins[1:], begins[0]), strict=True)
        walks = yield from gather([_walk(*arc) for arc in arcs], CONCURRENCY_MAX)
        complete = [walk for walk in walks if isinstance(walk, set)]
        if len(complete) == len(walks):  # otherwise a starting point has gone
            return _by_identifier(set().union(*complete))
    return _by_identifier((yield from _walk(start, start)))


def successors_among(members: Sequence[NodeRef], key: int) -> tuple[NodeRef, ...]:
    """Return the members, by identifier, in ring order: the owner of the key first."""
    first = bisect_left(members, key, key=lambda node: node.id)
    return (*members[first:], *members[:first])


def crawl_views(starts: Iterable[NodeRef]) -> Procedure[list[NodeView]]:
    """Return the view of every member that can be reached from `starts`, also of other rings.

    A node that does not answer, or is not a member, is left out.
    """
    answers = yield from _crawl(starts, GetNeighbours(), lambda theirs: (theirs.predecessor, *theirs.successors))
    views = [
        NodeView(node, theirs.predecessor, theirs.successors)
        for node, theirs in answers.items()
        if isinstance(theirs, Neighbourhood)
    ]
    return sorted(views, key=lambda view: view.node.id)


def crawl_reachable(
    starts: Iterable[NodeRef], timeout_s: float, skip: Collection[NodeRef] = ()
) -> Procedure[dict[NodeRef, Status | None]]:
    """Return the status of every node that can be reached from `starts`; None for one that twice does not answer.

    skip: nodes that are not asked.
    """
    answers = yield from _crawl(
        [node for node in starts if node not in skip],
        GetStatus(),
        lambda status: [peer for peer in (status.predecessor, *status.successors) if peer not in skip],
        timeout_s,
        attempts=2,
    )
    return {node: answer if isinstance(answer, Status) else None for node, answer in answers.items()}


def check_ring(starts: tuple[NodeRef, ...], successors: int) -> Procedure[tuple[list[NodeView], list[PredicateResult]]]:
    """Return the members and the result of each ring predicate; a predicate fails only if it fails in every crawl.

    A crawl is not a snapshot, because the ring changes while it goes on: it may show a state that never existed.
    """
    views = yield from crawl_views(starts)
    results = check(views, successors)
    for _ in range(CHECKS_MAX - 1):
        if all(result.holds for result in results):
            break
        yield Sleep(RECHECK_PAUSE_S)
        views = yield from crawl_views((*starts, *(view.node for view in views)))
        again = check(views, successors)
        results = [old if old.holds else new for old, new in zip(results, again, strict=True)]
    return views, results


# --- helpers


def _largest_ring(statuses: Mapping[NodeRef, Status]) -> list[Status]:
    """Return the longest circle that leads from each node to the first of its successors that answers."""
    circles: list[list[Status]] = [[]]
    seen: set[NodeRef] = set()
    for start in statuses:
        path: dict[NodeRef, Status] = {}
        node: NodeRef | None = start
        while node is not None and node not in seen:
            seen.add(node)
            path[node] = statuses[node]
            node = next((peer for peer in statuses[node].successors if peer in statuses), None)
        if node in path:
            nodes = list(path)
            circles.append([path[each] for each in nodes[nodes.index(node) :]])
    return max(circles, key=len)


def _crawl(
    starts: Iterable[NodeRef],
    request: Request[R],
    peers_of: Callable[[R], Iterable[NodeRef]],
    timeout_s: float = 5 * CALL_TIMEOUT_S,
    attempts: int = 1,
) -> Procedure[dict[NodeRef, R | ChordError]]:
    """Send a request to `starts`, to the peers that they name, and so on; return each node's answer or error."""
    found: dict[NodeRef, R | ChordError] = {}
    level = list(dict.fromkeys(starts))
    while level and len(found) < NODES_MAX:
        unanswered = level
        for _ in range(attempts):
            found.update((yield from _ask_in_batches(unanswered, request, timeout_s)))
            unanswered = [node for node in level if isinstance(found[node], ChordError)]
        named: list[NodeRef] = []
        for node in level:
            answer = found[node]
            if isinstance(answer, WrongIncarnation):
                named.append(answer.actual)
            elif not isinstance(answer, ChordError):
                named += peers_of(answer)
        level = [peer for peer in dict.fromkeys(_without_vacant(named)) if peer not in found]
    return found


def _ask_in_batches(
    nodes: Sequence[NodeRef], request: Request[R], timeout_s: float
) -> Procedure[dict[NodeRef, R | ChordError]]:
    found: dict[NodeRef, R | ChordError] = {}
    for first in range(0, len(nodes), CONCURRENCY_MAX):
        batch = nodes[first : first + CONCURRENCY_MAX]
        answers = yield from ask_all([(node, request) for node in batch], deadline_s=timeout_s)
        found.update(zip(batch, answers, strict=True))
    return found


def _walk(begin: NodeRef, end: NodeRef) -> Procedure[set[NodeRef]]:
    """Return the nodes from `begin` to `end` (the whole ring if they are equal), and perhaps some beyond."""
    met = {begin}
    candidates: tuple[NodeRef, ...] = (begin,)
    while len(met) < NODES_MAX:
        theirs = yield from _first_answer(candidates, GetNeighbours())
        ahead = _without_vacant(theirs.successors)
        is_over = met.issuperset(ahead) or any(between_right_closed(begin.id, end.id, node.id) for node in ahead)
        met.update(ahead)
        if is_over:
            break
        candidates = tuple(reversed(ahead))  # continue from the farthest that answers
    return met


def _first_answer(candidates: tuple[NodeRef, ...], request: Request[R]) -> Procedure[R]:
    """Return the answer of the first candidate that gives one."""
    for node in dict.fromkeys(candidates):
        try:
            return (yield from ask(node, request))
        except ChordError:
            continue
    raise LookupFailed(f"no answer from any of {', '.join(str(node.address) for node in candidates)}")


def _without_vacant(nodes: Iterable[NodeRef]) -> tuple[NodeRef, ...]:
    return tuple(node for node in nodes if not node.is_vacant)


def _by_identifier(nodes: Iterable[NodeRef]) -> tuple[NodeRef, ...]:
    return tuple(sorted(nodes, key=lambda node: node.id))
