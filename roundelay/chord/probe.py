"""How a node asks another for its neighbours, and what it makes of silence.

Whether somebody is dead is for `suspects` to say; what follows from a death, for `protocol`.
"""

from __future__ import annotations

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Sleep, ask, ask_all
from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotYet
from roundelay.chord.failure_detector import PROBE_INTERVAL_S, TIMEOUTS_DEAD
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, Neighbourhood


def probe(node: ChordNode, peer: NodeRef) -> Procedure[Neighbourhood]:
    """A node's neighbours, asked until it answers or is dead. Raises NodeUnreachable: buried; Busy: alive.

    From the first silence on the whole successor list is asked with it, so that several deaths
    cost the time of one.
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
        node.failure_detector.mark_dead(peer)  # it has left
    if node.failure_detector.is_dead(peer):
        raise NodeUnreachable(f"{peer.address} is dead")
    raise Busy(f"{peer.address} lives, but does not answer")


def _others(node: ChordNode, suspect: NodeRef) -> list[NodeRef]:
    """Everybody else in the list of whom a sign of life would be news."""
    return [
        p
        for p in dict.fromkeys(node.successors)
        if p not in (suspect, node.ref) and not node.failure_detector.is_dead(p)
    ]


def fetch_neighbours(node: ChordNode, peer: NodeRef) -> Procedure[Neighbourhood | ChordError]:
    """Ask for its neighbours once, and take note of how that ended."""
    answer: Neighbourhood | ChordError
    try:
        answer = yield from ask(peer, GetNeighbours())
    except ChordError as error:
        answer = error
    node.failure_detector.observe(peer, answer)
    return answer


def fetch_all_neighbours(node: ChordNode, peers: list[NodeRef]) -> Procedure[list[Neighbourhood | ChordError]]:
    """The same with many at once."""
    answers = yield from ask_all([(p, GetNeighbours()) for p in peers], deadline_s=CALL_TIMEOUT_S)
    for peer, answer in zip(peers, answers, strict=True):
        node.failure_detector.observe(peer, answer)
    return answers
