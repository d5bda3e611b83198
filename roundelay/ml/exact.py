"""Sums of updates that do not depend on order or grouping: FedAvg in fixed point.

The federated average of McMahan et al. 2017, in integers so that a star, a tree and any failover give the same bits.
The caller decides which parts may be added: disjoint files of one round.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats, Ints
from roundelay.ml.errors import BadTask, OutOfRange, StepTooLarge
from roundelay.ml.sliced import Sliced
from roundelay.ml.task import ROWS_MAX
from roundelay.ml.training_plan import FRACTION_BITS_MAX
from roundelay.ml.vectors import Vector

CHANGE_BITS_MAX = 10  # a weight changes by less than 2^10 in one local training
LOSS_MAX, LOSS_BITS_MAX = 127.0, 20  # of a loss in exact means: the largest in nats, and the bits after its point
ONE_LOSS_BITS = 40  # after the point of a single file's loss
SUM_BITS_MAX = 62  # so that any sum over all rows of a job stays within int64

_BLOCK_WEIGHTS = 1 << 16  # of an update that are made integers at a time: they stay in the cache


def fraction_bits(total_rows: int) -> int:
    """Return the bits after the point of a job's sums: as many as int64 allows for this many rows."""
    if not 1 <= total_rows <= ROWS_MAX:
        raise OutOfRange(f"{total_rows} rows: expected 1 to {ROWS_MAX}")
    return min(FRACTION_BITS_MAX, SUM_BITS_MAX - CHANGE_BITS_MAX - (total_rows - 1).bit_length())


def check_rows(rows: int, bits: int) -> None:
    """Raise OutOfRange unless a sum over this many rows stays within int64."""
    if rows << (CHANGE_BITS_MAX + bits) > 1 << SUM_BITS_MAX:
        raise OutOfRange(f"a sum of {rows} rows with {bits} fraction bits would overflow")


def quantise(local: npt.NDArray[np.floating], base: Floats, rows: int, bits: int, steps: float = 1.0) -> Ints:
    """Return rows * (local - base) / steps in fixed point, rounded to a multiple of 2^-bits: equal on every machine.

    Raises StepTooLarge if a change does not fit.
    """
    check_rows(rows, bits)
    return np.rint(np.ldexp(weighted_change(local, base, rows, steps), bits)).astype(np.int64)  # (parameters,)


def quantised(
    local: npt.NDArray[np.floating], base: Vector, rows: int, bits: int, steps: float = 1.0
) -> Iterator[tuple[slice, Ints]]:
    """Yield the integers that `quantise` returns, block by block, each with its place: large models never have a copy.

    Raises StepTooLarge if a change does not fit.
    """
    for part in blocks_of_weights(len(base)):
        yield part, quantise(local[part], base[part], rows, bits, steps)


def blocks_of_weights(weights: int) -> Iterator[slice]:
    """Yield the places of the blocks in which this many weights are computed with."""
    for start in range(0, weights, _BLOCK_WEIGHTS):
        yield slice(start, min(weights, start + _BLOCK_WEIGHTS))


def quantised_gradient(gradient: npt.NDArray[np.floating], rows: int, bits: int) -> Iterator[tuple[slice, Ints]]:
    """Yield rows * gradient in fixed point, block by block, in the range of changes. Raises StepTooLarge."""
    try:
        yield from quantised(gradient, np.zeros(len(gradient), np.float32), rows, bits)
    except StepTooLarge as error:
        raise StepTooLarge(f"an entry of a gradient is not below 2^{CHANGE_BITS_MAX}") from error


def weighted_change(
    local: npt.NDArray[np.floating], base: Floats, rows: int, steps: float = 1.0
) -> npt.NDArray[np.float64]:
    """Return rows * (local - base) / steps. steps: at least 1. Raises StepTooLarge if a change does not fit."""
    with np.errstate(all="ignore"):
        change = local.astype(np.float64) - base.astype(np.float64)  # (parameters,)
    if not np.isfinite(change).all():
        raise StepTooLarge("weights are not finite: the training has diverged")
    largest = float(np.abs(change).max(initial=0.0))
    if largest >= 1 << CHANGE_BITS_MAX:
        raise StepTooLarge(f"a weight has changed by {largest:.6g}, 2^{CHANGE_BITS_MAX} or more")
    return rows * change if steps == 1.0 else rows * change / steps  # (parameters,)


