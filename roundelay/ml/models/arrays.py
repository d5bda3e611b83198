"""A model's flat vector as the list of arrays that other frameworks exchange, and back.

mlp, softmax and cnn: for each layer the weights, (inputs, outputs) or (height, width, channels, outputs), then the bias
(outputs,), in the order of Keras's get_weights. An nn.Module: its state_dict, in order. Any other model: the vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats
from roundelay.ml.errors import ClientFault, printable

SHAPES_SHOWN = 8


@dataclass(frozen=True)
class Slot:
    """The place of one array in the vector."""

    start: int
    shape: tuple[int, ...]
    whole: bool = False  # holds integers, e.g. a count of batches

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape)


def layer(start: int, inputs: tuple[int, ...], outputs: int, bias_first: bool) -> tuple[Slot, Slot]:
    """Return the slots of a layer that is one matrix in the vector, with the bias as its first or last row."""
    rows = prod(inputs)
    weights, bias = (start + outputs, start) if bias_first else (start, start + rows * outputs)
    return Slot(weights, (*inputs, outputs)), Slot(bias, (outputs,))


def cut(flat: Floats, slots: Sequence[Slot]) -> list[npt.NDArray[np.generic]]:
    """Return copies of the arrays, which the caller may change."""
    parts = [(flat[slot.start : slot.stop].reshape(slot.shape), slot) for slot in slots]
    return [np.rint(part).astype(np.int64) if slot.whole else part.copy() for part, slot in parts]


def join(arrays: object, slots: Sequence[Slot], base: Floats) -> npt.NDArray[np.float64]:
    """Return the vector of these arrays; the rest is as in `base`. Raises ClientFault."""
    if not isinstance(arrays, list | tuple) or len(arrays) != len(slots):
        received = f"{len(arrays)} arrays" if isinstance(arrays, list | tuple) else printable(repr(arrays), 80)
        raise ClientFault(f"returned {received}, expected a list of {len(slots)}: {_shapes(slots)}")
    flat = base.astype(np.float64)  # (parameters,)
    for number, (array, slot) in enumerate(zip(arrays, slots, strict=True), 1):
        flat[slot.start : slot.stop] = _checked(array, slot, f"array {number} of {len(slots)}").reshape(-1)
    return flat


def _checked(array: object, slot: Slot, which: str) -> npt.NDArray[np.float64]:
    try:
        numbers = np.asarray(array)
        if numbers.dtype.kind not in "fiu":
            raise TypeError(f"dtype {numbers.dtype}")
    except (TypeError, ValueError, RuntimeError) as error:
        raise ClientFault(f"returned {which} that is not numeric: {printable(str(error), 80)}") from error
    if numbers.shape != slot.shape:
        raise ClientFault(f"returned {which} with shape {numbers.shape}, expected {slot.shape}")
    if not np.isfinite(numbers).all():
        raise ClientFault(f"returned NaN or infinity in {which}: its training has diverged")
    return numbers.astype(np.float64)


def _shapes(slots: Sequence[Slot]) -> str:
    more = ", ..." if len(slots) > SHAPES_SHOWN else ""
    return ", ".join(str(slot.shape) for slot in slots[:SHAPES_SHOWN]) + more
