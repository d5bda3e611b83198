"""find_successor: the iterative walk to a key.

The asker is told the next hop and asks it. Every step comes strictly nearer to the key, nodes
that do not answer are stepped back from and named to those asked next, and the walk is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from chord.effects import Procedure, ask
from chord.errors import Busy, LookupFailed, NodeUnreachable, NotYet, WrongIncarnation
from chord.refs import NodeRef
from chord.requests import Candidate, Hop, NextHop
from chord.ring import between

HOPS_MAX = 128  # answers and silences together; 2^14 nodes need 7 answers on average


@dataclass(frozen=True)
class Route:
    """How a key was found.

    steps: the nodes that answered, in order, each with the finger by which the one before it
    knew it. nodes: the owner first, then its successors, as the last step's node lists them.
    failed: those that did not answer.
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
    """Walk from start to the key's owner. Paper, figure 5; corrected to step back from the dead.

    Raises LookupFailed when no live route remains or the walk takes more than HOPS_MAX questions.
    """
    steps, silent = [Candidate(start)], dict.fromkeys(failed)
    for _ in range(HOPS_MAX):
        here = steps[-1].node
        try:
            hop: Hop = yield from ask(here, NextHop(key, tuple(silent)))
        except (NodeUnreachable, WrongIncarnation, NotYet, Busy) as error:
            silent[here] = None
            steps.pop()
            if not steps:
                raise LookupFailed(f"{start.address}, where the walk began, does not answer") from error
            continue
        if hop.found:
            return Route(key, tuple(steps), hop.nodes, tuple(silent))
        steps.append(_nearer(here, key, hop, silent))
    raise LookupFailed(f"key {key} not found in {HOPS_MAX} questions from {start.address}")


def _nearer(here: NodeRef, key: int, hop: Hop, silent: dict[NodeRef, None]) -> Candidate:
    """The best candidate that is really nearer: a peer's word is checked, not trusted."""
    for candidate in hop.candidates:
        if candidate.node not in silent and between(here.id, candidate.node.id, key):
            return candidate
    raise LookupFailed(f"{here.address} knows nobody nearer to key {key}")


