"""Inverted dropout (Srivastava et al. 2014): a share of the hidden activations becomes 0, the rest is scaled up.

Each activation takes 16 random bits from a generator of its own: the seed and the number of steps so far decide which
are dropped, and the order of the rows is the same with and without dropout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from roundelay.ml.data import Array
from roundelay.ml.kernels import squeeze_files

_STEPS = 1 << 16


class Dropout:
    """The factors of one batch's hidden activations, for each of F trainings: 0 or 1 / (1 - share)."""

    def __init__(
        self,
        sizes: Sequence[int],
        batch: int,
        share: float,
        rngs: Sequence[np.random.Generator],
        dtype: type[np.floating[Any]] = np.float32,
    ) -> None:
        self._dropped = np.uint16(min(round(share * _STEPS), _STEPS - 1))
        self._scale = dtype(_STEPS / (_STEPS - int(self._dropped)))
        self._rngs = rngs
        self._flat = np.empty((len(rngs), sum(sizes) * batch), dtype)  # (F, all sizes * batch)
        ends = np.cumsum(sizes) * batch
        self.keeps: list[Array] = [
            squeeze_files(self._flat[:, end - size * batch : end].reshape(-1, size, batch))
            for size, end in zip(sizes, ends, strict=True)
        ]  # (F, size, batch) each, as the kernels take them

    def skip(self, steps: int) -> None:
        """Go on after this number of steps."""
        for rng in self._rngs:
            rng.bit_generator.advance(steps * math.ceil(self._flat.shape[1] / 4))  # type: ignore[attr-defined]

    def draw(self) -> None:
        """Draw the factors of the next step into `keeps`."""
        for rng, flat in zip(self._rngs, self._flat, strict=True):
            words = rng.bit_generator.random_raw(math.ceil(flat.size / 4))  # (all sizes * batch / 4,) of 64 bits
            np.copyto(flat, words.view(np.uint16)[: flat.size] >= self._dropped)  # (all sizes * batch,)
        np.multiply(self._flat, self._scale, self._flat)
