"""The procedures that keep the ring: corrected Chord, one function per operation.

P. Zave, "Reasoning about identifier spaces: How to make Chord correct", IEEE TSE 43(12), 2017. Unlike the
pseudo-code of 2001, which adopts a successor's predecessor without asking it, a node here asks every candidate first
and adopts its whole successor list with it. After each answer a procedure checks its assumptions again, because
other procedures of the same node may have run meanwhile.

Fingers only make lookups faster: nothing here depends on them being right.
"""

from __future__ import annotations

from roundelay.chord.effects import Procedure, Sleep, ask, ask_all
from roundelay.chord.errors import Busy, ChordError, JoinRefused, LookupFailed, NodeUnreachable
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.probe import fetch_all_neighbours, fetch_neighbours, probe
from roundelay.chord.proximity import choose_near_finger
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, Leaving, Neighbourhood, Notify, Nudge
from roundelay.chord.ring import between, between_right_closed

JOIN_ATTEMPTS_MAX = 50
JOIN_RETRY_S = 0.1
RESTARTS_MAX = 3  # of a stabilization whose successor was replaced meanwhile


def create(node: ChordNode) -> None:
    """Make a node the first of a new ring."""
    node.set_successors(node.ref, ())
    node.predecessor = node.ref
    node.joined = True


def join(node: ChordNode, bootstrap: NodeRef) -> Procedure[None]:
    """Join the ring of `bootstrap`: adopt the successor list of the node that will be the predecessor.

    No other node changes: the ring learns of the joiner when it stabilizes. Raises JoinRefused if a live node has
    the same identifier, LookupFailed if no place was found.
    """
    for _ in range(JOIN_ATTEMPTS_MAX):
        try:
            if (yield from _join_once(node, bootstrap)):
                return
        except JoinRefused:
            raise
        except ChordError:
            pass  # a message was lost or a node has gone: start again, nothing has changed anywhere
        yield Sleep(JOIN_RETRY_S)
    raise LookupFailed(f"could not join through {bootstrap.address} in {JOIN_ATTEMPTS_MAX} attempts")


def _join_once(node: ChordNode, bootstrap: NodeRef) -> Procedure[bool]:
    """Return True if the member before us was found and we have joined after it."""
    route = yield from find_successor(bootstrap, node.ref.id)
    if route.owner.id == node.ref.id and route.owner != node.ref:
        yield from _check_identifier_free(node, route.owner)
    member = route.predecessor
    theirs = yield from ask(member, GetNeighbours())
    head = next(iter(theirs.successors), member)
    if between(member.id, node.ref.id, head.id):
        node.set_successors(head, theirs.successors[1:])
        node.predecessor = member
        node.joined = True
    elif head.id == node.ref.id:
        yield from _send_once(member, Nudge())  # it has not noticed yet that our earlier incarnation is dead
    return node.joined


def _check_identifier_free(node: ChordNode, twin: NodeRef) -> Procedure[None]:
    """Raise JoinRefused if another live node has our identifier; the ring will forget a dead one."""
    if twin.address == node.ref.address:
        return  # our own earlier incarnation
    yield from ask(twin, GetNeighbours())
    raise JoinRefused(f"identifier {node.ref.id} is taken by {twin.address}")


def stabilize(node: ChordNode) -> Procedure[bool]:
    """Check the successor, adopt its list, and any node found in between. Return True if anything changed.

    A successor that has just answered with this node as its predecessor is not notified: it would do nothing.
    """
    changed = is_known = False
    for _ in range(RESTARTS_MAX + node.ring.successors):
        head = node.successor
        try:
            theirs = yield from probe(node, head)
        except Busy:
            break  # alive: try again at the next tick
        except NodeUnreachable:
            if node.successor == head:
                node.drop_successor()
            changed = True
            continue
        if node.successor != head:
            continue  # another procedure replaced it while we waited
        changed |= node.set_successors(head, theirs.successors)
        is_known = theirs.predecessor == node.ref
        if is_known or not (yield from _stabilize_from_predecessor(node, head, theirs.predecessor)):
            break
        changed = True  # and there may be a still nearer one
    if not is_known:
        yield from _notify(node)
    yield from _probe_dead_successors(node)
    return changed


