"""find_successor: the iterative lookup of a key.

Stoica et al. 2001, figure 4. The caller asks a node for the next hop and then asks that one. Every hop is strictly
nearer to the key. If a node does not answer, the lookup goes back one step and tells the nodes that it asks next
which have failed. The number of requests is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from roundelay.chord.effects import Ask, Procedure
from roundelay.chord.errors import Busy, ChordError, LookupFailed, NotYet, PeerFault
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Candidate, Hop, NextHop
from roundelay.chord.ring import between, between_right_closed

HOPS_MAX = 128  # requests, answered or not; 2^14 nodes need 7 on average


@dataclass(frozen=True)
class Route:
    """The result of a lookup.

    steps: the nodes that answered, in order, each with the finger by which the node before knew it. nodes: the owner
    and then its successors, as the last of `steps` lists them. failed: the nodes that did not answer, or with
    nonsense; a node that was only busy is not among them.
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
        """The node that precedes the key: the last one asked."""
        return self.steps[-1].node


def find_successor(start: NodeRef, key: int, failed: tuple[NodeRef, ...] = ()) -> Procedure[Route]:
    """Look up a key's owner from `start` on, without the nodes in `failed`.

    Raises LookupFailed when no live route remains or the lookup takes more than HOPS_MAX requests.
    """
    steps, avoided = [Candidate(start)], dict.fromkeys(failed)
    unanswered = list(failed)
    request = NextHop(key, failed)
    for _ in range(HOPS_MAX):
        here = steps[-1].node
        try:
            hop: Hop = yield Ask(here, request)
            nearer = _nearer(here, key, hop, avoided)
        except ChordError as error:
            avoided[here] = None
            request = NextHop(key, tuple(avoided))
            if not isinstance(error, Busy | NotYet):
                unanswered.append(here)
            steps.pop()
            if not steps:
                raise LookupFailed(f"{start.address}, where the lookup began, does not answer") from error
            continue
        if nearer is None:
            return Route(key, tuple(steps), hop.nodes, tuple(unanswered))
        steps.append(nearer)
    raise LookupFailed(f"key {key} not found with {HOPS_MAX} requests from {start.address}")


def _nearer(here: NodeRef, key: int, hop: Hop, avoided: dict[NodeRef, None]) -> Candidate | None:
    """Return the best candidate that really is nearer, or None if the owner is found; no peer is trusted."""
    if hop.found:
        if hop.nodes and between_right_closed(here.id, key, hop.nodes[0].id) and hop.nodes[0] not in avoided:
            return None
        raise PeerFault(f"{here.address} claims to know the owner of key {key} but names none that fits")
    for candidate in hop.candidates:
        peer = candidate.node
        if between(here.id, peer.id, key) and not peer.is_vacant and not (avoided and peer in avoided):
            return candidate
    raise PeerFault(f"{here.address} knows no node nearer to key {key}")
