"""Server aggregation rules: from a round's mean to new weights. One pure function per module, with its paper.

fedavg, fedprox, fedavgm, fedadam  the rules
steps    the rules as functions, by name
vectors  a rule's state as bytes

A rule takes the weights before the round, the exact mean of the files' weights, and the state that it returned in the
round before; it returns the weights after the round, and its new state. The chain of results names the state, so
another driver continues with it. Every operation is elementwise and correctly rounded (IEEE 754): the bits do not
depend on the machine. This module, which lists the rules, does not load numpy.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """A rule, and the settings that it takes."""

    server_eta: float = 1.0  # the default
    takes: frozenset[str] = frozenset()  # settings of this rule only
    is_proximal: bool = False  # local training is pulled towards the weights it started from


@dataclass(frozen=True)
class Tuning:
    """The settings of a rule's step."""

    server_eta: float
    server_momentum: float


RULES: dict[str, Rule] = {
    "fedavg": Rule(),
    "fedprox": Rule(takes=frozenset({"mu"}), is_proximal=True),
    "fedavgm": Rule(takes=frozenset({"server_eta", "server_momentum"})),
    "fedadam": Rule(server_eta=0.01, takes=frozenset({"server_eta"})),
}
PLUGIN = Rule(takes=frozenset({"server_eta", "server_momentum"}))  # what is passed on to a rule of MODULE:NAME


def rule_of(name: str) -> Rule:
    """Return what is known of a rule by its name."""
    return RULES.get(name, PLUGIN)
