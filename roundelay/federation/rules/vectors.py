"""A rule's state as bytes: little-endian float32 vectors, one after the other. Sums in an order of their own.

numpy and BLAS add in an order that depends on the processor. The sums here add halves elementwise, so that their bits
follow from IEEE 754 alone.
"""

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


def total(x: Doubles) -> Doubles:
    """Return the sums along the last axis: the second half is added to the first until one number is left."""
    while x.shape[-1] > 1:
        half = (x.shape[-1] + 1) // 2
        folded = x[..., :half].copy()
        folded[..., : x.shape[-1] - half] += x[..., half:]
        x = folded
    return x[..., 0] if x.shape[-1] else np.zeros(x.shape[:-1])


def weighted(rows: Doubles, weights: Doubles) -> Doubles:
    """Return the sum of weights[i] * rows[i] in the order of i: (n, b), (n,) -> (b,). Rows of weight 0 are left out."""
    made = np.zeros(rows.shape[1])  # (b,)
    for row, weight in zip(rows, weights.tolist(), strict=True):
        if weight:
            made += weight * row
    return made