def _stabilize_from_predecessor(node: ChordNode, head: NodeRef, candidate: NodeRef) -> Procedure[bool]:
    """Adopt the successor's predecessor if it lies in between and answers (the paper of 2001 does not ask it)."""
    if not between(node.ref.id, candidate.id, head.id) or candidate.is_vacant:
        return False
    theirs = yield from fetch_neighbours(node, candidate)
    if isinstance(theirs, ChordError) or node.successor != head:
        return False
    return node.set_successors(candidate, theirs.successors)


def _notify(node: ChordNode) -> Procedure[None]:
    """Notify the successor; a node that is its own successor checks its predecessor instead."""
    if node.successor == node.ref:
        yield from rectify(node, node.ref)
    elif node.joined:
        yield from _send_once(node.successor, Notify(node.ref))


def _probe_dead_successors(node: ChordNode) -> Procedure[None]:
    """Probe successors that are marked dead: our successor lists them, so one of the two is wrong."""
    dead = [p for p in dict.fromkeys(node.successors) if node.failure_detector.is_dead(p) and not p.is_vacant]
    yield from fetch_all_neighbours(node, dead)


def rectify(node: ChordNode, sender: NodeRef) -> Procedure[bool]:
    """Handle a claim by `sender` to be our predecessor. Return True if it was adopted."""
    if sender.is_vacant:
        return False
    if node.failure_detector.is_dead(sender):  # the notification may be older than its death
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
        node.nudged = True  # we were alone and now have a successor
    elif not node.failure_detector.is_dead(old):
        yield from _send_once(old, Nudge())  # it has a new successor and need not wait for its tick
    return True


def fix_fingers(node: ChordNode) -> Procedure[bool]:
    """Recompute the finger table; one lookup serves all fingers that its answer covers.

    Return True if anything changed.
    """
    ring, me = node.ring, node.ref
    fingers: list[NodeRef] = []
    while len(fingers) < ring.bits:
        start = ring.finger_start(me.id, len(fingers))
        owner, *after = yield from _owners(node, start, node.fingers[len(fingers)])
        fingers += [owner] * max(1, ring.fingers_up_to(me.id, owner.id) - len(fingers))
        if node.finger_candidates > 1:
            fingers[-1] = yield from choose_near_finger(node, len(fingers) - 1, (owner, *after))
    return node.set_fingers(tuple(fingers))


def _owners(node: ChordNode, start: int, known: NodeRef) -> Procedure[tuple[NodeRef, ...]]:
    """Return the owner of a finger's start, and nodes after it.

    It is known from our own list, from the present finger (then without nodes after it), or by a lookup.
    """
    if between_right_closed(node.ref.id, start, node.successor.id):
        return node.successors
    if known != node.ref and node.finger_candidates == 1 and not node.failure_detector.is_dead(known):
        theirs = yield from fetch_neighbours(node, known)
        if isinstance(theirs, Neighbourhood) and between_right_closed(theirs.predecessor.id, start, known.id):
            return (known,)
    sent_at = node.failure_detector.time
    route = yield from find_successor(node.ref, start)
    for peer in route.failed:
        node.failure_detector.record_timeout(peer, sent_at)
    if node.failure_detector.is_dead(route.owner):
        yield from fetch_neighbours(node, route.owner)  # others route to it, so it may be alive after all
    return route.nodes


def merge_with(node: ChordNode, other: NodeRef) -> Procedure[bool]:
    """Merge with the ring of `other`: look up our own identifier there.

    A node found between us and our successor is adopted as in a stabilization; repeated on both sides, this joins
    the rings together. Return True if anything changed. Raises LookupFailed when `other` does not answer.
    """
    route = yield from find_successor(other, node.ref.id)
    seen = [step.node for step in route.steps]
    for peer in seen:
        node.failure_detector.mark_alive(peer)  # it answered: if it was marked dead, it was only unreachable
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
    """Leave the ring and tell both neighbours, so that they need not detect it."""
    node.joined = False
    neighbours = dict.fromkeys((node.predecessor, *node.successors[:1]))
    yield from ask_all(
        [(n, Leaving(node.ref)) for n in neighbours if n != node.ref and not n.is_vacant], deadline_s=1.0
    )


def _send_once(peer: NodeRef, request: Notify | Nudge) -> Procedure[None]:
    """Send a message without a retry; the protocol tolerates its loss."""
    try:
        yield from ask(peer, request)
    except ChordError:
        return
