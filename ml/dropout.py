"""Dropout (Srivastava et al. 2014), inverted: a part of the hidden activations becomes 0, the rest is scaled up.

Drawn as 16 random bits for each activation, from a generator of its own: a seed and the number of steps before
decide which are dropped, so that the rows' order stays what it is without dropout.
"""

from collections.abc import Sequence

import numpy as np

from ml.data import Floats

_STEPS = 1 << 16


class Dropout:
    """The factors of one batch's hidden activations: 0 or 1 / (1 - share)."""

    def __init__(self, sizes: Sequence[int], batch: int, share: float, rng: np.random.Generator) -> None:
        self._dropped = np.uint16(min(round(share * _STEPS), _STEPS - 1))
        self._scale = np.float32(_STEPS / (_STEPS - int(self._dropped)))
        self._rng = rng
        self._flat = np.empty(sum(sizes) * batch, np.float32)  # (all sizes * batch,)
        ends = np.cumsum(sizes) * batch
        self.keeps: list[Floats] = [
            self._flat[end - size * batch : end].reshape(size, batch) for size, end in zip(sizes, ends, strict=True)
        ]

    def draw(self) -> None:
        """Fill keeps anew."""
        bits = np.frombuffer(self._rng.bytes(2 * self._flat.size), np.uint16)  # (all sizes * batch,)
        np.multiply(bits >= self._dropped, self._scale, out=self._flat)
