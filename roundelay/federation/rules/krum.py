"""Krum: the update that lies closest to its n - f - 2 nearest neighbours is the round's change.

Blanchard, El Mhamdi, Guerraoui, Stainer, Machine learning with adversaries: Byzantine tolerant gradient descent,
NeurIPS 2017. A score is the sum of the squared distances to these neighbours; f is --malicious of the files.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules import RULES
from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles, total


class Krum(EachRule):
    """One update, the one with the lowest score."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return 1 for the update with the lowest score, the first of equals, and 0 for all others."""
        distances = squared_distances(products)
        scores = krum_scores(distances, given.malicious(RULES["krum"].stands(given.files)))
        weights = np.zeros(given.files)  # (n,)
        weights[np.argmin(scores)] = 1.0
        return weights


def squared_distances(products: Doubles) -> Doubles:
    """Return the squared distances of all pairs, from their scalar products: (n, n)."""
    squares = np.diagonal(products)  # (n,)
    return np.maximum(squares[:, None] + squares[None, :] - 2 * products, 0.0)


def krum_scores(distances: Doubles, malicious: int) -> Doubles:
    """Return each update's sum of squared distances to its n - f - 2 nearest others, at least one: (n,)."""
    n = len(distances)
    others = np.sort(distances + np.diag(np.full(n, np.inf)), axis=1)[:, : n - 1]  # (n, n - 1)
    return total(others[:, : max(1, n - malicious - 2)])
