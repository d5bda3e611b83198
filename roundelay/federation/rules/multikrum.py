"""MultiKrum: the mean of the n - f - 2 updates with the lowest Krum scores.

Blanchard, El Mhamdi, Guerraoui, Stainer, Machine learning with adversaries: Byzantine tolerant gradient descent,
NeurIPS 2017; that n - f - 2 is the largest number it can be proven for, El Mhamdi, Guerraoui, Rouault, The hidden
vulnerability of distributed learning in Byzantium, ICML 2018.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules import RULES
from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.krum import krum_scores, squared_distances
from roundelay.federation.rules.vectors import Doubles


class MultiKrum(EachRule):
    """The mean of the updates with the lowest scores."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return equal weights for the updates with the lowest scores, the first of equals, and 0 for all others."""
        malicious = given.malicious(RULES["multikrum"].stands(given.files))
        scores = krum_scores(squared_distances(products), malicious)
        kept = np.argsort(scores, kind="stable")[: max(1, given.files - malicious - 2)]
        weights = np.zeros(given.files)  # (n,)
        weights[kept] = 1.0 / len(kept)
        return weights
