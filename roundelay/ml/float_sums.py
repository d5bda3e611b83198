"""Exact sums of float64 numbers as integers: they do not depend on order or grouping."""

from __future__ import annotations

import numpy as np

from roundelay.ml.data import Doubles

UNIT_BITS = 1074  # every finite float64 is a multiple of 2^-1074
HALF_BITS = 27  # a mantissa of 53 bits is added in two halves, whose sums stay exact in float64
BLOCK_NUMBERS = 1 << 20


def exact_sum(values: Doubles) -> int:
    """Return the sum of finite numbers in units of 2^-UNIT_BITS."""
    total = 0
    for start in range(0, len(values), BLOCK_NUMBERS):
        mantissas, exponents = np.frexp(values[start : start + BLOCK_NUMBERS])
        whole = np.ldexp(mantissas, 53).astype(np.int64)  # (n,)
        high, low = whole >> HALF_BITS, whole & ((1 << HALF_BITS) - 1)  # (n,) each
        distinct, place = np.unique(exponents, return_inverse=True)
        sums = [np.bincount(place, half.astype(np.float64), len(distinct)) for half in (high, low)]
        for exponent, upper, lower in zip(distinct.tolist(), *(each.tolist() for each in sums), strict=True):
            shift = exponent - 53 + UNIT_BITS
            units = (int(upper) << HALF_BITS) + int(lower)
            total += units << shift if shift >= 0 else units >> -shift  # a denormal's mantissa ends in zeros
    return total


def from_units(total: int, count: int = 1) -> float:
    """Return a sum, or the mean of `count` numbers, rounded once."""
    return total / (count << UNIT_BITS)
