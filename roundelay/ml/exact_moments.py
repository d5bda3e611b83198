"""Sums of features and squares that do not depend on order or grouping: big integers, and moments from them."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Doubles, Floats, Ints, Moments
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, NotFinite
from roundelay.ml.task import ROWS_MAX

_FLOAT_BITS = 128  # every finite float32 is below 2^128
_UNIT_BITS = 149  # every finite float32 is a multiple of 2^-149, and its square of 2^-298
_SQUARE_BITS = 2 * _UNIT_BITS
_BLOCK_NUMBERS = 1 << 16  # float64 numbers summed at a time: they stay in the cache
_FLUSH_BLOCKS = 512  # blocks of limb sums below 2^53 that int64 holds with room to spare
_ROUNDING = 1.5 * 2.0**52  # its last bit is worth 1
_FIRST_ROWS = 8
_FEW = 64  # numbers of a block that are added one by one
_SUM_BYTES_MAX = 96  # 2 * 277 bits of a square and 40 bits of the row count, with room to spare
_HEAD = struct.Struct(">QI")


@dataclass(frozen=True)
class FeatureSums:
    """Exact row count, sum and sum of squares of each feature: integers in units of 2^-149 and 2^-298."""

    rows: int
    sums: tuple[int, ...]  # (d,)
    squares: tuple[int, ...]  # (d,)

    def __add__(self, other: FeatureSums) -> FeatureSums:
        if len(self.sums) != len(other.sums):
            raise BadTask(f"sums of {len(self.sums)} features and of {len(other.sums)} cannot be added")
        sums = tuple(a + b for a, b in zip(self.sums, other.sums, strict=True))
        squares = tuple(a + b for a, b in zip(self.squares, other.squares, strict=True))
        return FeatureSums(self.rows + other.rows, sums, squares)

    def columns(self, start: int, stop: int) -> FeatureSums:
        """Return the sums of some of the features."""
        return FeatureSums(self.rows, self.sums[start:stop], self.squares[start:stop])

    def pooled(self, groups: int) -> FeatureSums:
        """Return the sums with every feature replaced by its group: for an image, all pixels of a channel."""
        if groups < 1 or len(self.sums) % groups:
            raise BadTask(f"{len(self.sums)} features cannot be divided into {groups} groups")
        size = len(self.sums) // groups
        sums = [sum(self.sums[start : start + size]) for start in range(0, len(self.sums), size)]
        squares = [sum(self.squares[start : start + size]) for start in range(0, len(self.sums), size)]
        spread = [tuple(total for total in totals for _ in range(size)) for totals in (sums, squares)]
        return FeatureSums(self.rows * size, *spread)

    def deviations(self) -> tuple[Doubles, Doubles]:
        """Return mean and standard deviation of each feature: (d,) each. The variance is computed in integers."""
        n = self.rows
        means = [s / (n << _UNIT_BITS) for s in self.sums]  # quotients of integers are correctly rounded
        spreads = [n * q - s * s for s, q in zip(self.sums, self.squares, strict=True)]
        return np.array(means), np.array([math.sqrt(v / (n * n << _SQUARE_BITS)) for v in spreads])

    def moments(self) -> Moments:
        """Return mean and standard deviation as float32; a constant feature has std 1."""
        mean, deviation = self.deviations()
        std = deviation.astype(np.float32)  # (d,)
        std[std == 0] = 1
        return Moments(mean.astype(np.float32), std)

    def to_bytes(self) -> bytes:
        """Encode rows, number of features, then each integer as its length in bytes and its big-endian bytes."""
        numbers = [n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True) for n in (*self.sums, *self.squares)]
        return _HEAD.pack(self.rows, len(self.sums)) + b"".join(bytes([len(n)]) + n for n in numbers)


def moments_of(total: FeatureSums, design: Design) -> bytes:
    """Return mean and deviation of every feature, and of a target; of images, of every channel: Moments.to_bytes."""
    if not design.shape:
        return total.moments().to_bytes()
    pixels = total.columns(0, design.features).pooled(design.shape[0]).moments()
    return pixels.joined(total.columns(design.features, design.summed).moments()).to_bytes()


def whole(total: int) -> int:
    """Return a sum of whole numbers, from its units."""
    return total >> _UNIT_BITS


def counts_of_two(sums: FeatureSums) -> tuple[int, int] | None:
    """Return how often a column has each of two values that follow one another, such as 0 and 1; None for others.

    The product of (x - low) and (x - low - 1) is 0 for these two numbers, and positive for every other whole one.
    """
    (total,), (squares,), rows = sums.sums, sums.squares, sums.rows
    low = total // (rows << _UNIT_BITS)
    if squares - ((2 * low + 1) * total << _UNIT_BITS) + (low * (low + 1) * rows << _SQUARE_BITS):
        return None
    high = whole(total) - low * rows
    return rows - high, high


def feature_sums(x: Floats) -> FeatureSums:
    """Return the exact sums over the rows of x (n, d)."""
    largest = np.maximum(x.max(axis=0, initial=0.0), -x.min(axis=0, initial=0.0))  # (d,)
    if not np.isfinite(largest).all():
        raise NotFinite("a feature is NaN or infinite")
    top = np.frexp(largest)[1].astype(np.int64)  # (d,) every |x| < 2^top
    rows = max(1, _BLOCK_NUMBERS // x.shape[1])
    sums, squares = _ColumnSums(top, rows, _UNIT_BITS), _ColumnSums(2 * top, rows, _SQUARE_BITS)
    for start in range(0, len(x), rows):
        block = x[start : start + rows].astype(np.float64)  # (rows, d)
        squares.add(block * block)  # 24 bits squared are exact in float64
        sums.add(block)
    return FeatureSums(len(x), sums.total(), squares.total())


def feature_sums_from_bytes(data: bytes) -> FeatureSums:
    """Decode what FeatureSums.to_bytes wrote. Raises BadTask for anything else."""
    if len(data) < _HEAD.size:
        raise BadTask(f"feature sums of {len(data)} bytes")
    rows, features = _HEAD.unpack_from(data)
    numbers, at = [], _HEAD.size
    while at < len(data):
        end = at + 1 + data[at]
        if not 1 <= data[at] <= _SUM_BYTES_MAX or end > len(data):
            raise BadTask(f"feature sums are truncated or damaged at byte {at}")
        numbers.append(int.from_bytes(data[at + 1 : end], "big", signed=True))
        at = end
    if not 1 <= rows <= ROWS_MAX or not features or len(numbers) != 2 * features:
        raise BadTask(f"feature sums with {len(numbers)} numbers for {features} features and {rows} rows")
    return FeatureSums(rows, tuple(numbers[:features]), tuple(numbers[features:]))


def check_feature_sums(sums: FeatureSums, rows: int, features: int) -> None:
    """Raise BadTask unless these can be the sums of `features` finite float32 values over `rows` rows."""
    if (sums.rows, len(sums.sums)) != (rows, features):
        raise BadTask(f"sums of {sums.rows} rows and {len(sums.sums)} features, expected {rows} and {features}")
    limit = rows << (_FLOAT_BITS + _UNIT_BITS)
    for total, square in zip(sums.sums, sums.squares, strict=True):
        if not (abs(total) <= limit and 0 <= square <= limit**2 and total * total <= rows * square):
            raise BadTask(f"the sums of a feature over {rows} rows contradict its squares")


class _ColumnSums:
    """Exact sums of the columns of float64 blocks.

    Each number is cut into limbs, integers of `bits` bits against an exponent that its column shares, so that the
    limbs of a block add up exactly in float64: the splitting of Ozaki et al. 2012, carried to the last bit.
    """

    def __init__(self, top: Ints, rows: int, unit_bits: int) -> None:
        """Prepare for columns of numbers below 2^top, in blocks of at most `rows`; totals count 2^-unit_bits."""
        self._top, self._unit_bits = top, unit_bits
        self._rows, self._bits = rows, 53 - rows.bit_length()
        self._limbs: list[Ints] = []  # (d,) each, from the most significant limb on
        self._ones = np.ones(rows)  # (rows,): a product with it is a sum, exact in any order
        self._rounding: list[npt.NDArray[np.float64]] = []  # (rows, d) of each limb
        self._totals = [0] * len(top)
        self._blocks = 0

    def add(self, block: npt.NDArray[np.float64]) -> None:
        """Add a block (rows, d), whose memory is used up."""
        limbs = np.empty_like(block)  # (rows, d)
        level = 0
        while not level or not self._add_few(block):  # ends: each level removes `bits` bits from every number
            if level == len(self._limbs):
                self._limbs.append(np.zeros(len(self._top), np.int64))
                rounding = np.ldexp(_ROUNDING, -self._exponents(level))  # (d,)
                self._rounding.append(np.tile(rounding, (self._rows, 1)))  # (rows, d): no broadcasting in the loop
            rounding = self._rounding[level][: len(block)]
            np.add(block, rounding, out=limbs)  # leaves no bit below the limb
            np.subtract(limbs, rounding, out=limbs)
            np.subtract(block, limbs, out=block)
            self._limbs[level] += np.ldexp(self._ones[: len(block)] @ limbs, self._exponents(level)).astype(np.int64)
            level += 1
        self._blocks += 1
        if self._blocks % _FLUSH_BLOCKS == 0:
            self._flush()

    def _add_few(self, block: npt.NDArray[np.float64]) -> bool:
        """Add what is left of a block one by one, unless it is much."""
        if np.count_nonzero(block[:_FIRST_ROWS]) > _FIRST_ROWS:
            return False  # most blocks: not worth a look at all of them
        left = np.flatnonzero(block != 0)  # of booleans: ten times as fast as of floats
        if len(left) > _FEW:
            return False
        for place, value in zip(left.tolist(), block.ravel()[left].tolist(), strict=True):
            numerator, denominator = value.as_integer_ratio()
            self._totals[place % len(self._top)] += (numerator << self._unit_bits) // denominator
        return True

    def total(self) -> tuple[int, ...]:
        """Return each column's sum in units of 2^-unit_bits."""
        self._flush()
        return tuple(self._totals)

    def _exponents(self, level: int) -> Ints:
        """Return the powers of two that make the limbs of a level integers: (d,)."""
        exponents: Ints = self._bits * (level + 1) - self._top
        return exponents

    def _flush(self) -> None:
        for level, limbs in enumerate(self._limbs):
            shifts = self._unit_bits - self._exponents(level)
            for column, (limb, shift) in enumerate(zip(limbs.tolist(), shifts.tolist(), strict=True)):
                self._totals[column] += limb << shift if shift >= 0 else limb >> -shift
            limbs.fill(0)
