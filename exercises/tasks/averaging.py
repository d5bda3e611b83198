"""Exercise 5: federated averaging, exactly."""

from __future__ import annotations

import random
from fractions import Fraction
from types import ModuleType

import numpy as np

from exercises.students import function
from exercises.violation import require

TITLE = "A federated job"
FUNCTIONS = ("average",)
SEEDS = 100
TOLERANCE = 1e-6


def check(module: ModuleType, seed: int) -> None:
    """Average the weights of 1 to 6 files, in several orders. Raises Violation."""
    rng = random.Random(f"exercise 5 {seed}")
    draw = np.random.default_rng(seed)
    files, size = rng.randint(1, 6), rng.randint(1, 5)
    scale = rng.choice((1e-3, 1.0, 1e6))
    weights = [(draw.standard_normal(size) * scale).astype(np.float32) for _ in range(files)]
    rows = [rng.choice((1, 2, 10, 10_000)) for _ in range(files)]
    average = function(module, "average")
    found = np.asarray(average([each.copy() for each in weights], list(rows)))
    require(found.shape == (size,), "Shape", f"{files} files of {size} weights gave {found.shape}")
    require(bool(np.isfinite(found).all()), "Finite", f"rows {rows} gave {found}")
    for place in range(size):
        total = sum(Fraction(float(w[place])) * n for w, n in zip(weights, rows, strict=True))
        true = float(total / sum(rows))
        values = [float(w[place]) for w in weights]
        require(
            abs(float(found[place]) - true) <= TOLERANCE * max(abs(true), scale),
            "WeightedByRows",
            f"weights {values} of {rows} rows have the mean {true:.9g}, not {found[place]:.9g}",
        )
    for _ in range(5):
        order = rng.sample(range(files), files)
        again = np.asarray(average([weights[at].copy() for at in order], [rows[at] for at in order]))
        require(
            again.tobytes() == found.tobytes(),
            "SameBits",
            f"files in the order {order} give {again.tolist()}, in the first order {found.tolist()}: rows {rows}",
        )
