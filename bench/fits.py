"""The straight line that fits best, with what it explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.testing.process_stats import mean, slope


@dataclass(frozen=True)
class Fit:
    """y = base + step * x, by least squares; r2 of 1 is a perfect line."""

    base: float
    step: float
    r2: float

    def __str__(self) -> str:
        return f"{self.base:.3g} {'+' if self.step >= 0 else '-'} {abs(self.step):.3g}"


def fitted(x: Sequence[float], y: Sequence[float]) -> Fit:
    """Through two points or more."""
    step = slope(x, y)
    base = mean(y) - step * mean(x)
    left = sum((b - base - step * a) ** 2 for a, b in zip(x, y, strict=True))
    spread = sum((b - mean(y)) ** 2 for b in y)
    return Fit(base, step, 1 - left / spread if spread else 1.0)
