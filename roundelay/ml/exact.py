"""Sums that do not depend on who adds what in which order: FedAvg in fixed point, moments in big integers.

Integers make it so. Which parts may be added (disjoint files of one round) is not decided here.
"""

import math
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats, Ints, Moments
from roundelay.ml.errors import BadTask, NotFinite, OutOfRange
from roundelay.ml.task import FRACTION_BITS_MAX, ROWS_MAX

CHANGE_BITS_MAX = 10  # a weight changes by less than 2^10 in one local training
SUM_BITS_MAX = 62  # so that any sum over all rows of a job stays within int64

_UNIT_BITS = 149  # every finite float32 is a multiple of 2^-149, its square of 2^-298
_SQUARE_BITS = 2 * _UNIT_BITS
_ROWS_A_BUCKET = 1 << 14  # of squares of 48 bits, added in int64
_WHOLE_MAX = float(1 << 48)  # up to here a bucket of whole numbers is added as they are
_SUM_BYTES_MAX = 96  # 2 * 277 bits of a square, 40 of the rows, and room
_HEAD = struct.Struct(">QI")


def fraction_bits(total_rows: int) -> int:
    """Bits after the point of a job's sums: as many as int64 holds for this many rows."""
    if not 1 <= total_rows <= ROWS_MAX:
        raise OutOfRange(f"{total_rows} rows: expected 1 to {ROWS_MAX}")
    return min(FRACTION_BITS_MAX, SUM_BITS_MAX - CHANGE_BITS_MAX - (total_rows - 1).bit_length())


def check_rows(rows: int, bits: int) -> None:
    """Raise OutOfRange unless a sum over so many rows stays within its integers."""
    if rows << (CHANGE_BITS_MAX + bits) > 1 << SUM_BITS_MAX:
        raise OutOfRange(f"{rows} rows do not fit into a sum with {bits} fraction bits")


def quantise(local: npt.NDArray[np.floating], base: Floats, rows: int, bits: int) -> Ints:
    """rows * (local - base) in fixed point; exact to 2^-bits, and the same everywhere."""
    with np.errstate(all="ignore"):
        change = local.astype(np.float64) - base.astype(np.float64)  # (parameters,)
    if not np.isfinite(change).all():
        raise NotFinite("weights are no longer finite: the training has diverged, try a smaller eta")
    largest = float(np.abs(change).max(initial=0.0))
    if largest >= 1 << CHANGE_BITS_MAX:
        raise OutOfRange(f"a weight has changed by {largest:.6g}, 2^{CHANGE_BITS_MAX} or more: try a smaller eta")
    check_rows(rows, bits)
    return np.rint(np.ldexp(rows * change, bits)).astype(np.int64)  # (parameters,)


def add(total: Ints, part: Ints) -> None:
    """Add a part to a total in place. Sums of one job's disjoint parts cannot overflow."""
    if total.shape != part.shape:
        raise OutOfRange(f"a sum of {part.size} weights does not fit one of {total.size}")
    np.add(total, part, out=total)


def mean(base: Floats, total: Ints, rows: int, bits: int) -> Floats:
    """New global weights: base + total / rows, rounded once to float32."""
    if total.shape != base.shape or rows < 1:
        raise OutOfRange(f"a sum of {total.size} weights over {rows} rows, for {base.size} weights")
    change = np.ldexp(total.astype(np.float64), -bits) / rows  # (parameters,)
    return (base.astype(np.float64) + change).astype(np.float32)  # (parameters,)


