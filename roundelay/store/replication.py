"""Replica maintenance: keep every item on its owner and its replicas while nodes join, leave and fail.

Each node is responsible for the arc that it owns. It reconciles the arc with the next nodes, which hold its replicas
(anti-entropy). That one comparison also restores copies after a death, heals what a crash has lost, and is the
hand-off to a node that joins. A node releases an item only after the nodes that should hold it have confirmed it.

An error with one node, or with one item, delays nothing else, and the next round tries again soon. A node asks its
own store with the same requests as any other's.
"""

from __future__ import annotations

import random
from contextlib import suppress

from roundelay.chord.effects import Procedure, Sleep, SleepUntil, ask
from roundelay.chord.errors import ChordError, NotAllowed, NotYet, StoreFull
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.store.anti_entropy import copy_items, push_missing, reconcile, run_all
from roundelay.store.items import CollectGarbage, Find, Item, ListRange, Release, StopAccepting
from roundelay.store.store import Store
from roundelay.store.write_path import nodes_for

SYNC_INTERVAL_S = 10.0
SYNC_GAP_S = 0.25  # at the least between two rounds: neighbours change together
HANDOFF_RETRY_S = 1.0
FAILURES_MAX = 40  # in a row; then a joiner accepts a hand-off from nodes that may not know everything either
RELEASE_PAGES_MAX = 100_000  # lists of misplaced items, in one round


def replication_loop(node: ChordNode, store: Store, rng: random.Random) -> Procedure[None]:
    """Synchronize as soon as the relevant neighbours have changed, periodically, and soon after a failure."""
    synced: object = None
    pause_s, failures = 0.0, 0

    def must_sync() -> bool:
        return node.joined and _neighbours(node) != synced

    while True:
        yield SleepUntil(must_sync, pause_s)
        pause_s = SYNC_INTERVAL_S * rng.uniform(0.75, 1.25)
        if not node.joined:
            continue
        synced = _neighbours(node)
        try:
            yield from sync_once(node, store, patient=failures < FAILURES_MAX)
            failures = 0
        except ChordError:
            failures += 1
        pause_s = _pause_s(failures, store) * rng.uniform(0.75, 1.25)
        yield Sleep(SYNC_GAP_S)


def _neighbours(node: ChordNode) -> tuple[NodeRef, tuple[NodeRef, ...]]:
    """Return the nodes with which this one synchronizes."""
    return node.predecessor, replica_peers(node)


def _pause_s(failures: int, store: Store) -> float:
    """Return the time until the next round: an exponential backoff, capped while other nodes wait for us."""
    if not failures:
        return SYNC_INTERVAL_S
    return min(
        SYNC_GAP_S * 2.0 ** min(failures, FAILURES_MAX), SYNC_INTERVAL_S if store.handoff_complete else HANDOFF_RETRY_S
    )


def replica_peers(node: ChordNode) -> tuple[NodeRef, ...]:
    """Return the nodes that hold the replicas of what this node owns."""
    return _successors(node)[: node.ring.replicas - 1]


def sync_once(node: ChordNode, store: Store, patient: bool = True) -> Procedure[None]:
    """Run one round: collect garbage, receive a hand-off, reconcile with the replicas, return misplaced items.

    patient: a joiner waits for a node whose own hand-off is complete; otherwise it accepts what the others have.
    Raises ChordError when everything that could be done has been done.
    """
    start, end = node.predecessor.id, node.ref.id
    yield from run_all(
        [
            ask(node.ref, CollectGarbage()),
            _receive_handoff(node, store, patient),
            *(reconcile(node.ring, node.ref, peer, start, end) for peer in replica_peers(node)),
            _return_misplaced(node),
        ]
    )


def handoff_on_leave(node: ChordNode) -> Procedure[None]:
    """Before leaving, copy every item to the nodes that will hold it instead. Raises ChordError."""
    yield from ask(node.ref, StopAccepting())
    before = [node.predecessor]
    with suppress(ChordError):  # some of them may be dead; the range that we own is known without asking
        before = yield from _predecessors(node, node.ring.replicas)
    yield from run_all([_move_misplaced(node, before, leaving=True), _handoff_range(node, before)])


# --- joining: receive a hand-off


def _receive_handoff(node: ChordNode, store: Store, patient: bool) -> Procedure[None]:
    """Receive the items that we now own from the first successor whose own hand-off is complete.

    Successors before that one have joined as recently as we have, and may know as little. The range begins at the
    first predecessor whose hand-off is complete, because nodes that join in between will rely on us. An item that we
    have no room for, or must refuse, or whose job's spec is not among them, stays where it is, and is found there.
    Raises NotYet, ChordError.
    """
    if store.handoff_complete:
        return
    start, others = (yield from _handoff_start(node)).id, _successors(node)
    for peer in others:
        is_complete = yield from _is_handoff_complete(peer, node.ref.id)
        with suppress(StoreFull, NotAllowed, NotYet):
            yield from push_missing(node.ring, peer, node.ref, start, node.ref.id)
        if is_complete:
            break
    else:
        if patient and len(others) >= node.ring.successors:
            raise NotYet(f"all {len(others)} successors of {node.ref.address} are receiving a hand-off as well")
    store.handoff_complete = True


