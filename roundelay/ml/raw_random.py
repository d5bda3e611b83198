"""Random numbers from the raw words of PCG64, which numpy promises never to change; made with integers alone.

numpy keeps the right to change the streams of its own permutations and normal numbers between versions (NEP 19), and
the latter go through libm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_PARTS, _PART_VALUES = 4, 1 << 16  # each word of 64 bits is four integers of 16 bits
_MEAN = _PARTS * (_PART_VALUES - 1) // 2
_DEVIATION = math.sqrt(_PARTS * (_PART_VALUES**2 - 1) / 12)


class RawGenerator(np.random.Generator):
    """A generator whose permutations, integers and normal numbers are the same for every numpy on every machine."""

    def __init__(self, seed: int | Sequence[int]) -> None:
        super().__init__(np.random.PCG64(seed))

    def permutation(self, x: int) -> npt.NDArray[np.int64]:  # type: ignore[override]
        """Return 0 .. x - 1 in random order: (x,). Words are sorted whose last bits are these numbers: all differ."""
        last_bits = np.uint64((1 << (x - 1).bit_length()) - 1)
        keys = self.words(x)  # (x,)
        keys &= ~last_bits
        keys |= np.arange(x, dtype=np.uint64)
        keys.sort()
        keys &= last_bits
        return keys.view(np.int64)

    def standard_normal(self, size: tuple[int, ...]) -> npt.NDArray[np.float64]:  # type: ignore[override]
        """Return numbers of mean 0 and variance 1 that are almost normal: sums of four uniform ones (Irwin-Hall)."""
        parts = self.words(math.prod(size)).astype("<u8").view("<u2").reshape(*size, _PARTS)  # (..., 4)
        sums = parts.astype(np.int64).sum(axis=-1)  # (...)
        return np.asarray((sums - _MEAN) / _DEVIATION, np.float64)

    def integers(self, low: int, size: int) -> npt.NDArray[np.int64]:  # type: ignore[override]
        """Return integers from 0 to low - 1: (size,). For a small `low` all are equally probable, almost."""
        return (self.words(size) % np.uint64(low)).astype(np.int64)

    def words(self, count: int) -> npt.NDArray[np.uint64]:
        """Return raw words of 64 bits: (count,)."""
        words: Any = self.bit_generator.random_raw(count)
        return np.asarray(words, np.uint64)  # (count,)
