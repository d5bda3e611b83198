"""Coordinate-wise median: each weight changes by the median of its changes in all files, which count the same.

Yin, Chen, Ramchandran, Bartlett, Byzantine-robust distributed learning: towards optimal statistical rates, ICML 2018,
definition 1. It stands up to half of the files.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles


class Median(EachRule):
    """The median of every coordinate; of an even number, the mean of the middle two."""

    def combine(self, updates: Doubles, weights: Doubles, given: Round) -> Doubles:
        """Return the medians of the columns."""
        return middle(np.sort(updates, axis=0))


def middle(ordered: Doubles) -> Doubles:
    """Return the medians of columns that are in ascending order: (n, b) -> (b,)."""
    n = len(ordered)
    made: Doubles = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return made
