"""Two nodes compare what they keep of an arc, and what one lacks goes there from the other.

Digests first, by ever smaller arcs: where nothing differs, two questions are all that it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError, Corrupt, Malformed, NotFound, StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.store.items import LIST_MAX, GetRangeDigest, Item, ListRange
from roundelay.store.write_path import copy_from

Errors = tuple[type[ChordError], ...]
OF_ONE_ITEM: Errors = (NotFound, Corrupt, Malformed, StoreFull)  # another may fare better


def reconcile(ring: Ring, one: NodeRef, other: NodeRef, start: int, end: int) -> Procedure[None]:
    """Afterwards both have, of the keys in (start, end], what either of them had. Raises ChordError."""
    yield from _compare(ring, one, other, start, end, both_ways=True)


def push_missing(ring: Ring, giver: NodeRef, taker: NodeRef, start: int, end: int) -> Procedure[None]:
    """Afterwards the taker has, of the keys in (start, end], what the giver had. Raises ChordError."""
    yield from _compare(ring, giver, taker, start, end, both_ways=False)


def _compare(ring: Ring, one: NodeRef, other: NodeRef, start: int, end: int, both_ways: bool) -> Procedure[None]:
    """Narrow down where they differ, and bring there what is lacking."""
    ours = yield from ask(one, GetRangeDigest(start, end))
    theirs = yield from ask(other, GetRangeDigest(start, end))
    if ours == theirs:
        return
    if max(ours.count, theirs.count) <= LIST_MAX or ring.distance(start, end) == 1:
        yield from _exchange(one, other, start, end, both_ways)
        return
    middle = (start + (ring.distance(start, end) or ring.size) // 2) % ring.size
    halves = [_compare(ring, one, other, *arc, both_ways) for arc in ((start, middle), (middle, end))]
    yield from all_of(halves, OF_ONE_ITEM)


def _exchange(one: NodeRef, other: NodeRef, start: int, end: int, both_ways: bool) -> Procedure[None]:
    ours = yield from ask(one, ListRange(start, end))
    theirs = yield from ask(other, ListRange(start, end))
    ways = [copy_items(_missing_at(ours, theirs), one, other)]
    if both_ways:
        ways.insert(0, copy_items(_missing_at(theirs, ours), other, one))
    yield from all_of(ways, OF_ONE_ITEM)


def _missing_at(items: Sequence[Item], of: Sequence[Item]) -> list[Item]:
    """Those items of the first which the second lacks, or has in an earlier version."""
    known = {item.entry: item.rank for item in of}
    return [item for item in items if item.entry not in known or known[item.entry] < item.rank]


def copy_items(items: Sequence[Item], source: NodeRef, target: NodeRef) -> Procedure[None]:
    """All that can be brought; an item that has rotted meanwhile is passed over. Raises ChordError."""
    trouble: ChordError | None = None
    for item in items:
        try:
            yield from copy_from(source, target, item)
        except (NotFound, Corrupt, Malformed) as error:
            trouble = error
    if trouble is not None:
        raise trouble


def all_of(procedures: Sequence[Procedure[Any]], spared: Errors = (ChordError,)) -> Procedure[None]:
    """Each in its turn; errors of these kinds do not keep the next from it. Raises the first error."""
    troubles: list[ChordError] = []
    for procedure in procedures:
        try:
            yield from procedure
        except spared as error:
            troubles.append(error)
    if troubles:
        raise troubles[0]
