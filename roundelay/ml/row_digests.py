"""Digests of rows, by which rows that are both trained and validated on are noticed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Labels

Digests = npt.NDArray[np.uint64]

_SEED = 0x526F756E
_NUMBERS_AT_ONCE = 1 << 17


def digest_rows(x: npt.NDArray[np.generic], y: Labels) -> Digests:
    """Return a 64-bit digest of each row of features (n, d), bytes or float32, and its label (n,): (n,).

    A multilinear hash: two rows that differ have equal digests with a chance of 2^-32.
    """
    words = x if x.dtype == np.uint8 else np.ascontiguousarray(x, "<f4").view(np.uint32)  # (n, d)
    factors = np.random.default_rng(_SEED).integers(1, 1 << 63, words.shape[1] + 1, np.uint64) | np.uint64(1)
    labels = y.astype("<f4").view(np.uint32) if y.dtype.kind == "f" else y  # (n,)
    digests: Digests = labels.astype(np.uint64) * factors[0]
    step = max(1, _NUMBERS_AT_ONCE // words.shape[1])
    for start in range(0, len(words), step):  # in steps: eight bytes a pixel are much
        digests[start : start + step] += words[start : start + step].astype(np.uint64) @ factors[1:]
    return digests


def count_shared(validation: Digests, training: Sequence[Digests]) -> tuple[int, ...]:
    """Return how many different validation rows are among the rows of each training file."""
    held_out = np.unique(validation)
    return tuple(int(np.isin(held_out, each).sum()) for each in training)
