"""FLTrust: an update counts by its cosine with that of a trusted file, and is scaled to the norm of that.

Cao, Fang, Liu, Gong, FLTrust: Byzantine-robust federated learning via trust bootstrapping, NDSS 2021: the trust score
is max(0, cosine), and the change is the mean of the scaled updates by these scores. The root data set is one of the
job's files (--trusted NAME), which does not count itself; a round in which nobody is trusted changes nothing.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.each import EachRule, Round
from roundelay.federation.rules.vectors import Doubles, total


class FLTrust(EachRule):
    """The mean of the others by trust."""

    uses_products = True

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return trust / (sum of trust) * norm of the trusted update / norm of each update: (n,)."""
        root = given.trusted
        if root < 0:  # its site is away: nobody can be trusted
            return np.zeros(given.files)
        norms = np.sqrt(np.diagonal(products))  # (n,)
        lengths = np.where(norms > 0, norms, 1.0)  # (n,)
        trust = np.maximum(products[root] / lengths / lengths[root], 0.0)  # (n,)
        trust[root] = 0.0
        whole = float(total(trust))
        made: Doubles = trust / (whole or 1.0) * (norms[root] / lengths)
        return made
