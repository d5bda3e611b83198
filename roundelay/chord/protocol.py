"""The procedures that keep the ring: Zave's corrected Chord, one function an operation.

P. Zave, "Reasoning about identifier spaces: How to make Chord correct", IEEE TSE 43(12), 2017.
The 2001 pseudo-code adopts a successor's predecessor unseen; here every candidate is asked
before it is adopted, and its whole list is taken over with it. After each answer a procedure
checks again what it relied on: meanwhile other procedures of the same node may have run.

Fingers are an optimisation only: nothing here depends on them being right.
"""

from __future__ import annotations

from roundelay.chord.effects import Procedure, Sleep, ask, ask_all
from roundelay.chord.errors import Busy, ChordError, JoinRefused, LookupFailed, NodeUnreachable
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.probe import fetch_all_neighbours, fetch_neighbours, probe
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, Leaving, Neighbourhood, Notify, Nudge
from roundelay.chord.ring import between, between_right_closed

JOIN_ATTEMPTS_MAX = 50
JOIN_RETRY_S = 0.1
RESTARTS_MAX = 3  # of a stabilise whose ground has shifted under it


def create(node: ChordNode) -> None:
    """Be the first node of a ring."""
    node.set_successors(node.ref, ())
    node.predecessor = node.ref
    node.joined = True


def join(node: ChordNode, bootstrap: NodeRef) -> Procedure[None]:
    """Become a member through one that is: copy the whole list of the node before you.

    Nobody else changes: the ring learns of the joiner when it stabilises. Raises JoinRefused
    when a live node has the identifier, LookupFailed when the ring could not be walked.
    """
    for _ in range(JOIN_ATTEMPTS_MAX):
        try:
            if (yield from _join_once(node, bootstrap)):
                return
        except JoinRefused:
            raise
        except ChordError:
            pass  # a message lost, a node gone: from the beginning, nothing has changed anywhere
        yield Sleep(JOIN_RETRY_S)
    raise LookupFailed(f"no place found in {JOIN_ATTEMPTS_MAX} attempts through {bootstrap.address}")


def _join_once(node: ChordNode, bootstrap: NodeRef) -> Procedure[bool]:
    """Returns whether a member was found that had the place before us."""
    route = yield from find_successor(bootstrap, node.ref.id)
    if route.owner.id == node.ref.id and route.owner != node.ref:
        yield from _refuse_twin(node, route.owner)
    member = route.predecessor
    theirs = yield from ask(member, GetNeighbours())
    head = next(iter(theirs.successors), member)
    if between(member.id, node.ref.id, head.id):
        node.set_successors(head, theirs.successors[1:])
        node.predecessor = member
        node.joined = True
    elif head.id == node.ref.id:
        yield from _announce_leave(member, Nudge())  # it has not noticed yet that our earlier life is over
    return node.joined


def _refuse_twin(node: ChordNode, twin: NodeRef) -> Procedure[None]:
    """A live node with our identifier means that we cannot have it; a dead one will be forgotten."""
    if twin.address == node.ref.address:
        return  # our own earlier life
    yield from ask(twin, GetNeighbours())
    raise JoinRefused(f"identifier {node.ref.id} is taken by {twin.address}")


def stabilize(node: ChordNode) -> Procedure[bool]:
    """Verify the successor, take over its list, adopt who lies between. Returns whether anything changed."""
    changed = False
    for _ in range(RESTARTS_MAX + node.ring.successors):
        head = node.successor
        try:
            theirs = yield from probe(node, head)
        except Busy:
            break  # alive: more at the next tick
        except NodeUnreachable:
            if node.successor == head:
                node.drop_successor()
            changed = True
            continue
        if node.successor != head:
            continue  # somebody else moved it while we waited
        changed |= node.set_successors(head, theirs.successors)
        if not (yield from _stabilize_from_predecessor(node, head, theirs.predecessor)):
            break
        changed = True  # and there may be another before that one
    yield from _notify(node)
    yield from _probe_dead_successor(node)
    return changed


def _stabilize_from_predecessor(node: ChordNode, head: NodeRef, candidate: NodeRef) -> Procedure[bool]:
    """Adopt the successor's predecessor if it lies between and answers (the 2001 paper did not ask)."""
    if not between(node.ref.id, candidate.id, head.id) or candidate.is_vacant:
        return False
    theirs = yield from fetch_neighbours(node, candidate)
    if isinstance(theirs, ChordError) or node.successor != head:
        return False
    return node.set_successors(candidate, theirs.successors)


