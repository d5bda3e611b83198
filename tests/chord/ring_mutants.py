"""Mutants of Chord, each with one of Zave's corrections reverted.

A   adopts the successor's predecessor without asking it, as the pseudo-code of 2001 does
B   joins with the successor only, and fills the rest of the list with placeholders
C   fails where the proof's assumption forbids it (a mutant of the world, not of the core)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from roundelay.chord import protocol
from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import between

MUTANTS = ("A", "B", "C")


@contextmanager
def core(mutant: str) -> Iterator[bool]:
    """Patch the core to be a mutant ("": none) for a while. Yield True if failures are guarded."""
    with pytest.MonkeyPatch.context() as patch:
        if mutant == "A":
            patch.setattr(protocol, "_stabilize_from_predecessor", _adopt_unseen)
        elif mutant == "B":
            patch.setattr(protocol, "join", _join_without_list)
        yield mutant != "C"


def _adopt_unseen(node: ChordNode, head: NodeRef, candidate: NodeRef) -> Procedure[bool]:
    if not between(node.ref.id, candidate.id, head.id) or candidate.is_vacant:
        return False
    yield Sleep(0.0)
    if node.successor != head:
        return False
    return node.set_successors(candidate, node.successors)


def _join_without_list(node: ChordNode, bootstrap: NodeRef) -> Procedure[None]:
    route = yield from find_successor(bootstrap, node.ref.id)
    member = route.predecessor
    head = (yield from ask(member, GetNeighbours())).successors[0]
    if between(member.id, node.ref.id, head.id):
        made_up = (vacant((head.id + i) % node.ring.size) for i in range(1, node.ring.successors))
        node.set_successors(head, tuple(made_up))
        node.predecessor, node.joined = member, True
