"""Rounded updates (--compress int8, int4, topk): what a job's updates are rounded to, and the step as small integers.

Every file's update is rounded to integers of agreed units (roundelay.ml.rounding), and so is the server's step, which
trainers are then sent as a delta to the weights that they have (roundelay.store.delta). Units are powers of two, one
for a block of weights. Those of a round follow from the round before it, and stand in the state that its RESULT names:
any driver continues with the same ones. The state of a job's rule follows behind them.

A block's unit is chosen so that the mean size of a file's entry comes to a number of units that the setting names. The
driver knows only the sum; the mean size of its entries, divided by the number of files, stands for that of an update's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from roundelay.federation.errors import BadRecord
from roundelay.federation.rules.vectors import Doubles, Floats, total
from roundelay.federation.spec import JobSpec
from roundelay.ml.exact import fraction_bits
from roundelay.ml.rounding import BLOCK, UNIT_MAX, UNIT_MIN, blocks, exponents, rounded
from roundelay.ml.task import SERVER, local_seed
from roundelay.store.delta import EXPONENT_MAX, EXPONENT_MIN, delta_bytes

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Precision:
    """The mean size, in units, that is aimed at. update: of a file's entries. step: of the server's."""

    update: float
    step: float

    def of_files(self, files: int) -> float:
        """Return the size that is aimed at in a round of some files: that of their sum is SUM_MIN at least."""
        return max(self.update, SUM_MIN / files)


PRECISIONS = {"int8": Precision(4.0, 8.0), "int4": Precision(0.5, 1.0), "topk": Precision(1 / 40, 1 / 3)}
SUM_MIN = 0.8  # with less, the rounding of few files is larger than what training takes back in a round
FIRST_CHANGE = 1 / 16  # of the first round's updates to the size of the initial weights: only their precision varies
_HALF_OCTAVE = 2.0**0.5  # so that frexp rounds an exponent to the nearest


@dataclass(frozen=True)
class RoundedState:
    """What the state of a round with rounded updates consists of.

    units: of the next round's updates. step: the exponents by which the round's step was rounded; empty before the
    first round. rule: the state of the job's rule.
    """

    units: bytes
    step: bytes = b""
    rule: bytes = b""

    def to_bytes(self) -> bytes:
        return self.units + self.step + self.rule


def state_of(spec: JobSpec, base: bytes, state: bytes) -> RoundedState:
    """Return the state after a round with these weights; before the first round there is none. Raises BadRecord."""
    if not state:
        return RoundedState(_first_units(spec, np.frombuffer(base, "<f4").astype(np.float64)))
    count = blocks(len(base) // 4)
    if len(state) < 2 * count:
        raise BadRecord(f"the state of a round with rounded updates: {len(state)} bytes, at least {2 * count}")
    return RoundedState(state[:count], state[count : 2 * count], state[2 * count :])


def next_units(spec: JobSpec, units: bytes, added: Ints, files: int) -> bytes:
    """Return the units of the next round's updates, from the sum of this one's over a number of files.

    A block in which every update was rounded to zero gets half its unit.
    """
    aim = PRECISIONS[spec.settings.compress].of_files(files)
    sizes = _sums(np.abs(added).astype(np.float64)) / _sums(np.ones(len(added)))  # (blocks,) means of absolute values
    found = np.frexp(sizes / (files * aim) * _HALF_OCTAVE)[1] - 1  # (blocks,) how many powers of two it is away
    change = np.where(sizes > 0, found, -1)
    return _limited(spec, np.frombuffer(units, np.int8) + change)


def rounded_step(spec: JobSpec, number: int, base: Floats, weights: Floats) -> tuple[Floats, bytes]:
    """Return the weights after a rounded step from `base` towards `weights`, and the exponents of its units."""
    before = base.astype(np.float64)  # (parameters,)
    change = weights.astype(np.float64) - before  # (parameters,)
    sizes = _sums(np.abs(change)) / _sums(np.ones(len(change)))  # (blocks,)
    aim = PRECISIONS[spec.settings.compress].step
    found = np.where(sizes > 0, np.frexp(sizes / aim * _HALF_OCTAVE)[1] - 1, 0)  # (blocks,)
    units = np.clip(found, UNIT_MIN, UNIT_MAX).astype(np.int8).tobytes()
    powers = exponents(units, len(base))  # (parameters,)
    counts = rounded(change, powers, local_seed(spec.settings.seed, number, SERVER))  # (parameters,)
    return _stepped(before, counts, powers), units


def delta_of(base: bytes, weights: bytes, state: RoundedState) -> bytes:
    """Return the delta of a round's weights to those before it; empty if it would not give them exactly."""
    before, after = (np.frombuffer(raw, "<f4").astype(np.float64) for raw in (base, weights))  # (parameters,)
    powers = exponents(state.step, len(before))  # (parameters,)
    counts = np.rint(np.ldexp(after - before, -powers))  # (parameters,)
    if np.abs(counts).max(initial=0.0) >= 1 << 52 or _stepped(before, counts, powers).tobytes() != weights:
        return b""
    words = np.concatenate([counts.astype(np.int64), np.frombuffer(state.step, np.int8).astype(np.int64)])
    delta = words.astype("<i8").tobytes()
    assert len(delta) == delta_bytes(len(base)) and EXPONENT_MIN <= UNIT_MIN and UNIT_MAX <= EXPONENT_MAX
    return delta


def _first_units(spec: JobSpec, weights: Doubles) -> bytes:
    """Return the units of the first round: the initial weights tell what size its updates will have."""
    sizes = _sums(np.abs(weights)) / _sums(np.ones(len(weights)))  # (blocks,)
    typical = max(float(total(np.abs(weights))) / len(weights), 2.0**-20)
    rows = spec.rows / len(spec.files)
    aim = PRECISIONS[spec.settings.compress].of_files(spec.files_a_round)
    aimed = np.maximum(sizes, typical) * FIRST_CHANGE * rows / aim  # (blocks,)
    return _limited(spec, np.frexp(aimed * _HALF_OCTAVE)[1] - 1)


def _limited(spec: JobSpec, units: npt.NDArray[np.integer]) -> bytes:
    """Return units as bytes, none finer than that of a job's exact sums, which fills 64 bits."""
    limited: bytes = np.clip(units, -fraction_bits(spec.rows), UNIT_MAX).astype(np.int8).tobytes()
    return limited


def _stepped(before: Doubles, counts: npt.NDArray[np.int64] | Doubles, powers: Ints) -> npt.NDArray[np.float32]:
    return (before + np.ldexp(counts.astype(np.float64), powers)).astype("<f4")  # (parameters,)


def _sums(values: Doubles) -> Doubles:
    """Return the sum of each block: (blocks,)."""
    padded = np.zeros(blocks(len(values)) * BLOCK)  # (blocks * BLOCK,)
    padded[: len(values)] = values
    return total(padded.reshape(-1, BLOCK))
