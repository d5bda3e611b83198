"""Keeps every item in its place and in all its copies, whoever has come, gone or come back.

Each node cares for the arc that it owns: it compares it with the next nodes that hold its copies,
and what one of them lacks goes there from the other. That one comparison is the hand-over to a
joiner, the restoring of copies after a death, and the healing of what a crash has lost. Nothing
is let go before those who should hold it have said that they do.

A node's own store is asked like any other's.
"""

from __future__ import annotations

import random

from chord.effects import Procedure, Sleep, ask
from chord.errors import ChordError
from chord.lookup import find_successor
from chord.node import ChordNode
from chord.refs import NodeRef
from chord.requests import GetNeighbours
from chord.ring import Ring
from chord.store import LIST_MAX, GetRangeDigest, Item, ListRange, Put, Release, Store, Tidy
from chord.storing import fetch, put_one

CARE_EVERY_S = 10.0
LOOK_EVERY_S = 0.25
MISPLACED_AT_ONCE = 64


def keep_store(node: ChordNode, store: Store, rng: random.Random) -> Procedure[None]:
    """Care whenever the neighbours who matter have changed, and now and then in any case."""
    seen: object = None
    pause_s = 0.0
    while True:
        now = node.predecessor, mates(node)
        if node.joined and (now != seen or pause_s <= 0):
            done = yield from _unharmed(node, store)
            seen = now if done else None
            pause_s = CARE_EVERY_S * rng.uniform(0.75, 1.25)
        yield Sleep(LOOK_EVERY_S)
        pause_s -= LOOK_EVERY_S


def mates(node: ChordNode, more: int = 0) -> tuple[NodeRef, ...]:
    """The nodes that hold the copies of what this one owns."""
    others = [n for n in node.live_successors() if n != node.ref]
    return tuple(others[: node.ring.replicas - 1 + more])


def care(node: ChordNode, store: Store) -> Procedure[None]:
    """One round: tidy up, compare with the mates, give away what belongs elsewhere. Raises ChordError."""
    yield from ask(node.ref, Tidy())
    for mate in mates(node):
        yield from reconcile(node.ring, node.ref, mate, node.predecessor.id, node.ref.id)
    store.settled = True
    yield from _give_away(node)


def hand_over(node: ChordNode) -> Procedure[None]:
    """Before leaving: the node that will hold the copies in our place gets them. Raises ChordError."""
    for mate in mates(node, more=1):
        yield from reconcile(node.ring, node.ref, mate, node.predecessor.id, node.ref.id)


def reconcile(ring: Ring, one: NodeRef, other: NodeRef, start: int, end: int) -> Procedure[None]:
    """Afterwards both have, of the keys in (start, end], what either of them had."""
    ours = yield from ask(one, GetRangeDigest(start, end))
    theirs = yield from ask(other, GetRangeDigest(start, end))
    if ours == theirs:
        return
    if max(ours.count, theirs.count) <= LIST_MAX or ring.distance(start, end) == 1:
        yield from _exchange(one, other, start, end)
        return
    middle = (start + (ring.distance(start, end) or ring.size) // 2) % ring.size
    yield from reconcile(ring, one, other, start, middle)
    yield from reconcile(ring, one, other, middle, end)


def _exchange(one: NodeRef, other: NodeRef, start: int, end: int) -> Procedure[None]:
    ours = yield from ask(one, ListRange(start, end))
    theirs = yield from ask(other, ListRange(start, end))
    yield from _bring(_lacking(ours, theirs), one, other)
    yield from _bring(_lacking(theirs, ours), other, one)


def _lacking(items: tuple[Item, ...], of: tuple[Item, ...]) -> list[Item]:
    """Those items of the first which the second lacks, or has in an earlier version."""
    known = {item.entry: item.rank for item in of}
    return [item for item in items if item.entry not in known or known[item.entry] < item.rank]


def _bring(items: list[Item], source: NodeRef, target: NodeRef) -> Procedure[None]:
    for item in items:
        receipt = yield from ask(target, Put(item))
        if not receipt.stored:
            content = yield from fetch((source,), item.entry.digest, item.entry.size_bytes)
            yield from put_one(target, item, content)


def _give_away(node: ChordNode) -> Procedure[None]:
    """Items that this node need not hold go to those who should, and only then from here."""
    start = yield from _held_from(node)
    if start == node.ref.id:
        return  # so few nodes that each holds everything
    misplaced = yield from ask(node.ref, ListRange(node.ref.id, start))
    for item in misplaced[:MISPLACED_AT_ONCE]:
        route = yield from find_successor(node.ref, item.entry.key)
        holders = route.nodes[: node.ring.replicas]
        if node.ref in holders:
            continue
        for holder in holders:
            yield from _bring([item], node.ref, holder)
        yield from ask(node.ref, Release((item.entry,)))


def _held_from(node: ChordNode) -> Procedure[int]:
    """Where the arc begins of which this node holds a copy: `replicas` predecessors back."""
    here = node.predecessor
    for _ in range(node.ring.replicas - 1):
        if here == node.ref:
            break
        theirs = yield from ask(here, GetNeighbours())
        here = theirs.predecessor
    return here.id


def _unharmed(node: ChordNode, store: Store) -> Procedure[bool]:
    """Care; one that fails is done again soon. Returns whether it came to its end."""
    try:
        yield from care(node, store)
    except ChordError:
        return False
    return True
