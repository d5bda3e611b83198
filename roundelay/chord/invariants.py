"""The ring predicates: Zave's inductive invariant, what it entails, and Ideal.

P. Zave, "Reasoning about identifier spaces: How to make Chord correct", IEEE TSE 43(12), 2017, and its Alloy model
as corrected in 2018. The predicates are evaluated on a snapshot: one NodeView per live member. A snapshot that was
taken by asking nodes one after the other may show a state that never existed, so check again before you report a
violation (crawl.check_ring does).

The proof requires `successors` + 1 members. In a smaller ring every list comes round to its own node and repeats it
to the end. There a list counts only up to where it closes, without placeholders, and SufficientPrincipals, which
cannot hold, is not evaluated. A ring that has just grown beyond that size is judged by the proof before its lists
are full: another reason to check again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from typing import NamedTuple

from roundelay.chord.refs import NodeRef
from roundelay.chord.snapshot import NodeView as NodeView
from roundelay.chord.snapshot import Snapshot, open_arc
from roundelay.chord.snapshot import view_of as view_of

INVARIANT = ("OneLiveSuccessor", "SufficientPrincipals")
IDEAL = "Ideal"
VIOLATIONS_SHOWN_MAX = 4  # in the detail of a result


class PredicateResult(NamedTuple):
    """Whether a predicate holds, and if not, which nodes violate it."""

    predicate: str
    holds: bool
    detail: str


def check(views: Collection[NodeView], successors: int) -> list[PredicateResult]:
    """Evaluate all predicates on a snapshot: the invariant, what it entails, and last Ideal.

    Only Ideal may fail in a correct ring: it says that the ring has converged after all changes.
    """
    snapshot = Snapshot(views, successors)
    results = [_result(name, violations(snapshot)) for name, violations in PREDICATES.items()]
    if snapshot.small:
        why = f"not evaluated: the proof requires {successors + 1} nodes"
        results[1] = PredicateResult(INVARIANT[1], True, why)
    return results


# --- the predicates: each returns its violations


def _one_live_successor(ring: Snapshot) -> list[str]:
    return [f"{_name(m)} has no live successor" for m in ring.lists if m not in ring.best]


def _sufficient_principals(ring: Snapshot) -> list[str]:
    if len(ring.principals) > ring.successors:
        return []
    skipped = ", ".join([_name(m) for m in ring.lists if m not in ring.principals][:VIOLATIONS_SHOWN_MAX])
    return [f"{len(ring.principals)} of at least {ring.successors + 1}; lists pass over {skipped}"]


def _no_duplicates(ring: Snapshot) -> list[str]:
    """Ignore the entry that closes a list, which names its own node and occurs only in small rings."""
    return [
        f"{_name(m)} lists an identifier twice"
        for m, extended in ring.lists.items()
        if len({e.id for e in extended}) < len(extended[:-1] if ring.closes(m) else extended)
    ]


def _ordered_successor_lists(ring: Snapshot) -> list[str]:
    """For i < j < k in an extended list, between(i, j, k) holds; a list may end where it began."""
    return [
        f"the list of {_name(m)} is out of order"
        for m, extended in ring.lists.items()
        if len(extended) > 2 and not all(a < b for a, b in pairwise((e.id <= m.id, e.id) for e in extended[1:]))
    ]


def _principals_are_ring_members(ring: Snapshot) -> list[str]:
    return [
        f"{_name(m)} is a principal outside the ring"
        for m in ring.lists
        if m in ring.principals and m not in ring.ring_members
    ]


def _at_least_one_ring(ring: Snapshot) -> list[str]:
    return [] if ring.rings else ["no member can be reached from itself"]


def _at_most_one_ring(ring: Snapshot) -> list[str]:
    firsts = [_name(min(cycle, key=lambda m: m.id)) for cycle in ring.rings]
    return [] if len(firsts) < 2 else [f"{len(firsts)} rings, one each with {', '.join(firsts[:VIOLATIONS_SHOWN_MAX])}"]


def _ordered_ring(ring: Snapshot) -> list[str]:
    ids = sorted(m.id for m in ring.ring_members)
    return [
        f"{_name(m)} and its successor {_name(ring.best[m])} pass over a member of the ring"
        for m in ring.lists
        if m in ring.ring_members and any(beyond > first for first, beyond in open_arc(ids, m.id, ring.best[m].id))
    ]


def _connected_appendages(ring: Snapshot) -> list[str]:
    """Following best successors ends in a ring or at a dead end, so it suffices to look for dead ends."""
    return [f"{_name(m)} is an appendage without a way to the ring" for m in ring.lists if m not in ring.best]


def _ideal(ring: Snapshot) -> list[str]:
    """Every predecessor and every list must be that of the sorted members."""
    nodes = [v.node for v in ring.views]
    violations = []
    for place, one in enumerate(ring.views):
        following = nodes[place + 1 : place + 1 + ring.successors]
        following += nodes[:place][: ring.successors - len(following)]
        following += [one.node] * (ring.successors - len(following))
        if one.successors != tuple(following):
            violations.append(f"the list of {_name(one.node)} is not that of its {ring.successors} successors")
        if one.predecessor != nodes[place - 1]:
            violations.append(f"{_name(one.node)} has {_name(one.predecessor)} for predecessor")
    return violations


PREDICATES: dict[str, Callable[[Snapshot], list[str]]] = {
    "OneLiveSuccessor": _one_live_successor,
    "SufficientPrincipals": _sufficient_principals,
    "NoDuplicates": _no_duplicates,
    "OrderedSuccessorLists": _ordered_successor_lists,
    "PrincipalsAreRingMembers": _principals_are_ring_members,
    "AtLeastOneRing": _at_least_one_ring,
    "AtMostOneRing": _at_most_one_ring,
    "OrderedRing": _ordered_ring,
    "ConnectedAppendages": _connected_appendages,
    IDEAL: _ideal,
}
ENTAILED = tuple(name for name in PREDICATES if name not in (*INVARIANT, IDEAL))


# --- helpers


def _result(name: str, violations: list[str]) -> PredicateResult:
    more = f"; and {len(violations) - VIOLATIONS_SHOWN_MAX} more" if len(violations) > VIOLATIONS_SHOWN_MAX else ""
    return PredicateResult(name, not violations, "; ".join(violations[:VIOLATIONS_SHOWN_MAX]) + more)


def _name(node: NodeRef) -> str:
    return f"placeholder {node.id}" if node.is_vacant else str(node.address)
