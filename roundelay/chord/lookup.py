"""find_successor: the iterative walk to a key.

The asker is told the next hop and asks it. Every step comes strictly nearer to the key, nodes
that do not answer are stepped back from and named to those asked next, and the walk is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.chord.effects import Ask, Procedure
from roundelay.chord.errors import Busy, ChordError, LookupFailed, NotYet, PeerFault
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Candidate, Hop, NextHop
from roundelay.chord.ring import between, between_right_closed

HOPS_MAX = 128  # answers and silences together; 2^14 nodes need 7 answers on average


@dataclass(frozen=True)
class Route:
    """How a key was found.

    steps: the nodes that answered, in order, each with the finger by which the one before it
    knew it. nodes: the owner first, then its successors, as the last step's node lists them.
    failed: those that did not answer, or not sensibly; who was only busy is not among them.
    """

    key: int
    steps: tuple[Candidate, ...]
    nodes: tuple[NodeRef, ...]
    failed: tuple[NodeRef, ...] = ()

    @property
    def owner(self) -> NodeRef:
        return self.nodes[0]

    @property
    def predecessor(self) -> NodeRef:
        """The node that precedes the key: the last that was asked."""
        return self.steps[-1].node


def find_successor(start: NodeRef, key: int, failed: tuple[NodeRef, ...] = ()) -> Procedure[Route]:
    """Walk from start to the key's owner. Paper, figure 4; corrected to step back from the dead.

    Raises LookupFailed when no live route remains or the walk takes more than HOPS_MAX questions.
    """
    steps, avoided = [Candidate(start)], dict.fromkeys(failed)
    silent = list(failed)
    for _ in range(HOPS_MAX):
        here = steps[-1].node
        try:
            hop: Hop = yield Ask(here, NextHop(key, tuple(avoided)))
            nearer = _nearer(here, key, hop, avoided)
        except ChordError as error:
            avoided[here] = None
            if not isinstance(error, Busy | NotYet):
                silent.append(here)
            steps.pop()
            if not steps:
                raise LookupFailed(f"{start.address}, where the walk began, does not answer") from error
            continue
        if nearer is None:
            return Route(key, tuple(steps), hop.nodes, tuple(silent))
        steps.append(nearer)
    raise LookupFailed(f"key {key} not found in {HOPS_MAX} questions from {start.address}")


def _nearer(here: NodeRef, key: int, hop: Hop, avoided: dict[NodeRef, None]) -> Candidate | None:
    """The best candidate that is really nearer; None at the end. A peer's word is checked, not trusted."""
    if hop.found:
        if hop.nodes and between_right_closed(here.id, key, hop.nodes[0].id) and hop.nodes[0] not in avoided:
            return None
        raise PeerFault(f"{here.address} names no successor of key {key}")
    for candidate in hop.candidates:
        peer = candidate.node
        if not peer.is_vacant and peer not in avoided and between(here.id, peer.id, key):
            return candidate
    raise PeerFault(f"{here.address} knows nobody nearer to key {key}")