def _handoff_start(node: ChordNode) -> Procedure[NodeRef]:
    """Return the nearest predecessor whose hand-off is complete, or the last of a list's length. Raises ChordError."""
    before = node.predecessor
    for _ in range(node.ring.successors):
        if before == node.ref or (yield from _is_handoff_complete(before, before.id)):
            break
        before = (yield from ask(before, GetNeighbours())).predecessor
    return before


def _is_handoff_complete(peer: NodeRef, key: int) -> Procedure[bool]:
    try:
        yield from ask(peer, Find(key))
    except NotYet:
        return False
    return True


# --- misplaced items: copy them to the nodes that should hold them, then release them


def _return_misplaced(node: ChordNode) -> Procedure[None]:
    """Move the items that this node should not hold. Raises ChordError."""
    before = yield from _predecessors(node, node.ring.replicas)
    yield from _move_misplaced(node, before)


def _move_misplaced(node: ChordNode, before: list[NodeRef], leaving: bool = False) -> Procedure[None]:
    """Copy items of the keys outside our `before` predecessors' arcs to the nodes responsible, then release them.

    Raises the first ChordError when everything that could be moved has been.
    """
    here, start = node.ref.id, before[-1].id
    if here in {p.id for p in before}:
        return  # the ring is so small that every node holds everything
    move = _copy_to_others if leaving else _return_to_owner
    errors: list[ChordError] = []
    for _ in range(RELEASE_PAGES_MAX):
        misplaced = yield from ask(node.ref, ListRange(here, start))
        moved: list[Item] = []
        for item in misplaced:
            try:
                if (yield from move(node, item)):
                    moved.append(item)
            except ChordError as error:
                errors.append(error)
        yield from ask(node.ref, Release(tuple(moved)))
        if not misplaced or misplaced[-1].entry.key == start:
            break
        here = misplaced[-1].entry.key  # the next list begins where this one ended
    if errors:
        raise errors[0]


def _return_to_owner(node: ChordNode, item: Item) -> Procedure[bool]:
    """Copy an item to all nodes responsible for it. Return False if we are one of them. Raises ChordError."""
    replicas = node.ring.replicas
    holders = (yield from nodes_for(node.ref, node.ring, item.entry.key, replicas))[:replicas]
    if node.ref in holders or len(holders) < replicas:
        return False
    yield from run_all([copy_items([item], node.ref, holder) for holder in holders])
    return True


# --- leaving: hand everything off


def _copy_to_others(node: ChordNode, item: Item) -> Procedure[bool]:
    """Copy an item to `replicas` other nodes, or as many as accept it. Raises ChordError when none does.

    The node before this one may be dead, which makes this node the owner of more than it knows.
    """
    nodes = yield from nodes_for(node.ref, node.ring, item.entry.key, node.ring.replicas + 1)
    copies, last_error = 0, None
    for other in nodes:
        if other == node.ref or copies == node.ring.replicas:
            continue
        try:
            yield from copy_items([item], node.ref, other)
            copies += 1
        except ChordError as error:
            last_error = error
    if last_error is not None and not copies:
        raise last_error
    return copies > 0


def _handoff_range(node: ChordNode, before: list[NodeRef]) -> Procedure[None]:
    """Before leaving, copy to each successor the range that it will replicate.

    The first will hold what we hold, the second one arc less, and so on. A successor that fails (it leaves as well,
    is full, or does not answer) is replaced by the next. Raises ChordError when none is left.
    """
    starts = [before[min(place, len(before) - 1)].id for place in reversed(range(node.ring.replicas))]
    if before[-1] == node.ref:
        starts = [node.ref.id] * len(starts)  # the ring is so small that every node holds everything
    heirs, last_error = list(_successors(node)), None
    while heirs:  # ends: every turn is the last, or has fewer heirs
        failed: list[NodeRef] = []
        for heir, start in zip(heirs, starts, strict=False):
            try:
                yield from push_missing(node.ring, node.ref, heir, start, node.ref.id)
            except ChordError as error:
                failed.append(heir)
                last_error = error
        if not failed:
            return
        heirs = [heir for heir in heirs if heir not in failed]
    if last_error is not None:
        raise last_error


# --- helpers


def _successors(node: ChordNode) -> tuple[NodeRef, ...]:
    return tuple(n for n in node.live_successors() if n != node.ref)


def _predecessors(node: ChordNode, count: int) -> Procedure[list[NodeRef]]:
    """Return the `count` nodes before this one, the nearest first; on a small ring they end with this node."""
    before = [node.predecessor]
    while len(before) < count and before[-1] != node.ref:
        theirs = yield from ask(before[-1], GetNeighbours())
        before.append(theirs.predecessor)
    return before
