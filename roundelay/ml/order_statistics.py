"""Values of given ranks, by counts that can be added: a radix sort of float32 numbers that keeps only its counters.

The first pass over the rows counts their high digits, the second the low digits of those whose high digit is a
candidate's (Knuth, The Art of Computer Programming, volume 3, 5.2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints

DIGIT_BITS = 16
DIGITS = 1 << DIGIT_BITS

Keys = npt.NDArray[np.uint32]


def high_digits(values: npt.NDArray[np.floating]) -> Ints:
    """Return how often each high digit occurs: (n,) -> (DIGITS,)."""
    return np.bincount(keys_of(values) >> DIGIT_BITS, minlength=DIGITS)


def select(
    ranks: Sequence[Sequence[int]], high: Sequence[Ints], keys: Callable[[], Iterator[Keys]]
) -> list[list[float]]:
    """Return the values of these ranks, from 1 on, in each column; a column without ranks has none."""
    ends = [np.cumsum(each) for each in high]
    digits = [np.searchsorted(end, rank).tolist() for end, rank in zip(ends, ranks, strict=True)]
    low = {(place, digit): np.zeros(DIGITS, np.int64) for place, each in enumerate(digits) for digit in each}
    for block in keys():
        for (place, digit), counted in low.items():
            column = block[:, place]
            inside = column[column >> DIGIT_BITS == digit] & (DIGITS - 1)
            counted += np.bincount(inside, minlength=DIGITS)
    found = []
    for place, each in enumerate(digits):
        values = []
        for digit, rank in zip(each, ranks[place], strict=True):
            within = rank - int(ends[place][digit]) + int(high[place][digit])
            last = int(np.searchsorted(np.cumsum(low[place, digit]), within))
            values.append(_value((digit << DIGIT_BITS) | last))
        found.append(values)
    return found


def keys_of(values: npt.NDArray[np.floating]) -> Keys:
    """Return integers in the order of float32 numbers; those of NaN are above all others."""
    rounded = np.ascontiguousarray(values, np.float32) + np.float32(0)  # so that -0 is 0
    bits = rounded.view(np.uint32)
    keys = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return np.where(np.isnan(rounded), np.uint32(0xFFFFFFFF), keys)


def _value(key: int) -> float:
    """Return the float32 number of a key."""
    bits = key ^ 0x80000000 if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))
