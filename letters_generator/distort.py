"""Random distortion of a glyph: magnification, aspect, warp. Integers only: equal on every machine.

Frey and Slate (1991) magnified, widened and warped their letters too; the ranges below are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from letters_generator.fonts import QUARTERS, Segments

MILLI = 1000
SUBPIXELS = 256  # distorted coordinates are in 1/256 pixel
PIXELS_PER_UNIT_MILLI = 1500  # at magnification 1: a capital, 21 units high, is 31.5 pixels high

MAGNIFICATION_MILLI = (1000, 1600)
ASPECT_MILLI = (1000, 1500)  # of the horizontal dimension, on top of the magnification
WARP_MILLI = (-300, 300)  # at 300 a model's error is about that on the original; beyond +-500 letters fold over


@dataclass(frozen=True)
class Distortion:
    """The distortion of one glyph, in thousandths."""

    magnification_milli: int
    aspect_milli: int
    warp_x_milli: int
    warp_y_milli: int


def uniform(chance: Random, low: int, high: int) -> int:
    """Draw an integer in [low, high], by random(), whose stream is the same in every version of Python."""
    return low + int(chance.random() * (high - low + 1))


def random_distortion(chance: Random) -> Distortion:
    return Distortion(
        magnification_milli=uniform(chance, *MAGNIFICATION_MILLI),
        aspect_milli=uniform(chance, *ASPECT_MILLI),
        warp_x_milli=uniform(chance, *WARP_MILLI),
        warp_y_milli=uniform(chance, *WARP_MILLI),
    )


def distort(segments: Segments, distortion: Distortion) -> Segments:
    """Distort segments, from quarter units to 1/256 pixels; only their ends are warped, so they stay straight."""
    size_y = PIXELS_PER_UNIT_MILLI * distortion.magnification_milli
    size_x = size_y * distortion.aspect_milli // MILLI
    x = _scale(_warp(segments[..., 0], distortion.warp_x_milli), size_x)  # (n, 2)
    y = _scale(_warp(segments[..., 1], distortion.warp_y_milli), size_y)  # (n, 2)
    return np.stack([x, y], axis=-1)  # (n, 2, 2)


def _warp(at: NDArray[np.int64], warp_milli: int) -> NDArray[np.int64]:
    """Return 2 * (at + warp * (1 - u^2) * half) in thousandths.

    `half` is half the range of `at`, and u runs from -1 to 1 over this range, so the quadratic keeps the ends of the
    range in place and pushes its middle to one side.
    """
    low, high = int(at.min()), int(at.max())
    span = high - low
    middle = 2 * at - (low + high)  # (n, 2), span * u
    bulge = warp_milli * (span * span - middle * middle) // max(span, 1)  # (n, 2)
    return MILLI * 2 * at + bulge


def _scale(doubled_milli: NDArray[np.int64], pixels_per_unit_micro: int) -> NDArray[np.int64]:
    return doubled_milli * pixels_per_unit_micro * SUBPIXELS // (2 * QUARTERS * MILLI**3)
