"""Geometric median: the change from which the sum of the distances to all updates, by rows, is smallest.

Pillutla, Kakade, Harchaoui, Robust aggregation for federated learning, IEEE Transactions on Signal Processing 2022
(RFA): smoothed Weiszfeld steps. Every iterate is a weighted mean of the updates, so that the weights are all there is
to compute, and distances follow from the updates' scalar products.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles, total

STEPS_MAX = 1000
SETTLED = 1e-12  # the largest change of a weight that ends the steps
SMOOTHING = 1e-6  # of the median norm: distances below it count as this


class GeometricMedian(EachRule):
    """Weiszfeld's weights."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return weights of which the weighted mean of the updates is their geometric median."""
        alphas = given.shares  # (n,)
        squares = np.diagonal(products)  # (n,)
        least = SMOOTHING * float(np.sqrt(np.median(squares)))
        weights: Doubles = alphas
        for _ in range(STEPS_MAX):
            along = total(products * weights)  # (n,) of each update with the iterate
            away = np.sqrt(np.maximum(squares - 2 * along + total(weights * along), 0.0))  # (n,)
            nearer: Doubles = alphas / np.maximum(away, least or 1.0)  # (n,)
            nearer = nearer / total(nearer)
            moved = float(np.abs(nearer - weights).max())
            weights = nearer
            if moved <= SETTLED:
                break
        return weights
