"""What must hold of a ring as a whole: Zave's inductive invariant, all that it entails, and Ideal.

P. Zave, "Reasoning about identifier spaces: How to make Chord correct", IEEE TSE 43(12), 2017, and
its Alloy model as corrected in 2018. Judged is a snapshot: one View of each live member. Who takes
it is not our concern; taken from running nodes one after the other it may show a state that never
was, so look again before believing in a breach.

The proof begins at `successors` + 1 members. In smaller rings every list comes round to its own
node and repeats it to the end. There a list is judged up to where it closes and without
placeholders; SufficientPrincipals, which cannot hold, is not asked for; all else is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

from chord.node import ChordNode
from chord.refs import NodeRef

INVARIANT = ("OneLiveSuccessor", "SufficientPrincipals")
IDEAL = "Ideal"
NAMED_MAX = 4  # breaches that a finding spells out


@dataclass(frozen=True)
class View:
    """What one live member believes."""

    node: NodeRef
    predecessor: NodeRef
    successors: tuple[NodeRef, ...]


class Finding(NamedTuple):
    """One predicate, whether it holds, and if not, at which nodes it is broken."""

    predicate: str
    holds: bool
    detail: str


def view(node: ChordNode) -> View:
    """A member's view, taken from its own state."""
    return View(node.ref, node.predecessor, node.successors)


def check(views: Collection[View], successors: int) -> list[Finding]:
    """Judge a snapshot: the invariant, what it entails, and last whether the ring is Ideal.

    Only Ideal may fail in a ring that works: it says that all changes have been taken in.
    """
    snapshot = Snapshot(views, successors)
    return [_finding(name, breaches(snapshot)) for name, breaches in PREDICATES.items()]


def principals(members: Iterable[NodeRef], lists: Iterable[Sequence[NodeRef]]) -> set[NodeRef]:
    """The members that no extended list passes over. Zave, definition of a principal.

    A list also passes over a member where it holds another life of it.
    """
    places = sorted(members, key=lambda m: m.id)
    ids = [m.id for m in places]
    living = set(places)
    entries = {e for extended in lists for e in extended if not e.is_vacant}
    misnamed = {e.id for e in entries - living}
    skips = [0] * (len(ids) + 1)  # (members + 1,) differences of how often each is passed over
    for start, end in {(a.id, b.id) for extended in lists for a, b in pairwise(extended)}:
        for first, beyond in _open_arc(ids, start, end):
            skips[first] += 1
            skips[beyond] -= 1
    return {m for m, count in zip(places, accumulate(skips), strict=False)
            if not count and m.id not in misnamed}


class Snapshot:
    """The live members of one moment, and what their lists amount to."""

    def __init__(self, views: Collection[View], successors: int) -> None:
        self.views = sorted(views, key=lambda v: v.node.id)
        self.successors = successors
        self.live = {v.node for v in self.views}
        self.small = len(self.views) <= successors

    @cached_property
    def lists(self) -> dict[NodeRef, tuple[NodeRef, ...]]:
        """Each member's extended list: itself, then its successors as far as they count."""
        return {v.node: (v.node, *self._counted(v)) for v in self.views}

    def closes(self, member: NodeRef) -> bool:
        """Is it a small ring's list that has come round to its own node?"""
        return self.small and self.lists[member][1:][-1:] == (member,)

    @cached_property
    def best(self) -> dict[NodeRef, NodeRef]:
        """Each member's first live successor, of those that have one; a lone node is its own."""
        firsts = {m: next((s for s in v if s in self.live), None)
                  for m, v in ((v.node, v.successors) for v in self.views)}
        return {m: s for m, s in firsts.items() if s is not None}

    @cached_property
    def rings(self) -> list[set[NodeRef]]:
        """The cycles of the best successors: their members can be reached from themselves."""
        cycles, seen = [], set[NodeRef]()
        for start in self.best:
            path = dict[NodeRef, None]()
            here: NodeRef | None = start
            while here is not None and here not in seen:
                seen.add(here)
                path[here] = None
                here = self.best.get(here)
            if here in path:
                walked = list(path)
                cycles.append(set(walked[walked.index(here):]))
        return cycles

    @cached_property
    def ring_members(self) -> set[NodeRef]:
        return set().union(*self.rings)

    @cached_property
    def principals(self) -> set[NodeRef]:
        return principals(self.live, list(self.lists.values()))

    def _counted(self, one: View) -> tuple[NodeRef, ...]:
        if not self.small:
            return one.successors
        turn = one.successors.index(one.node) if one.node in one.successors else len(one.successors)
        return tuple(s for s in one.successors[:turn + 1] if not s.is_vacant)


