"""A rule of single updates: mean around the median (Xie, Koyejo, Gupta, Generalized Byzantine-tolerant SGD, 2018)."""

import numpy as np

from roundelay.federation.rules.each import EachRule


class MeanAroundMedian(EachRule):
    """Of each weight's changes, the mean of those nearest to their median."""

    def combine(self, updates, weights, given):
        """Return one block's change from all files' updates in it: (n, b) -> (b,)."""
        ordered = np.sort(updates, axis=0)
        median = ordered[len(ordered) // 2]
        nearest = np.argsort(np.abs(ordered - median), axis=0, kind="stable")
        kept = nearest[: given.files - given.malicious(given.files)]
        return np.add.accumulate(np.take_along_axis(ordered, kept, axis=0))[-1] / len(kept)
