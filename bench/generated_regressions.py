"""Seeded tables with a target of real numbers, to choose the defaults of regressions on: no published table decides.

Linear, additive and steep targets, with more or less noise, of numbers in any unit and of words. Friedman's are those
of Friedman, Multivariate adaptive regression splines, 1991, and Breiman, Bagging predictors, 1996.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.table_cases import TableCase

Doubles = npt.NDArray[np.float64]
Columns = list[npt.NDArray[np.generic]]
Made = tuple[Columns, Doubles, float]  # features, target without noise, and the share of its variance that is noise

SIZES = (150, 400, 1_000, 3_000)  # rows


def _linear(rows: int, rng: np.random.Generator) -> Made:
    x = rng.standard_normal((rows, 10))  # (n, d)
    return list(x.T), x @ rng.standard_normal(10), 0.1


def _noisy_linear(rows: int, rng: np.random.Generator) -> Made:
    x = rng.standard_normal((rows, 12)) * 10.0 ** rng.uniform(-3, 3, 12)  # (n, d) in any unit
    return list(x.T), x / x.std(axis=0) @ rng.standard_normal(12), 0.6


def _correlated(rows: int, rng: np.random.Generator) -> Made:
    few = rng.standard_normal((rows, 5))  # (n, 5)
    x = np.concatenate([few, few @ rng.standard_normal((5, 15)) + 0.3 * rng.standard_normal((rows, 15))], axis=1)
    return list(x.T), few @ rng.standard_normal(5) + np.square(few[:, 0]), 0.2


def _few_matter(rows: int, rng: np.random.Generator) -> Made:
    x = rng.standard_normal((rows, 40))  # (n, d)
    return list(x.T), 2 * x[:, 0] - x[:, 1] + np.abs(x[:, 2]), 0.2


def _friedman1(rows: int, rng: np.random.Generator) -> Made:
    x = rng.random((rows, 10))  # (n, d)
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return list(x.T), y, 0.05


def _friedman2(rows: int, rng: np.random.Generator) -> Made:
    x = rng.random((rows, 4)) * (100, 520 * np.pi, 1, 10) + (0, 40 * np.pi, 0, 1)  # (n, d)
    return list(x.T), np.hypot(x[:, 0], x[:, 1] * x[:, 2] - 1 / (x[:, 1] * x[:, 3])), 0.1


def _steps(rows: int, rng: np.random.Generator) -> Made:
    x = rng.random((rows, 8))  # (n, d)
    return list(x.T), 3.0 * (x[:, 0] > 0.5) + 2.0 * (x[:, 1] > 0.3) * (x[:, 2] > 0.6) + (x[:, 3] > 0.7), 0.1


def _skewed(rows: int, rng: np.random.Generator) -> Made:
    """Draw log-normal features and a log-normal target, such as prices."""
    x = rng.standard_normal((rows, 9))  # (n, d)
    return list(np.exp(x).T), np.exp(0.5 * (x @ rng.standard_normal(9)) / 2), 0.15


def _words(rows: int, rng: np.random.Generator) -> Made:
    numbers = rng.standard_normal((rows, 5))  # (n, 5)
    kinds = [rng.integers(count, size=rows) for count in (2, 3, 5, 12)]  # (n,) each
    y = numbers @ rng.standard_normal(5) + sum(rng.standard_normal(12)[each] for each in kinds)
    y += numbers[:, 0] * kinds[0]
    return [*numbers.T, *(np.array([f"w{each}" for each in kind]) for kind in kinds)], y, 0.15


KINDS: dict[str, Callable[[int, np.random.Generator], Made]] = {
    "linear": _linear,
    "noisy linear": _noisy_linear,
    "correlated": _correlated,
    "few matter": _few_matter,
    "friedman1": _friedman1,
    "friedman2": _friedman2,
    "steps": _steps,
    "skewed": _skewed,
    "words": _words,
}


def write_cases(folder: Path) -> list[TableCase]:
    """Write every table to a folder, and return them as cases of the benchmark of tables."""
    return [_write(folder, kind, rows) for kind in KINDS for rows in SIZES]


def _write(folder: Path, kind: str, rows: int) -> TableCase:
    rng = np.random.default_rng([rows, list(KINDS).index(kind)])
    columns, clean, noise = KINDS[kind](rows, rng)
    y = clean + rng.standard_normal(rows) * clean.std() * np.sqrt(noise / (1 - noise))  # (n,)
    path = folder / f"{kind.replace(' ', '-')}-{rows}.csv"
    header = ",".join([*(f"x{number}" for number in range(len(columns))), "target"])
    lines = [",".join(map(str, row)) for row in zip(*(column.tolist() for column in columns), y.tolist(), strict=True)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return TableCase(path.stem, "generated", path, True, {"task": "regression", "label": "target"})
