"""Keeps every item in its place and in all its copies, whoever has come, gone or come back.

Each node cares for the arc that it owns: it compares it with the next nodes that hold its copies,
and what one of them lacks goes there from the other. That one comparison is the hand-over to a
joiner, the restoring of copies after a death, and the healing of what a crash has lost. Nothing
is let go before those who should hold it have said that they do.

What fails with one node, or with one item, is done again soon, and keeps nothing else from being
done now. A node's own store is asked like any other's.
"""

from __future__ import annotations

import random
from contextlib import suppress

from roundelay.chord.effects import Procedure, Sleep, ask
from roundelay.chord.errors import ChordError, NotYet, StoreFull
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.store.anti_entropy import all_of, copy_items, push_missing, reconcile
from roundelay.store.items import CollectGarbage, Find, Item, ListRange, Release, StopAccepting
from roundelay.store.store import Store
from roundelay.store.write_path import nodes_for

SYNC_INTERVAL_S = 10.0
CHANGE_POLL_S = 0.25
HANDOFF_RETRY_S = 1.0
FAILURES_MAX = 40  # of the first rounds of a joiner that meets nobody who knows what it owns
LISTS_MAX = 100_000  # of misplaced items, in one round


def replication_loop(node: ChordNode, store: Store, rng: random.Random) -> Procedure[None]:
    """Care whenever the neighbours who matter have changed, now and then in any case, and soon after a failure."""
    seen: object = None
    pause_s, failures = 0.0, 0
    while True:
        now = node.predecessor, replica_peers(node)
        if node.joined and (now != seen or pause_s <= 0):
            done = yield from _tolerate_errors(sync_once(node, store, patient=failures < FAILURES_MAX))
            seen, failures = now, 0 if done else failures + 1
            pause_s = _pause_s(failures, store) * rng.uniform(0.75, 1.25)
        yield Sleep(CHANGE_POLL_S)
        pause_s -= CHANGE_POLL_S


def _pause_s(failures: int, store: Store) -> float:
    """Until the next round: soon after a failure, later after many, never late while others wait for us."""
    if not failures:
        return SYNC_INTERVAL_S
    return min(
        CHANGE_POLL_S * 2.0 ** min(failures, FAILURES_MAX),
        SYNC_INTERVAL_S if store.handoff_complete else HANDOFF_RETRY_S,
    )


def replica_peers(node: ChordNode, more: int = 0) -> tuple[NodeRef, ...]:
    """The nodes that hold the copies of what this one owns."""
    return _others(node)[: node.ring.replicas - 1 + more]


def sync_once(node: ChordNode, store: Store, patient: bool = True) -> Procedure[None]:
    """One round: tidy up, compare with the mates, give away what belongs elsewhere. Raises ChordError.

    patient: as a joiner, wait for somebody who is settled; otherwise take what there is for all.
    """
    start, end = node.predecessor.id, node.ref.id
    yield from all_of(
        [
            ask(node.ref, CollectGarbage()),
            _receive_handoff(node, store, patient),
            *(reconcile(node.ring, node.ref, mate, start, end) for mate in replica_peers(node)),
            _drop_foreign(node),
        ]
    )


def handoff_on_leave(node: ChordNode) -> Procedure[None]:
    """Before leaving: whoever will hold a copy in our place gets it. Raises ChordError."""
    yield from ask(node.ref, StopAccepting())
    before = [node.predecessor]
    with suppress(ChordError):  # some of them may be dead; what we own ourselves we know
        before = yield from _predecessors(node, node.ring.replicas)
    yield from all_of([_push_to_owners(node, before, leaving=True), _handoff_range(node, before)])


# --- a joiner


def _receive_handoff(node: ChordNode, store: Store, patient: bool) -> Procedure[None]:
    """Be handed over what is ours now, from the first node that has settled itself. Raises NotYet, ChordError.

    Those before it have joined as lately as we, and may know as little. What we have no room for
    stays where it is, and is found there. Who joins before us will believe that we know about its
    arc too: so we are given all from the first settled node before us on.
    """
    if store.handoff_complete:
        return
    start, others = (yield from _handoff_source(node)).id, _others(node)
    for peer in others:
        settled = yield from _is_handoff_complete(peer, node.ref.id)
        with suppress(StoreFull):
            yield from push_missing(node.ring, peer, node.ref, start, node.ref.id)
        if settled:
            break
    else:
        if patient and len(others) >= node.ring.successors:
            raise NotYet(f"{len(others)} nodes after {node.ref.address} are being handed over to as well")
    store.handoff_complete = True


