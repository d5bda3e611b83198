"""A snapshot of the ring: the views of all live members, and their best successors, rings and principals.

The predicates over a snapshot are in `invariants`. Everything is computed once and, apart from sorting, in linear
time, so that tests can check a ring of a thousand nodes after every step.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef


@dataclass(frozen=True)
class NodeView:
    """The neighbours that one live member knows."""

    node: NodeRef
    predecessor: NodeRef
    successors: tuple[NodeRef, ...]


def view_of(node: ChordNode) -> NodeView:
    """Return a member's view, from its own state."""
    return NodeView(node.ref, node.predecessor, node.successors)


class Snapshot:
    """The views of all live members at one moment."""

    def __init__(self, views: Collection[NodeView], successors: int) -> None:
        self.views = sorted(views, key=lambda v: v.node.id)
        self.successors = successors
        self.live = {v.node for v in self.views}
        self.small = len(self.views) <= successors

    @cached_property
    def lists(self) -> dict[NodeRef, tuple[NodeRef, ...]]:
        """Each member's extended list: itself, then the successors that count."""
        return {v.node: (v.node, *self._counted(v)) for v in self.views}

    def closes(self, member: NodeRef) -> bool:
        """Return True if the list of a small ring has come round to its own node."""
        return self.small and self.lists[member][1:][-1:] == (member,)

    @cached_property
    def best(self) -> dict[NodeRef, NodeRef]:
        """The first live successor of each member that has one; a lone node is its own."""
        firsts = {
            m: next((s for s in v if s in self.live), None) for m, v in ((v.node, v.successors) for v in self.views)
        }
        return {m: s for m, s in firsts.items() if s is not None}

    @cached_property
    def rings(self) -> list[set[NodeRef]]:
        """The cycles of the best successors: the members that can be reached from themselves."""
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
                cycles.append(set(walked[walked.index(here) :]))
        return cycles

    @cached_property
    def ring_members(self) -> set[NodeRef]:
        return set().union(*self.rings)

    @cached_property
    def principals(self) -> set[NodeRef]:
        return principals(self.live, list(self.lists.values()))

    def _counted(self, view: NodeView) -> tuple[NodeRef, ...]:
        if not self.small:
            return view.successors
        turn = view.successors.index(view.node) if view.node in view.successors else len(view.successors)
        return tuple(s for s in view.successors[: turn + 1] if not s.is_vacant)


def principals(members: Iterable[NodeRef], lists: Collection[Sequence[NodeRef]]) -> set[NodeRef]:
    """Return the members that no extended list passes over (Zave's definition of a principal).

    A list also passes over a member if it names another incarnation of it.
    """
    places = sorted(members, key=lambda m: m.id)
    ids = [m.id for m in places]
    living = set(places)
    entries = {e for extended in lists for e in extended if not e.is_vacant}
    misnamed = {e.id for e in entries - living}
    skips = [0] * (len(ids) + 1)  # (members + 1,) differences of how often each member is passed over
    for start, end in {(a.id, b.id) for extended in lists for a, b in pairwise(extended)}:
        for first, beyond in open_arc(ids, start, end):
            skips[first] += 1
            skips[beyond] -= 1
    return {m for m, count in zip(places, accumulate(skips), strict=False) if not count and m.id not in misnamed}


def open_arc(ids: Sequence[int], start: int, end: int) -> list[tuple[int, int]]:
    """Return the half-open ranges, one or two, of the sorted ids that lie strictly between start and end."""
    first, beyond = bisect_right(ids, start), bisect_left(ids, end)
    return [(first, beyond)] if start < end else [(first, len(ids)), (0, beyond)]
