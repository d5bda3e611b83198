"""exp and log from operations that IEEE 754 rounds correctly, each a numpy call of its own: no libm, no fused steps.

The same bits on every machine. exp is for a softmax: its absolute error is below 2e-9, the relative one below 0.1 % for
numbers above -30. The relative error of log is 1e-15 or, near 1, its absolute one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from roundelay.ml.data import Array, Doubles
from roundelay.ml.exact_product import Refresh

EXP_MIN = -60.0  # the lowest number that exp takes
LN2, ROOT_HALF = 0.6931471805599453, 0.7071067811865476
_SQUARINGS = 6
_ATANH_TERMS = 12
_FACTORS_LEFT, _FACTORS_MAX = 16, 256  # of a product: each is at least 0.5, so that it is far from denormal


def exp_in_place(x: Array, unit: float = 1.0) -> Refresh:
    """Return a function that replaces all x by exp(unit * x), which must be from EXP_MIN to 0. unit: a power of two.

    exp(x) is the 64th power of exp(x / 64), for which the Pade approximant ((y + 3)^2 + 3) / ((y - 3)^2 + 3) is taken.
    """
    below = np.empty_like(x)
    scale, three = np.array(0.5**_SQUARINGS * unit), np.array(3.0)  # ()
    add, subtract, multiply, divide = np.add, np.subtract, np.multiply, np.divide

    def refresh() -> None:
        multiply(x, scale, x)
        subtract(x, three, below)
        add(x, three, x)
        multiply(below, below, below)
        multiply(x, x, x)
        add(below, three, below)
        add(x, three, x)
        divide(x, below, x)
        for _ in range(_SQUARINGS):
            multiply(x, x, x)

    return refresh


def exp(x: Array) -> Doubles:
    """Return exp(x) for x <= 0; below EXP_MIN that of EXP_MIN."""
    made = np.maximum(x, EXP_MIN, dtype=np.float64)
    exp_in_place(made)()
    return made


def log(x: Array) -> Doubles:
    """Return log(x) for positive x that are not denormal."""
    m, e = np.frexp(np.asarray(x, np.float64))
    is_small = m < ROOT_HALF
    made: Doubles = _log(np.where(is_small, m * 2, m), np.where(is_small, e - 1, e))
    return made


def log_sums(x: Array) -> list[float]:
    """Return the sum of the logarithms in each row (F, n), of numbers as `log` takes them.

    It is the logarithm of their product, without their exponents. The order of the factors is that of this function.
    """
    m, e = np.frexp(np.asarray(x, np.float64))  # (F, n) each
    left, few = m.shape[1], max(_FACTORS_LEFT, m.shape[1] // _FACTORS_MAX)
    while left > few:
        half = left // 2
        np.multiply(m[:, :half], m[:, left - half : left], m[:, :half])
        left -= half
    return [_log_of_product(*row) for row in zip(m[:, :left].tolist(), e.sum(axis=1).tolist(), strict=True)]


def _log_of_product(factors: list[float], e: int) -> float:
    """Return the logarithm of 2^e times the product of numbers of at most 1."""
    m = 1.0
    for factor in factors:
        m, more = math.frexp(m * factor)
        e += more
    if m < ROOT_HALF:
        m, e = m * 2, e - 1
    return float(_log(m, e))


def _log(m: Any, e: Any) -> Any:
    """Return log(m 2^e), for m from ROOT_HALF to its double: 2 atanh((m - 1) / (m + 1)) + e ln 2."""
    ratio = (m - 1) / (m + 1)
    square, series = ratio * ratio, 0.0
    for power in range(2 * _ATANH_TERMS - 1, 0, -2):
        series = series * square
        series = series + 1 / power
    return 2 * ratio * series + e * LN2
