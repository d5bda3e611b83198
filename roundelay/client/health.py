"""Health of one process, and of the whole ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.chord.crawl import check_ring
from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError, NotYet, PeerFault
from roundelay.chord.invariants import PredicateResult
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, SayHello
from roundelay.client.connection import RingEntry
from roundelay.store.items import Find

ANSWER_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class RingCheck:
    """The predicates of a correct Chord ring, evaluated on live nodes."""

    nodes: int
    predicates: Sequence[PredicateResult]

    @property
    def holds(self) -> bool:
        """Whether every predicate holds."""
        return all(each.holds for each in self.predicates)


def check(entry: RingEntry, supernode: Address | None) -> Procedure[RingCheck]:
    """Crawl the ring, and evaluate every predicate. Raises ChordError."""
    starts = (entry.node, *(yield from _admitted(supernode)))
    seen, predicates = yield from check_ring(starts, entry.ring.successors)
    return RingCheck(len(seen), predicates)


def _admitted(supernode: Address | None) -> Procedure[tuple[NodeRef, ...]]:
    """Return the nodes that the supernode believes alive, if it answers: some may form another ring."""
    if supernode is None:
        return ()
    try:
        answer = yield from ask(supernode, GetMembers())
    except ChordError:
        return ()
    return answer.nodes


def ping(address: Address) -> Procedure[str]:
    """Describe the process that serves at an address. Raises ChordError if none does, or not yet.

    A node serves when it has joined and has received the keys that it owns; a supernode when it answers.
    """
    try:
        hello = yield from ask(address, SayHello(), ANSWER_TIMEOUT_S)
    except PeerFault:  # the process does not know this request, so it is not a node
        members = yield from ask(address, GetMembers(), ANSWER_TIMEOUT_S)
        return f"supernode at {address}: {len(members.nodes)} node{'s' * (len(members.nodes) != 1)}"
    if not hello.joined:
        raise NotYet("it has not joined the ring yet")
    yield from ask(hello.node, Find(hello.node.id), ANSWER_TIMEOUT_S)
    return f"node {hello.ring.show(hello.node.id)} at {address}: joined, and serving what it owns"