@dataclass(frozen=True)
class FeatureSums:
    """Row count, sum and sum of squares of each feature, exactly: integers in units of 2^-149 and 2^-298."""

    rows: int
    sums: tuple[int, ...]  # (d,)
    squares: tuple[int, ...]  # (d,)

    def __add__(self, other: "FeatureSums") -> "FeatureSums":
        if len(self.sums) != len(other.sums):
            raise BadTask(f"sums of {len(self.sums)} features and of {len(other.sums)} cannot be added")
        sums = tuple(a + b for a, b in zip(self.sums, other.sums, strict=True))
        squares = tuple(a + b for a, b in zip(self.squares, other.squares, strict=True))
        return FeatureSums(self.rows + other.rows, sums, squares)

    def pooled(self, groups: int) -> "FeatureSums":
        """Every feature with the sums of its whole group: of an image, the pixels of one channel."""
        size = len(self.sums) // groups
        if groups < 1 or size * groups != len(self.sums):
            raise BadTask(f"{len(self.sums)} features in {groups} groups")
        sums = [sum(self.sums[start : start + size]) for start in range(0, len(self.sums), size)]
        squares = [sum(self.squares[start : start + size]) for start in range(0, len(self.sums), size)]
        spread = [tuple(total for total in totals for _ in range(size)) for totals in (sums, squares)]
        return FeatureSums(self.rows * size, *spread)

    def moments(self) -> Moments:
        """Mean and standard deviation, the variance computed in integers; a constant feature has std 1."""
        n = self.rows
        means = [s / (n << _UNIT_BITS) for s in self.sums]  # Python rounds quotients of integers correctly
        spreads = [n * q - s * s for s, q in zip(self.sums, self.squares, strict=True)]
        std = np.array([math.sqrt(v / (n * n << _SQUARE_BITS)) for v in spreads]).astype(np.float32)  # (d,)
        std[std == 0] = 1
        return Moments(np.array(means).astype(np.float32), std)

    def to_bytes(self) -> bytes:
        """Rows and number of features, then each integer as its length in bytes and its big-endian bytes."""
        numbers = [n.to_bytes(n.bit_length() // 8 + 1, "big", signed=True) for n in (*self.sums, *self.squares)]
        return _HEAD.pack(self.rows, len(self.sums)) + b"".join(bytes([len(n)]) + n for n in numbers)


def feature_sums(x: Floats) -> FeatureSums:
    """The exact sums over the rows of x (n, d)."""
    if not np.isfinite(x).all():
        raise NotFinite("a feature is NaN or infinite")
    sums, squares = [0] * x.shape[1], [0] * x.shape[1]
    for start in range(0, len(x), _ROWS_A_BUCKET):
        block = x[start : start + _ROWS_A_BUCKET].astype(np.float64)  # (rows, d)
        _add_exactly(sums, block, 24, _UNIT_BITS)
        _add_exactly(squares, block * block, 48, _SQUARE_BITS)  # 24 bits squared are exact in float64
    return FeatureSums(len(x), tuple(sums), tuple(squares))


def feature_sums_from_bytes(data: bytes) -> FeatureSums:
    """The sums that to_bytes wrote; raises BadTask for anything else."""
    if len(data) < _HEAD.size:
        raise BadTask(f"feature sums of {len(data)} bytes")
    rows, features = _HEAD.unpack_from(data)
    numbers, at = [], _HEAD.size
    while at < len(data):
        end = at + 1 + data[at]
        if not 1 <= data[at] <= _SUM_BYTES_MAX or end > len(data):
            raise BadTask(f"feature sums that break off at byte {at}")
        numbers.append(int.from_bytes(data[at + 1 : end], "big", signed=True))
        at = end
    if not 1 <= rows <= ROWS_MAX or not features or len(numbers) != 2 * features:
        raise BadTask(f"feature sums with {len(numbers)} numbers for {features} features and {rows} rows")
    return FeatureSums(rows, tuple(numbers[:features]), tuple(numbers[features:]))


def _add_exactly(sums: list[int], values: npt.NDArray[np.float64], bits: int, unit_bits: int) -> None:
    """Add the columns of values, floats of so many bits, to sums in units of 2^-unit_bits."""
    if np.abs(values).max(initial=0.0) < _WHOLE_MAX and (np.rint(values) == values).all():  # letters, pixels, counts
        for feature, total in enumerate(values.astype(np.int64).sum(axis=0).tolist()):
            sums[feature] += total << unit_bits
        return
    mantissas, exponents = np.frexp(values)  # (n, d), (n, d)
    whole = np.ldexp(mantissas, bits).astype(np.int64)  # (n, d) |whole| < 2^bits
    for exponent in np.unique(exponents).tolist():
        bucket = np.where(exponents == exponent, whole, 0).sum(axis=0)  # (d,) within int64
        shift = exponent - bits + unit_bits
        for feature, total in enumerate(bucket.tolist()):
            sums[feature] += total << shift if shift >= 0 else total >> -shift