def loss_units(loss: float, rows: int, bits: int) -> int:
    """Return rows * loss in fixed point. `bits` is that of the job's sums (fraction_bits)."""
    return rows * round(min(max(loss, -LOSS_MAX), LOSS_MAX) * (1 << _loss_bits(bits)))


def mean_loss(units: int, rows: int, bits: int) -> float:
    """Return the mean of losses from the sum of their units: correctly rounded, so that it can be undone."""
    return units / (rows << _loss_bits(bits))


def units_of_mean(mean: float, rows: int, bits: int) -> int:
    """Return the units from which mean_loss made this mean: fewer than 2^50, so rounding cannot reach the next."""
    return round(mean * rows * (1 << _loss_bits(bits)))


def _loss_bits(bits: int) -> int:
    return max(0, min(LOSS_BITS_MAX, bits - CHANGE_BITS_MAX))


def units_of_loss(loss: float) -> int:
    """Return one file's loss as an integer, which stands behind its update."""
    return round(min(max(loss, 0.0), LOSS_MAX) * (1 << ONE_LOSS_BITS))


def loss_from_units(units: int) -> float:
    """Return the loss of which these are the units; one out of range counts as the nearest in it."""
    return min(max(units / (1 << ONE_LOSS_BITS), 0.0), LOSS_MAX)


def add(total: Ints, part: Ints) -> None:
    """Add a part to a total in place. Disjoint parts of one job cannot overflow."""
    if total.shape != part.shape:
        raise OutOfRange(f"cannot add a sum of {part.size} weights to one of {total.size}")
    np.add(total, part, out=total)


def check_sum(data: Sliced, parameters: int, rows: int, bits: int) -> None:
    """Raise BadTask unless `quantise` can have given these bytes (int64) for this many rows in all."""
    if len(data) != 8 * parameters:
        raise BadTask(f"a sum of {len(data)} bytes for {parameters} weights of 8")
    if not all(is_in_range(ints_at(data, part), rows, bits) for part in blocks_of_weights(parameters)):
        raise BadTask(f"a sum over {rows} rows in which a weight has changed by 2^{CHANGE_BITS_MAX} or more")


def ints_at(data: Sliced, part: slice) -> Ints:
    """Return some of the integers (int64, little-endian) of a sum, which may be in a file."""
    return np.frombuffer(data[8 * part.start : 8 * part.stop], "<i8").astype(np.int64, copy=False)


def check_rounded_sum(data: bytes, exponents: Ints, rows: int, files: int) -> None:
    """Raise BadTask unless updates of `files` files with this many rows in all, rounded to units, can have this sum."""
    if len(data) != 8 * len(exponents):
        raise BadTask(f"a sum of {len(data)} bytes for {len(exponents)} weights of 8")
    limits = np.ldexp(float(rows), CHANGE_BITS_MAX - exponents) + files  # (parameters,)
    if (np.abs(np.frombuffer(data, "<i8").astype(np.float64)) > limits).any():
        raise BadTask(f"a sum over {rows} rows in which a weight has changed by 2^{CHANGE_BITS_MAX} or more")


def is_in_range(total: Ints, rows: int, bits: int) -> bool:
    """Return whether no weight has changed by 2^CHANGE_BITS_MAX or more, on average over the rows."""
    limit = rows << (CHANGE_BITS_MAX + bits)
    return not total.size or (-limit <= int(total.min()) and int(total.max()) <= limit)


def mean(base: Floats, total: Ints, rows: float, bits: int | Ints, steps: float = 1.0) -> Floats:
    """Return the new global weights: base + steps * total / rows, rounded once to float32.

    bits: after the point of all integers, or of each.
    """
    if total.shape != base.shape or rows <= 0:
        raise OutOfRange(f"a sum of {total.size} weights over {rows} rows, for {base.size} weights")
    made = np.empty(base.shape, np.float32)  # (parameters,)
    for part in blocks_of_weights(base.size):
        change = np.ldexp(total[part].astype(np.float64), -bits if isinstance(bits, int) else -bits[part]) / rows
        if steps != 1.0:
            change *= steps
        made[part] = base[part].astype(np.float64) + change
    return made