def _handoff_source(node: ChordNode) -> Procedure[NodeRef]:
    """The nearest node before this one that has settled; the last of a list's length, where none has.

    Raises ChordError.
    """
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


def _others(node: ChordNode) -> tuple[NodeRef, ...]:
    return tuple(n for n in node.live_successors() if n != node.ref)


# --- what is held, and for whom


def _drop_foreign(node: ChordNode) -> Procedure[None]:
    """What this node need not hold goes. Raises ChordError."""
    before = yield from _predecessors(node, node.ring.replicas)
    yield from _push_to_owners(node, before)


def _push_to_owners(node: ChordNode, before: list[NodeRef], leaving: bool = False) -> Procedure[None]:
    """Items from beyond the nodes before this one go to those who should hold them, and only then from here.

    Raises ChordError, when everything that can be given away has been.
    """
    here, start = node.ref.id, before[-1].id
    if here in {p.id for p in before}:
        return  # so few nodes that each holds everything
    troubles: list[ChordError] = []
    for _ in range(LISTS_MAX):  # each begins where the last one ended
        misplaced = yield from ask(node.ref, ListRange(here, start))
        gone: list[Item] = []
        for item in misplaced:
            try:
                if (yield from _return_to_owner(node, item) if not leaving else _leave_behind(node, item)):
                    gone.append(item)
            except ChordError as error:
                troubles.append(error)
        yield from ask(node.ref, Release(tuple(gone)))
        if not misplaced or misplaced[-1].entry.key == start:
            break
        here = misplaced[-1].entry.key
    if troubles:
        raise troubles[0]


def _leave_behind(node: ChordNode, item: Item) -> Procedure[bool]:
    """As many others as should hold it, have it then, as far as they take it. Raises ChordError when none does.

    Before this node a dead one may stand, and this one be the owner of more than it knows.
    """
    nodes = yield from nodes_for(node.ref, node.ring, item.entry.key, node.ring.replicas + 1)
    taken, trouble = 0, None
    for heir in nodes:
        if heir == node.ref or taken == node.ring.replicas:
            continue
        try:
            yield from copy_items([item], node.ref, heir)
            taken += 1
        except ChordError as error:
            trouble = error
    if trouble is not None and not taken:
        raise trouble
    return taken > 0


def _return_to_owner(node: ChordNode, item: Item) -> Procedure[bool]:
    """Whoever should hold it, has it then. Returns whether this node is not one of them. Raises ChordError."""
    replicas = node.ring.replicas
    holders = (yield from nodes_for(node.ref, node.ring, item.entry.key, replicas))[:replicas]
    if node.ref in holders or len(holders) < replicas:
        return False
    yield from all_of([copy_items([item], node.ref, holder) for holder in holders])
    return True


def _handoff_range(node: ChordNode, before: list[NodeRef]) -> Procedure[None]:
    """Each of the nodes after us is given what it will have to hold. Raises ChordError when nobody is left for it.

    The one next to us will hold as far back as we do, the one after it one arc less, and so on. One
    that is leaving as well, is full or does not answer is passed over for the next.
    """
    starts = [before[min(place, len(before) - 1)].id for place in reversed(range(node.ring.replicas))]
    if before[-1] == node.ref:
        starts = [node.ref.id] * len(starts)  # so few nodes that each holds everything
    heirs, trouble = list(_others(node)), None
    while len(heirs) > 0:  # ends: every turn is the last, or has fewer heirs
        unfit: list[NodeRef] = []
        for heir, start in zip(heirs, starts, strict=False):
            try:
                yield from push_missing(node.ring, node.ref, heir, start, node.ref.id)
            except ChordError as error:
                unfit.append(heir)
                trouble = error
        if not unfit:
            return
        heirs = [heir for heir in heirs if heir not in unfit]
    if trouble is not None:
        raise trouble


def _predecessors(node: ChordNode, count: int) -> Procedure[list[NodeRef]]:
    """The nodes before this one, the nearest first; fewer where they come round to it, which then is the last."""
    before = [node.predecessor]
    while len(before) < count and before[-1] != node.ref:
        theirs = yield from ask(before[-1], GetNeighbours())
        before.append(theirs.predecessor)
    return before


# --- helpers


def _tolerate_errors(procedure: Procedure[None]) -> Procedure[bool]:
    """Care; one that fails is done again soon. Returns whether it came to its end."""
    try:
        yield from procedure
    except ChordError:
        return False
    return True
