"""A model's flat vector as the list of arrays that other frameworks exchange, and back.

mlp, softmax and cnn: for each layer the weights, (inputs, outputs) or (height, width, channels, outputs), then the bias
(outputs,), in the order of Keras's get_weights. An nn.Module: its state_dict, in order. Any other model: the vector.

The numbers of the vector are float32, whose integers end at 2^24. An array of integers is therefore kept as digits to
the base 256, each a number of its own: what all files agree on is exact, and a mean is the mean of the integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats
from roundelay.ml.errors import ClientFault, private

SHAPES_SHOWN = 8
DIGIT_BITS = 8

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Slot:
    """The place of one array in the vector."""

    start: int
    shape: tuple[int, ...]
    digits: int = 0  # of each integer, e.g. a count of batches; 0: an array of real numbers
    fixed: npt.NDArray[np.generic] | None = field(default=None, compare=False)  # not in the vector: always the same

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape) * max(1, self.digits) * (self.fixed is None)


def layer(start: int, inputs: tuple[int, ...], outputs: int, bias_first: bool) -> tuple[Slot, Slot]:
    """Return the slots of a layer that is one matrix in the vector, with the bias as its first or last row."""
    rows = prod(inputs)
    weights, bias = (start + outputs, start) if bias_first else (start, start + rows * outputs)
    return Slot(weights, (*inputs, outputs)), Slot(bias, (outputs,))


def cut(flat: Floats, slots: Sequence[Slot]) -> list[npt.NDArray[np.generic]]:
    """Return copies of the arrays, which the caller may change."""
    return [_array(flat[slot.start : slot.stop], slot) for slot in slots]


def join(arrays: object, slots: Sequence[Slot], base: Floats) -> npt.NDArray[np.float64]:
    """Return the vector of these arrays; the rest is as in `base`. Raises ClientFault."""
    if not isinstance(arrays, list | tuple) or len(arrays) != len(slots):
        received = f"{len(arrays)} arrays" if isinstance(arrays, list | tuple) else private(repr(arrays), 80)
        raise ClientFault(f"returned {received}, expected a list of {len(slots)}: {_shapes(slots)}")
    flat = base.astype(np.float64)  # (parameters,)
    for number, (array, slot) in enumerate(zip(arrays, slots, strict=True), 1):
        if slot.fixed is None:
            values = _checked(array, slot, f"array {number} of {len(slots)}").reshape(-1)
            flat[slot.start : slot.stop] = to_digits(values, slot.digits) if slot.digits else values
    return flat


def to_digits(values: npt.NDArray[np.generic], count: int) -> Floats:
    """Return the digits of whole numbers (n,), the lowest first; the last one has the sign: (n * count,)."""
    whole = (values if values.dtype.kind in "iub" else np.rint(values)).astype(np.int64)  # (n,)
    shifted = whole[:, None] >> (DIGIT_BITS * np.arange(count))  # (n, count)
    shifted[:, :-1] &= (1 << DIGIT_BITS) - 1
    return shifted.reshape(-1).astype(np.float32)


def from_digits(digits: npt.NDArray[np.floating], count: int) -> Whole:
    """Return the whole numbers of these digits, which may be means of digits: (n * count,) -> (n,)."""
    table = digits.reshape(-1, count).astype(np.float64)  # (n, count)
    added, rest = np.zeros(len(table), np.int64), np.zeros(len(table))  # (n,), (n,)
    for place in reversed(range(count)):
        digit = table[:, place] + rest * (1 << DIGIT_BITS)  # (n,) exact
        whole = np.floor(digit)  # (n,)
        added += whole.astype(np.int64) << (DIGIT_BITS * place)
        rest = digit - whole  # (n,)
    return added + np.rint(rest).astype(np.int64)


def _array(part: Floats, slot: Slot) -> npt.NDArray[np.generic]:
    if slot.fixed is not None:
        return slot.fixed.copy()
    return (from_digits(part, slot.digits) if slot.digits else part.copy()).reshape(slot.shape)


def _checked(array: object, slot: Slot, which: str) -> npt.NDArray[np.generic]:
    try:
        numbers = np.asarray(array)
        if numbers.dtype.kind not in ("fiub" if slot.digits else "fiu"):
            raise TypeError(f"dtype {numbers.dtype}")
    except (TypeError, ValueError, RuntimeError) as error:
        raise ClientFault(f"returned {which} that is not numeric: {private(error, 80)}") from error
    if numbers.shape != slot.shape:
        raise ClientFault(f"returned {which} with shape {numbers.shape}, expected {slot.shape}")
    if not np.isfinite(numbers).all():
        raise ClientFault(f"returned NaN or infinity in {which}: its training has diverged")
    return numbers


def _shapes(slots: Sequence[Slot]) -> str:
    more = ", ..." if len(slots) > SHAPES_SHOWN else ""
    return ", ".join(str(slot.shape) for slot in slots[:SHAPES_SHOWN]) + more
