"""Rules of single updates: what such a rule is, and those that ship, by name.

A rule of this kind is given the round's updates (the weights after a file's training minus those before it), block by
block of the parameters, so that no process has to hold them all. A coordinate-wise rule only combines blocks. Another
one first weighs the updates by their scalar products, which are added up over all blocks: norms, distances and cosines
follow from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from roundelay.federation.errors import WorkFailed
from roundelay.federation.rules import Tuning, malicious_files
from roundelay.federation.rules.vectors import Doubles, weighted
from roundelay.ml.errors import printable


@dataclass(frozen=True)
class Round:
    """What a rule knows of a round besides the updates; the files are in the order of their names."""

    rows: Doubles  # (n,) of each file
    tuning: Tuning
    losses: Doubles  # (n,) of the weights before the round, where the rule needs them; else (0,)
    eta: float  # of local training
    trusted: int = -1  # the place of the trusted file, where the rule has one

    @property
    def files(self) -> int:
        return len(self.rows)

    @property
    def shares(self) -> Doubles:
        """Each file's share of the rows: (n,). The sum of integers is exact."""
        made: Doubles = self.rows / self.rows.sum()
        return made

    def malicious(self, stands: int) -> int:
        """Return how many files may be malicious, at most `stands`."""
        return min(stands, malicious_files(self.tuning.malicious, self.files))


class EachRule:
    """A rule of single updates; subclass it for one of your own. It must be a pure function of its arguments.

    uses_products: whether `weigh` is called, which costs a second pass over all updates.
    """

    needs = "each"
    uses_products = False

    def weigh(self, products: Doubles, given: Round) -> Doubles:
        """Return a weight for each update (n,), from the scalar products of all pairs (n, n)."""
        return given.shares

    def combine(self, updates: Doubles, weights: Doubles, given: Round) -> Doubles:
        """Return the change of the model in one block (b,), from all updates in it (n, b)."""
        return weighted(updates, weights)


def checked_weights(rule: EachRule, name: str, products: Doubles, given: Round) -> Doubles:
    """Return what `weigh` returns. Raises WorkFailed for an error in it, or for something else."""
    try:
        weights = np.asarray(rule.weigh(products, given), np.float64)
    except WorkFailed:
        raise
    except Exception as error:
        raise WorkFailed(f"rule {name} failed: {type(error).__name__}: {printable(str(error))}") from error
    if weights.shape != (given.files,):
        raise WorkFailed(f"rule {name} returned weights of {weights.shape}, expected ({given.files},)")
    return weights


def checked_change(rule: EachRule, name: str, updates: Doubles, weights: Doubles, given: Round) -> Doubles:
    """Return what `combine` returns. Raises WorkFailed for an error in it, or for something else."""
    try:
        change = np.asarray(rule.combine(updates, weights, given), np.float64)
    except WorkFailed:
        raise
    except Exception as error:
        raise WorkFailed(f"rule {name} failed: {type(error).__name__}: {printable(str(error))}") from error
    if change.shape != updates.shape[1:]:
        raise WorkFailed(f"rule {name} returned a change of {change.shape}, expected {updates.shape[1:]}")
    return change
