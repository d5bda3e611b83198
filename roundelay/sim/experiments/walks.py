"""Lookups as the experiments count them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import LookupFailed, NodeUnreachable
from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import SayHello


@dataclass(frozen=True)
class Reached:
    """A completed lookup: its route, and the first of the nodes it found that answered."""

    route: Route
    node: NodeRef
    silent: tuple[NodeRef, ...]  # the nodes before it

    @property
    def timeouts(self) -> int:
        """The number of dead nodes contacted, each counted once."""
        return len(self.route.failed) + len(self.silent)


def hops(route: Route) -> int:
    """Return the hops from the querier to the key's predecessor; as in the paper, without the step to the owner."""
    return len(route.steps) - 1


def reach(start: NodeRef, key: int) -> Procedure[Reached]:
    """Look up a key and contact its owner, or the next live node of the list. Raises LookupFailed."""
    route = yield from find_successor(start, key)
    silent: list[NodeRef] = []
    for node in route.nodes:
        try:
            yield from ask(node, SayHello())
        except NodeUnreachable:
            silent.append(node)
            continue
        return Reached(route, node, tuple(silent))
    raise LookupFailed(f"none of the {len(silent)} nodes found for key {key} answers")


def mean(counts: Counter[int]) -> float:
    return sum(value * count for value, count in counts.items()) / counts.total()


def percentile(counts: Counter[int], q: float) -> int:
    """Return the smallest value that at least q percent do not exceed."""
    wanted, seen = counts.total() * q / 100, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    raise ValueError("nothing was counted")
