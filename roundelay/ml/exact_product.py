"""Products and sums of matrices that have the same bits on every machine: all of their additions are exact.

The error-free transformation of Ozaki, Ogita, Oishi and Rump 2012 with one slice. Each operand is rounded to integers
of b bits, times a power of two of its own, and held in float64. A sum of K products of two such integers is at most
K * 2^2b <= 2^53, and so is every part of it: no addition rounds, whatever the kernel, blocking, order, number of
threads, or use of fused multiply-add. b is 22 for K = 257, 20 for K = 8192, 16 for a million.

Rounding needs two additions that are rounded to nearest, as IEEE 754 demands: adding 1.5 * 2^52 units leaves no bit
below one unit, and subtracting it again is exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from roundelay.ml.data import Array, Doubles

Refresh = Callable[[], None]
RefreshWithin = Callable[[float], None]  # its argument, a power of two: how many times larger than usual numbers may be

MANTISSA_BITS = 53
ROUNDED_BITS_MAX = 51
_SMALLEST = 2.0**-400  # an operand's numbers are units of at least 2^-453: no product of two is denormal
_EXPONENT = np.array(0x7FF << 52, np.int64)  # of a float64's bits: the number rounded down to a power of two


def operand_bits(inner: int) -> int:
    """Return the bits of both operands of a product with `inner` terms in each sum."""
    return (MANTISSA_BITS - (inner - 1).bit_length()) // 2


def summand_bits(terms: int) -> int:
    """Return the bits of numbers of which this many are added up; at most what `rounder` can keep."""
    return min(ROUNDED_BITS_MAX, MANTISSA_BITS - (terms - 1).bit_length())


def rounder_below(x: Array, bound: float, bits: int) -> RefreshWithin:
    """Return a function that rounds x in place, no number of which is larger than `bound`, either way."""
    usual, magic = _magic(bound, bits), np.empty(())  # ()
    add, subtract = np.add, np.subtract

    def refresh(times: float) -> None:
        magic[()] = usual * times
        add(x, magic, x)
        subtract(x, magic, x)

    return refresh


def rounder_beside(x: Array, power: Doubles, usual: float, bits: int) -> RefreshWithin:
    """Return a function that rounds each row of x (F, n) in place, whose numbers are bounded by those of another array.

    None is larger than `usual` times the double of the row's `power` (F,), which a `rounder` of that array has written.
    """
    magic, factor = np.empty((len(x), 1)), np.empty(())  # (F, 1), ()
    magic_row, usual_magic = magic[:, 0], _magic(usual, bits) * 2  # (F,)
    add, subtract, multiply = np.add, np.subtract, np.multiply

    def refresh(times: float) -> None:
        factor[()] = usual_magic * times
        multiply(power, factor, magic_row)
        add(x, magic, x)
        subtract(x, magic, x)

    return refresh


def rounder(
    source: Array, target: Array, bits: int, is_negative: bool = False, power: Doubles | None = None
) -> Refresh:
    """Return a function that rounds each row of `source` (F, n) to integers of `bits` bits times a power of two.

    `target` (F, n) may be `source` itself. A row with NaN or infinity becomes NaN. is_negative: no number is positive.
    power (F,): written, the largest power of two that is not above the largest number of each row.
    """
    largest = np.empty(len(source)) if power is None else power  # (F,)
    if len(source) == 1:
        return _row_rounder(source[0], target[0], bits, is_negative, largest)
    least = np.empty(len(source))  # (F,)
    magic, factor = np.empty((len(source), 1)), np.array(1.5 * 2.0 ** (MANTISSA_BITS - bits))  # (F, 1), ()
    magic_row, largest_bits = magic[:, 0], largest.view(np.int64)  # (F,) each
    add, subtract, multiply, mask, exponent = np.add, np.subtract, np.multiply, np.bitwise_and, _EXPONENT
    highest, lowest, maximum, negative = np.maximum.reduce, np.minimum.reduce, np.maximum, np.negative

    def refresh() -> None:
        lowest(source, 1, None, least, False, -_SMALLEST)  # type: ignore[call-overload]  # slower with keywords
        negative(least, largest)
        if not is_negative:
            highest(source, 1, None, least, False, _SMALLEST)  # type: ignore[call-overload]
            maximum(largest, least, out=largest)
        mask(largest_bits, exponent, largest_bits)
        multiply(largest, factor, magic_row)
        add(source, magic, target)
        subtract(target, magic, target)

    return refresh


def _row_rounder(source: Array, target: Array, bits: int, is_negative: bool, power: Doubles) -> Refresh:
    """Return the same for one row, with few numpy calls: they have most of the time of a small one."""
    magic = np.empty(1)  # not (): numpy 1 would compute as precisely as `source` is
    factor = 1.5 * 2.0 ** (MANTISSA_BITS - bits)
    add, subtract, highest, lowest = np.add, np.subtract, np.maximum.reduce, np.minimum.reduce

    def refresh() -> None:
        largest = -lowest(source)
        if not is_negative:
            largest = max(largest, highest(source))
        power[0] = below = _power_below(largest)
        magic[0] = below * factor
        add(source, magic, target)
        subtract(target, magic, target)

    return refresh


def _magic(largest: float, bits: int) -> float:
    """Return 1.5 * 2^52 units, of which `bits` bits reach the largest number; infinity if that is not finite."""
    return _power_below(largest) * 1.5 * 2.0 ** (MANTISSA_BITS - bits)


def _power_below(largest: float) -> float:
    """Return the largest power of two that is not above a number; infinity if that is not finite."""
    if not largest < math.inf:
        return math.inf
    return math.ldexp(0.5, math.frexp(max(largest, _SMALLEST))[1])


def rounded(x: Array, bits: int) -> Doubles:
    """Return x rounded to integers of `bits` bits times one power of two for all."""
    doubles = np.array(x, np.float64, order="C")  # a copy, of x's shape
    flat = doubles.reshape(1, -1)
    rounder(flat, flat, bits)()
    return doubles


def product(a: Array, b: Array) -> Doubles:
    """Return the exact product of both matrices, each rounded: (m, K), (K, n) -> (m, n)."""
    bits = operand_bits(a.shape[1])
    made: Doubles = rounded(a, bits) @ rounded(b, bits)
    return made


def total(x: Array, axis: int | tuple[int, ...] | None = None) -> Any:
    """Return the sum along these axes, of numbers rounded as far as an exact sum needs."""
    return rounded(x, summand_bits(max(1, x.size))).sum(axis)
