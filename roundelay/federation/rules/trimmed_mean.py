"""Trimmed mean: the mean of each weight's changes without the f smallest and the f largest.

Yin, Chen, Ramchandran, Bartlett, Byzantine-robust distributed learning: towards optimal statistical rates, ICML 2018,
definition 2; f is --malicious of the files, and all files count the same.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules import RULES
from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles, weighted


class TrimmedMean(EachRule):
    """The mean of every coordinate without its extremes."""

    def combine(self, updates: Doubles, weights: Doubles, given: Round) -> Doubles:
        """Return the means of the columns without the f smallest and the f largest values of each."""
        cut = given.malicious(RULES["trimmed-mean"].stands(given.files))
        kept = np.sort(updates, axis=0)[cut : len(updates) - cut]  # (n - 2 f, b)
        return weighted(kept, np.ones(len(kept))) / len(kept)
