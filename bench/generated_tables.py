"""Seeded tables of many kinds, for the benchmark of defaults: normal, binary, sparse, heavy-tailed, correlated, noisy.

Classes are gaussian clusters at corners of a hypercube, among features of noise (Guyon, Design of experiments for the
NIPS 2003 variable selection benchmark); the other kinds are made from these.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLUSTERS = 2  # of each class
INFORMATIVE_MAX = 20  # features
NOISY_SHARE = 0.3  # of the labels
RARE_SHARE = 1 / 51  # of the rare class: 1 to 50


@dataclass(frozen=True)
class GeneratedTable:
    """A table: its kind, its size and the seed that makes it."""

    kind: str
    rows: int
    features: int
    classes: int
    seed: int = 0

    @property
    def name(self) -> str:
        """The table's name in results."""
        return f"{self.kind} {self.rows:,} x {self.features:,}, {self.classes} classes"

    def make(self, more: int = 0) -> tuple[Doubles, Ints]:
        """Return the features (n, d) and the class (n,) of each row, and of `more` rows of the same kind."""
        rng = np.random.default_rng([self.seed, self.rows, self.features, self.classes])
        return KINDS[self.kind](replace(self, rows=self.rows + more), rng)


def _normal(table: GeneratedTable, rng: np.random.Generator, rare: float = 0.0) -> tuple[Doubles, Ints]:
    shares = [rare, *[(1 - rare) / (table.classes - 1)] * (table.classes - 1)] if rare else None
    y = rng.choice(table.classes, table.rows, p=shares)  # (n,)
    groups = CLUSTERS * table.classes
    count = min(table.features, max(math.ceil(math.log2(groups)), min(INFORMATIVE_MAX, table.features // 2)))
    corners = rng.choice([-1.0, 1.0], (groups, count))  # (groups, count)
    shapes = rng.uniform(-1, 1, (groups, count, count))  # (groups, count, count)
    group = CLUSTERS * y + rng.integers(CLUSTERS, size=table.rows)  # (n,)
    x = rng.standard_normal((table.rows, table.features))  # (n, d)
    for each in range(groups):
        x[group == each, :count] = x[group == each, :count] @ shapes[each] + corners[each]
    return x[:, rng.permutation(table.features)], y


def _binary(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    x, y = _normal(table, rng)
    return (x > np.median(x, axis=0)).astype(np.float64), y


def _sparse(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    """Draw counts of words, each class with words of its own."""
    words = rng.dirichlet(np.full(table.features, 0.05), table.classes)  # (k, d)
    y = rng.integers(table.classes, size=table.rows)  # (n,)
    return rng.poisson(20 * (0.3 * words[y] + 0.7 / table.features)).astype(np.float64), y


def _heavy(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    """Draw log-normal features in units from a millionth to a million."""
    x, y = _normal(table, rng)
    return np.exp(1.5 * x / x.std(axis=0)) * 10.0 ** rng.uniform(-6, 6, table.features), y


def _correlated(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    """Draw a few features, and mixtures of them."""
    few = max(4, table.features // 5)
    x, y = _normal(GeneratedTable("normal", table.rows, few, table.classes), rng)
    mixed = x @ rng.standard_normal((few, table.features - few))  # (n, d - few)
    return np.concatenate([x, mixed + 0.1 * rng.standard_normal(mixed.shape)], axis=1), y


def _imbalanced(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    return _normal(table, rng, RARE_SHARE)


def _noisy(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    x, y = _normal(table, rng)
    wrong = rng.random(table.rows) < NOISY_SHARE
    return x, np.where(wrong, rng.integers(table.classes, size=table.rows), y)


def _noise(table: GeneratedTable, rng: np.random.Generator) -> tuple[Doubles, Ints]:
    return rng.standard_normal((table.rows, table.features)), rng.integers(table.classes, size=table.rows)


KINDS: dict[str, Callable[[GeneratedTable, np.random.Generator], tuple[Doubles, Ints]]] = {
    "normal": _normal,
    "binary": _binary,
    "sparse": _sparse,
    "heavy-tailed": _heavy,
    "correlated": _correlated,
    "imbalanced": _imbalanced,
    "noisy": _noisy,
    "labels of noise": _noise,
}