def _notify(node: ChordNode) -> Procedure[None]:
    """Tell the successor of us; where that is ourselves, see whether our predecessor still lives."""
    if node.successor == node.ref:
        yield from rectify(node, node.ref)
    elif node.joined:
        yield from _announce_leave(node.successor, Notify(node.ref))


def _probe_dead_successor(node: ChordNode) -> Procedure[None]:
    """The successor lists nodes that we hold for dead: one of us is wrong, and they are asked."""
    doubted = [p for p in dict.fromkeys(node.successors) if node.failure_detector.is_dead(p) and not p.is_vacant]
    yield from fetch_all_neighbours(node, doubted)


def rectify(node: ChordNode, sender: NodeRef) -> Procedure[bool]:
    """Somebody believes to be our predecessor. Returns whether it now is, newly."""
    if sender.is_vacant:
        return False
    if node.failure_detector.is_dead(sender):  # it may be: a word can be older than a death
        yield from fetch_neighbours(node, sender)
    old = node.predecessor
    if sender == old or node.failure_detector.is_dead(sender):
        return False
    if not between(old.id, sender.id, node.ref.id):
        try:
            yield from probe(node, old)
        except NodeUnreachable:
            pass
        except Busy:
            return False
        else:
            return False
        if node.predecessor != old and not between(node.predecessor.id, sender.id, node.ref.id):
            return False
    node.predecessor = sender
    node.failure_detector.mark_alive(sender)
    if old == node.ref:
        node.nudged = True  # we were alone, and have a successor now
    elif not node.failure_detector.is_dead(old):
        yield from _announce_leave(old, Nudge())  # it has a new successor: no need to wait for its tick
    return True


def fix_fingers(node: ChordNode) -> Procedure[bool]:
    """Find the whole table anew; one lookup serves all fingers that its answer covers.

    Returns whether anything changed.
    """
    ring, me = node.ring, node.ref
    fingers: list[NodeRef] = []
    while len(fingers) < ring.bits:
        start = ring.finger_start(me.id, len(fingers))
        owner = yield from _owner(node, start, node.fingers[len(fingers)])
        fingers.append(owner)
        while len(fingers) < ring.bits and between_right_closed(
            me.id, ring.finger_start(me.id, len(fingers)), owner.id
        ):
            fingers.append(owner)
    return node.set_fingers(tuple(fingers))


def _owner(node: ChordNode, start: int, known: NodeRef) -> Procedure[NodeRef]:
    """The successor of a finger's start: by our list, by the finger that we have, or by a lookup."""
    if between_right_closed(node.ref.id, start, node.successor.id):
        return node.successor
    if known != node.ref and not node.failure_detector.is_dead(known):
        theirs = yield from fetch_neighbours(node, known)
        if isinstance(theirs, Neighbourhood) and between_right_closed(theirs.predecessor.id, start, known.id):
            return known
    route = yield from find_successor(node.ref, start)
    for peer in route.failed:
        node.failure_detector.record_timeout(peer)
    if node.failure_detector.is_dead(route.owner):
        yield from fetch_neighbours(node, route.owner)  # others route to it: a false death is not for ever
    return route.owner


def merge_with(node: ChordNode, other: NodeRef) -> Procedure[bool]:
    """Two rings become one: look yourself up through a node that may be of another ring.

    Whoever is found to lie between us and our successor is adopted as a stabilise would;
    repeated on both sides, this zips the rings together. Returns whether anything changed.
    Raises LookupFailed when the other does not answer.
    """
    route = yield from find_successor(other, node.ref.id)
    seen = [step.node for step in route.steps]
    for peer in seen:
        node.failure_detector.mark_alive(peer)  # it answered: what we held for dead may have been out of reach
    nearest = min(
        (p for p in (route.owner, *seen) if p != node.ref),
        default=node.ref,
        key=lambda peer: node.ring.distance(node.ref.id, peer.id),
    )
    changed = yield from _stabilize_from_predecessor(node, node.successor, nearest)
    if changed:
        yield from _notify(node)
    return changed


def leave(node: ChordNode) -> Procedure[None]:
    """Tell both neighbours that we are going, so that they need not find out."""
    node.joined = False
    neighbours = dict.fromkeys((node.predecessor, *node.successors[:1]))
    yield from ask_all(
        [(n, Leaving(node.ref)) for n in neighbours if n != node.ref and not n.is_vacant], deadline_s=1.0
    )


def _announce_leave(peer: NodeRef, request: Notify | Nudge) -> Procedure[None]:
    """Say it once; that it may be lost is part of the protocol."""
    try:
        yield from ask(peer, request)
    except ChordError:
        return
