"""Probes: ask a peer for its neighbours, and feed the outcome to the failure detector.

The failure detector decides who is dead; `protocol` decides what follows from a death.
"""

from __future__ import annotations

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Sleep, ask, ask_all
from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotYet
from roundelay.chord.failure_detector import PROBE_INTERVAL_S, TIMEOUTS_DEAD
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, Neighbourhood


def probe(node: ChordNode, peer: NodeRef) -> Procedure[Neighbourhood]:
    """Ask a peer for its neighbours until it answers or is dead. Raises NodeUnreachable: dead; Busy: alive.

    After the first timeout the whole successor list is probed with it, so that several deaths are detected in the
    time of one.
    """
    if peer == node.ref:
        return Neighbourhood(node.predecessor, node.successors)
    answer: Neighbourhood | ChordError = NodeUnreachable("not asked")
    for attempt in range(TIMEOUTS_DEAD):
        if node.failure_detector.is_dead(peer):
            break
        if attempt:
            yield Sleep(PROBE_INTERVAL_S)
            (answer, *_) = yield from fetch_all_neighbours(node, [peer, *_others(node, peer)])
        else:
            answer = yield from fetch_neighbours(node, peer)
        if isinstance(answer, Neighbourhood):
            return answer
    if isinstance(answer, NotYet):
        node.failure_detector.mark_dead(peer)  # it has left the ring
    if node.failure_detector.is_dead(peer):
        raise NodeUnreachable(f"{peer.address} is dead")
    raise Busy(f"{peer.address} is alive but does not answer")


def _others(node: ChordNode, suspect: NodeRef) -> list[NodeRef]:
    """Return the other successors that are not known to be dead."""
    return [
        p
        for p in dict.fromkeys(node.successors)
        if p not in (suspect, node.ref) and not node.failure_detector.is_dead(p)
    ]


def fetch_neighbours(node: ChordNode, peer: NodeRef) -> Procedure[Neighbourhood | ChordError]:
    """Ask a peer for its neighbours once, and observe the outcome."""
    answer: Neighbourhood | ChordError
    sent_at = node.failure_detector.time
    try:
        answer = yield from ask(peer, GetNeighbours())
    except ChordError as error:
        answer = error
    node.failure_detector.observe(peer, answer, sent_at)
    return answer


def fetch_all_neighbours(node: ChordNode, peers: list[NodeRef]) -> Procedure[list[Neighbourhood | ChordError]]:
    """Ask peers for their neighbours at once, and observe the outcomes."""
    sent_at = node.failure_detector.time
    answers = yield from ask_all([(p, GetNeighbours()) for p in peers], deadline_s=CALL_TIMEOUT_S)
    for peer, answer in zip(peers, answers, strict=True):
        node.failure_detector.observe(peer, answer, sent_at)
    return answers
