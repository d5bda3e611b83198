"""A rule's state as bytes: little-endian float32 vectors, one after the other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from roundelay.federation.errors import BadRecord

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


def unpack(state: bytes, count: int, size: int) -> list[Doubles]:
    """Return `count` vectors of `size` elements; zeros if there is no state yet. Raises BadRecord."""
    if not state:
        return [np.zeros(size) for _ in range(count)]  # (parameters,)
    if len(state) != 4 * count * size:
        raise BadRecord(f"a rule's state of {len(state)} bytes, expected {4 * count * size}")
    return [vector.astype(np.float64) for vector in np.frombuffer(state, "<f4").reshape(count, size)]  # (parameters,)


def pack(*vectors: Doubles) -> bytes:
    """Return vectors as bytes, rounded to float32: the inverse of unpack."""
    return b"".join(vector.astype("<f4").tobytes() for vector in vectors)
