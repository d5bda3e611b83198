"""What becomes of a round's mean: one rule a file, each a pure function with its paper named. Here: what may be chosen.

A rule gets the weights before the round, the exact mean of what the files made of them, and the state
that it left in the round before; it gives the weights after the round, and its state (`steps`). The state
is named in the chain of results, so whoever drives on goes on with it. Every operation is elementwise and
correctly rounded (IEEE 754), so the bits do not depend on who computes it.

This module does without numpy, as a node does that drives nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A rule, and what may be set with it."""

    server_eta: float = 1.0  # its own, where none is given
    takes: frozenset[str] = frozenset()  # settings that belong to this rule
    is_proximal: bool = False  # local trainings are pulled towards the weights they began with


@dataclass(frozen=True)
class Tuning:
    """What a rule is told."""

    server_eta: float
    server_momentum: float


RULES: dict[str, Rule] = {
    "fedavg": Rule(),
    "fedprox": Rule(takes=frozenset({"mu"}), is_proximal=True),
    "fedavgm": Rule(takes=frozenset({"server_eta", "server_momentum"})),
    "fedadam": Rule(server_eta=0.01, takes=frozenset({"server_eta"})),
}
