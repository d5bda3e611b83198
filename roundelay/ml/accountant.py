"""How much privacy a job has spent: the epsilon of its rounds at a delta, by one of two accountants.

Both give upper bounds for the same mechanism. `rdp` (renyi.py) is computed without numpy from a formula that has been
published with its tests; `prv` (loss_distribution.py) is tighter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from roundelay.ml import renyi

ACCOUNTANTS = ("prv", "rdp")
KNOWN_MAX = 4096  # values that are remembered: those of some jobs


@lru_cache(KNOWN_MAX)
def epsilon(accountant: str, noise: float, rounds: int, delta: float, sampled: float = 1.0) -> float:
    """Return epsilon after some rounds. noise: the standard deviation, in clips. sampled: the probability of a file."""
    if not rounds:
        return 0.0
    if not noise:
        return math.inf
    if accountant == "rdp":
        return renyi.epsilon(noise, rounds, delta, sampled)
    from roundelay.ml import loss_distribution  # loads numpy, which --help does without

    return loss_distribution.epsilon(noise, rounds, delta, sampled)


def rounds_within(most: float, spent: Callable[[int], float], rounds_max: int) -> int:
    """Return how many rounds, at most `rounds_max`, spend no more than an epsilon."""
    low, high = 0, rounds_max
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if spent(middle) <= most else (low, middle - 1)
    return low
