"""Anti-entropy: two nodes compare what they hold of an arc, and each missing item is copied over.

Range digests are compared first, on ever smaller arcs, as in the Merkle trees of Dynamo (DeCandia et al., SOSP 2007):
if nothing differs, two requests are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError, Corrupt, Malformed, NotFound, NotYet, StoreFull
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.store.items import LIST_MAX, GetRangeDigest, Item, ListRange
from roundelay.store.write_path import copy_from

Errors = tuple[type[ChordError], ...]
ITEM_ERRORS: Errors = (NotFound, NotYet, Corrupt, Malformed, StoreFull)  # other items may still succeed


def reconcile(ring: Ring, one: NodeRef, other: NodeRef, start: int, end: int) -> Procedure[None]:
    """Copy in both directions until both nodes have every item in (start, end] of either. Raises ChordError."""
    yield from _compare(ring, one, other, start, end, both_ways=True)


def push_missing(ring: Ring, source: NodeRef, target: NodeRef, start: int, end: int) -> Procedure[None]:
    """Copy to `target` every item in (start, end] that `source` has and it lacks. Raises ChordError."""
    yield from _compare(ring, source, target, start, end, both_ways=False)


def _compare(ring: Ring, one: NodeRef, other: NodeRef, start: int, end: int, both_ways: bool) -> Procedure[None]:
    """Halve the arc until the two nodes differ in few items, then exchange these."""
    ours = yield from ask(one, GetRangeDigest(start, end))
    theirs = yield from ask(other, GetRangeDigest(start, end))
    if ours == theirs:
        return
    if max(ours.count, theirs.count) <= LIST_MAX or ring.distance(start, end) == 1:
        yield from _exchange(one, other, start, end, both_ways)
        return
    middle = (start + (ring.distance(start, end) or ring.size) // 2) % ring.size
    halves = [_compare(ring, one, other, *arc, both_ways) for arc in ((start, middle), (middle, end))]
    yield from run_all(halves, ITEM_ERRORS)


def _exchange(one: NodeRef, other: NodeRef, start: int, end: int, both_ways: bool) -> Procedure[None]:
    ours = yield from ask(one, ListRange(start, end))
    theirs = yield from ask(other, ListRange(start, end))
    copies = [copy_items(_missing_from(theirs, ours), one, other)]
    if both_ways:
        copies.insert(0, copy_items(_missing_from(ours, theirs), other, one))
    yield from run_all(copies, ITEM_ERRORS)


def _missing_from(items: Sequence[Item], other: Sequence[Item]) -> list[Item]:
    """Return the items of `other` that `items` lacks or has in an earlier version."""
    known = {item.entry: item.rank for item in items}
    return [item for item in other if item.entry not in known or known[item.entry] < item.rank]


def copy_items(items: Sequence[Item], source: NodeRef, target: NodeRef) -> Procedure[None]:
    """Copy items from one node to another; skip an item that cannot be read. Raises the last ChordError."""
    last_error: ChordError | None = None
    for item in items:
        try:
            yield from copy_from(source, target, item)
        except (NotFound, NotYet, Corrupt, Malformed) as error:
            last_error = error
    if last_error is not None:
        raise last_error


def run_all(procedures: Sequence[Procedure[Any]], tolerated: Errors = (ChordError,)) -> Procedure[None]:
    """Run procedures one after the other, also after a tolerated error. Raises the first error at the end."""
    errors: list[ChordError] = []
    for procedure in procedures:
        try:
            yield from procedure
        except tolerated as error:
            errors.append(error)
    if errors:
        raise errors[0]
