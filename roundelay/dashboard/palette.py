"""The colour of each node, kept for its lifetime: one of seven that are colour-blind-safe (Okabe and Ito)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from roundelay.chord.refs import NodeRef

COLOURS = 7  # page.css has them: --owner-0 ... --owner-6


def assign(before: Mapping[NodeRef, int], nodes: Sequence[NodeRef]) -> dict[NodeRef, int]:
    """Assign a colour to each node in ring order: the least used one that differs from its neighbours'."""
    colours = {node: before[node] for node in nodes if node in before}
    for place, node in enumerate(nodes):
        if node not in colours:
            beside = {colours.get(nodes[place - 1]), colours.get(nodes[(place + 1) % len(nodes)])}
            used = Counter(colours.values())
            colours[node] = min((c for c in range(COLOURS) if c not in beside), key=lambda c: (used[c], c))
    return colours