# --- the predicates: each returns its breaches


def _one_live_successor(ring: Snapshot) -> list[str]:
    return [f"{_name(m)} has no live successor" for m in ring.lists if m not in ring.best]


def _sufficient_principals(ring: Snapshot) -> list[str]:
    if ring.small or len(ring.principals) > ring.successors:
        return []
    skipped = ", ".join(_name(m) for m in sorted(ring.live - ring.principals, key=lambda m: m.id)[:NAMED_MAX])
    return [f"{len(ring.principals)} of at least {ring.successors + 1}; passed over are {skipped}"]


def _no_duplicates(ring: Snapshot) -> list[str]:
    """A list may name its own node only to close, which in the proof's rings none does."""
    return [f"{_name(m)} lists an identifier twice" for m, extended in ring.lists.items()
            if len({e.id for e in extended}) < len(extended[:-1] if ring.closes(m) else extended)]


def _ordered_successor_lists(ring: Snapshot) -> list[str]:
    """For i < j < k in an extended list, between(i, j, k); a list may end where it began."""
    return [f"the list of {_name(m)} is out of order" for m, extended in ring.lists.items()
            if len(extended) > 2
            and not all(a < b for a, b in pairwise((e.id <= m.id, e.id) for e in extended[1:]))]


def _principals_are_ring_members(ring: Snapshot) -> list[str]:
    return [f"{_name(m)} is a principal outside the ring" for m in ring.principals - ring.ring_members]


def _at_least_one_ring(ring: Snapshot) -> list[str]:
    return [] if ring.rings else ["no member can be reached from itself"]


def _at_most_one_ring(ring: Snapshot) -> list[str]:
    firsts = [_name(min(cycle, key=lambda m: m.id)) for cycle in ring.rings]
    return [] if len(firsts) < 2 else [f"{len(firsts)} rings, one each with {', '.join(firsts[:NAMED_MAX])}"]


def _ordered_ring(ring: Snapshot) -> list[str]:
    ids = sorted(m.id for m in ring.ring_members)
    return [f"{_name(m)} and its successor {_name(ring.best[m])} pass over a member of the ring"
            for m in ring.ring_members
            if any(beyond > first for first, beyond in _open_arc(ids, m.id, ring.best[m].id))]


def _connected_appendages(ring: Snapshot) -> list[str]:
    """Best successors lead on until a ring or a dead end: it suffices to look for dead ends."""
    return [f"{_name(m)} is an appendage that leads nowhere" for m in ring.lists if m not in ring.best]


def _ideal(ring: Snapshot) -> list[str]:
    """Every predecessor and every list is that of the sorted members."""
    nodes = [v.node for v in ring.views]
    breaches = []
    for place, one in enumerate(ring.views):
        following = nodes[place + 1:place + 1 + ring.successors]
        following += nodes[:place][:ring.successors - len(following)]
        following += [one.node] * (ring.successors - len(following))
        if one.successors != tuple(following):
            breaches.append(f"the list of {_name(one.node)} is not that of its {ring.successors} successors")
        if one.predecessor != nodes[place - 1]:
            breaches.append(f"{_name(one.node)} has {_name(one.predecessor)} for predecessor")
    return breaches


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


def _finding(name: str, breaches: list[str]) -> Finding:
    more = f"; and {len(breaches) - NAMED_MAX} more" if len(breaches) > NAMED_MAX else ""
    return Finding(name, not breaches, "; ".join(breaches[:NAMED_MAX]) + more)


def _open_arc(ids: Sequence[int], start: int, end: int) -> list[tuple[int, int]]:
    """Where in sorted ids those strictly between start and end lie: one or two half-open ranges."""
    first, beyond = bisect_right(ids, start), bisect_left(ids, end)
    return [(first, beyond)] if start < end else [(first, len(ids)), (0, beyond)]


def _name(node: NodeRef) -> str:
    return f"placeholder {node.id}" if node.is_vacant else str(node.address)
