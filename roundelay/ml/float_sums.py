"""Exact sums of float64 numbers as integers: they do not depend on order or grouping."""

from __future__ import annotations

import numpy as np

from roundelay.ml.data import Doubles

UNIT_BITS = 1074  # every finite float64 is a multiple of 2^-1074
HALF_BITS = 27  # a mantissa of 53 bits is added in two halves, whose sums stay exact in float64
BLOCK_NUMBERS = 1 << 20
TOP_BITS = 1000  # no number that is added is larger than 2^TOP_BITS, so that quotients of sums stay within float64
HEX_DIGITS_MAX = 1200  # of a sum


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


def from_hex(raw: object, count: int, is_signed: bool = True) -> int:
    """Return an exact sum of `count` numbers, written in hexadecimal. Raises ValueError for what cannot be one."""
    if not isinstance(raw, str) or len(raw) > HEX_DIGITS_MAX:
        raise ValueError("not an exact sum")
    total = int(raw, 16)
    if abs(total) > count << (TOP_BITS + UNIT_BITS) or (total < 0 and not is_signed):
        raise ValueError(f"not an exact sum of {count} numbers")
    return total


def from_units(total: int, count: int = 1) -> float:
    """Return a sum, or the mean of `count` numbers, rounded once."""
    return total / (count << UNIT_BITS)
