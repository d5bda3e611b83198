"""q-FedAvg: files with a larger loss count more, so that the model serves all of them about equally well.

Li, Sanjabi, Beirami, Smith, Fair resource allocation in federated learning, ICLR 2020, algorithm 2: with
L = 1 / eta, a file's loss F before the round and its update u, the change is
sum of L F^q u / sum of (q F^(q - 1) |L u|^2 + L F^q). q is --fairness; with q = 0 all files count the same.
"""

from __future__ import annotations

import math

import numpy as np

from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles, total

LOSS_MIN = 1e-10  # a smaller loss counts as this
DIGITS = 12  # of a power: its last bits depend on the machine


class QFedAvg(EachRule):
    """A mean by a power of the losses."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return L F^q / (sum of the denominators) for each file: (n,)."""
        q, lipschitz = given.tuning.fairness, 1.0 / given.eta
        losses = [max(loss, LOSS_MIN) for loss in given.losses.tolist()]
        powers = np.array([_power(loss, q) for loss in losses])  # (n,)
        slopes = q * powers / np.array(losses)  # (n,) q F^(q - 1)
        squares = lipschitz * lipschitz * np.diagonal(products)  # (n,)
        weights: Doubles = lipschitz * powers / float(total(slopes * squares + lipschitz * powers))
        return weights


def _power(loss: float, q: float) -> float:
    return float(f"{math.pow(loss, q):.{DIGITS}e}")
