"""Server aggregation rules: from a round's updates to new weights. One pure function per module, with its paper.

Of the exact sum (`needs = "sum"`)
    fedavg, fedprox, fedavgm, fedadam, fedyogi, fedadagrad, fednova, scaffold

Of single updates (`needs = "each"`)
    median, trimmed_mean, krum, multikrum, bulyan, geometric_median, norm_clipping, fltrust, qfedavg

and
    steps        the rules of the sum as functions, by name
    each         what a rule of single updates is, and the rules by name
    aggregation  apply such a rule block by block
    vectors      a rule's state as bytes; sums in a fixed order

A rule of the sum takes the weights before the round, the exact mean of the files' weights, and the state that it
returned in the round before; it returns the weights after the round, and its new state. The chain of results names the
state, so another driver continues with it. A rule of single updates sees every file's update, block by block, and keeps
no state. Every operation is elementwise and correctly rounded (IEEE 754), in float64 and in the order of the files'
names: the bits depend neither on the machine nor on who trained what. This module, which lists the rules, does not load
numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Needs = Literal["sum", "each"]


@dataclass(frozen=True)
class Rule:
    """A rule, what it is computed from, and the settings that it takes."""

    server_eta: float = 1.0  # the default
    takes: frozenset[str] = frozenset()  # settings of this rule only
    is_proximal: bool = False  # local training is pulled towards the weights it started from
    needs: Needs = "sum"  # each: single updates, per file
    is_normalised: bool = False  # each update is divided by its local steps
    needs_losses: bool = False  # each update comes with the loss before the training
    needs_gradients: bool = False  # the sum comes with that of the gradients before the training
    files_min: tuple[int, int] = (0, 1)  # (a, b): to stand f malicious files, a round needs a * f + b

    @property
    def is_plain(self) -> bool:
        """Whether the sum is of changes alone, as they are."""
        return self.needs == "sum" and not self.is_normalised and not self.needs_gradients

    def stands(self, files: int) -> int:
        """Return how many malicious files the rule stands among these; -1 if there are too few for any."""
        factor, least = self.files_min
        return -1 if files < least else (files - least) // factor if factor else 0

    def failing_max(self, share: float, files: int) -> int:
        """Return how many files of a round may fail: as many as may be malicious, where the rule stands any."""
        return min(malicious_files(share, files), max(0, self.stands(files))) if self.files_min[0] else 0


@dataclass(frozen=True)
class Tuning:
    """The settings of a rule's step."""

    server_eta: float
    server_momentum: float
    malicious: float = 0.2
    norm_limit: float = 0.0
    fairness: float = 0.1


_ETA = frozenset({"server_eta"})
_MALICIOUS = frozenset({"malicious"})

RULES: dict[str, Rule] = {
    "fedavg": Rule(),
    "fedprox": Rule(takes=frozenset({"mu"}), is_proximal=True),
    "fedavgm": Rule(takes=frozenset({"server_eta", "server_momentum"})),
    "fedadam": Rule(server_eta=0.01, takes=_ETA),
    "fedyogi": Rule(server_eta=0.01, takes=_ETA),
    "fedadagrad": Rule(server_eta=0.01, takes=_ETA),
    "fednova": Rule(is_normalised=True),
    "scaffold": Rule(needs_gradients=True),
    "qfedavg": Rule(needs="each", takes=frozenset({"fairness"}), needs_losses=True),
    "median": Rule(needs="each", files_min=(2, 1)),
    "trimmed-mean": Rule(needs="each", takes=_MALICIOUS, files_min=(2, 1)),
    "krum": Rule(needs="each", takes=_MALICIOUS, files_min=(2, 3)),
    "multikrum": Rule(needs="each", takes=_MALICIOUS, files_min=(2, 3)),
    "bulyan": Rule(needs="each", takes=_MALICIOUS, files_min=(4, 3)),
    "geometric-median": Rule(needs="each", files_min=(2, 1)),
    "norm-clipping": Rule(needs="each", takes=frozenset({"norm_limit"})),
    "fltrust": Rule(needs="each", takes=frozenset({"trusted"}), files_min=(0, 2)),
}
PLUGIN = Rule(takes=frozenset({"server_eta", "server_momentum", "malicious"}))  # passed on to a rule of MODULE:NAME


def rule_of(name: str) -> Rule:
    """Return what is known of a rule by its name."""
    return RULES.get(name, PLUGIN)


def malicious_files(share: float, files: int) -> int:
    """Return how many of these files may be malicious."""
    return math.floor(round(share * files, 9))  # 0.2 of 15 is 3, in spite of rounding
