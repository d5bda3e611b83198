"""Bulyan: of the n - 2 f updates that Krum chooses, the mean of the n - 4 f values nearest each weight's median.

El Mhamdi, Guerraoui, Rouault, The hidden vulnerability of distributed learning in Byzantium, ICML 2018. It stands
attacks that hide a large change of one weight in a small distance; f is --malicious of the files, and n >= 4 f + 3.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules import RULES
from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.krum import krum_scores, squared_distances
from roundelay.federation.rules.median import middle
from roundelay.federation.rules.vectors import Doubles, weighted


class Bulyan(EachRule):
    """A trimmed mean around the median of what Krum chooses."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return 1 for each update that Krum chooses from those not chosen before, n - 2 f times, and 0 for others."""
        malicious, distances = _malicious(given), squared_distances(products)
        left, weights = list(range(given.files)), np.zeros(given.files)  # (n,)
        for _ in range(given.files - 2 * malicious):
            scores = krum_scores(distances[np.ix_(left, left)], malicious) if len(left) > 1 else np.zeros(1)
            weights[left.pop(int(np.argmin(scores)))] = 1.0
        return weights

    def combine(self, updates: Doubles, weights: Doubles, given: Round) -> Doubles:
        """Return the mean of the values nearest to each column's median, among the chosen updates."""
        chosen = np.sort(updates[weights > 0], axis=0)  # (n - 2 f, b) in ascending order: ties do not depend on files
        away = np.abs(chosen - middle(chosen))  # (n - 2 f, b)
        nearest = np.argsort(away, axis=0, kind="stable")[: len(chosen) - 2 * _malicious(given)]
        kept = np.take_along_axis(chosen, nearest, axis=0)  # (n - 4 f, b)
        return weighted(kept, np.ones(len(kept))) / len(kept)


def _malicious(given: Round) -> int:
    return given.malicious(RULES["bulyan"].stands(given.files))
