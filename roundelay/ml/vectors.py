"""Vectors of float32 that need not be in memory: the weights that a training starts from, while it goes on.

A slice of one is an array, so that code that computes block by block takes an array or a file.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from roundelay.ml.data import Floats
from roundelay.ml.sliced import Sliced
from roundelay.ml.temporary import file_for

NUMBER_BYTES = 4
_BLOCK = 1 << 16  # numbers that are copied at a time


class Vector(Protocol):
    """An array (parameters,), or something that returns slices of itself as arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Floats: ...


class StoredVector:
    """Numbers of a content, little-endian float32."""

    def __init__(self, content: Sliced, start: int, stop: int) -> None:
        """start, stop: the first number, and the one behind the last."""
        self._content, self._start, self._stop = content, start, stop

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, part: slice, /) -> Floats:
        start, stop, _ = part.indices(len(self))
        first, last = (NUMBER_BYTES * (self._start + at) for at in (start, max(start, stop)))
        return np.frombuffer(self._content[first:last], "<f4").astype(np.float32, copy=False)


def stored(vector: Floats) -> Vector:
    """Return the same numbers, in a file if they are many and it has room."""
    file = file_for(vector.nbytes)
    if file is None:
        return vector
    try:
        for start in range(0, len(vector), _BLOCK):
            file.write(vector[start : start + _BLOCK].astype("<f4", copy=False).data)
    except OSError:
        return vector
    return StoredVector(file, 0, len(vector))
