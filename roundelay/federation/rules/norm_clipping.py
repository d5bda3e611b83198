"""Norm clipping: FedAvg of updates that are shortened to a largest norm.

Sun, Kairouz, Suresh, McMahan, Can you really backdoor federated learning?, 2019 (arXiv 1911.07963): each update is
multiplied by min(1, M / norm). M is --norm-limit or, with 0, the median of the round's norms, which no attacker moves
far. It bounds what a file can do; it does not see in which direction it pulls.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles


class NormClipping(EachRule):
    """The mean by rows, with long updates shortened."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return each file's share of the rows, times the factor that shortens its update."""
        norms = np.sqrt(np.diagonal(products))  # (n,)
        limit = given.tuning.norm_limit or float(np.median(norms))
        factors = np.where(norms > limit, limit / np.where(norms > 0, norms, 1.0), 1.0)  # (n,)
        made: Doubles = factors * given.shares
        return made
