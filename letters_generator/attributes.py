"""The 16 attributes of a letter's bitmap, as Frey and Slate (1991) chose them, and their scaling to 0..15.

Means and correlations are fixed-point integers, not floating point, so results are equal on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from letters_generator.raster import Bitmap

BOX = ("x-box", "y-box", "width", "high", "onpix")
MOMENTS = ("x-bar", "y-bar", "x2bar", "y2bar", "xybar", "x2ybr", "xy2br")
EDGES = ("x-ege", "xegvy", "y-ege", "yegvx")
NAMES = BOX + MOMENTS + EDGES
TOP = 15  # attributes are scaled to 0..TOP
FRACTION = 1 << 20  # 1.0 in fixed point


def measure(image: Bitmap) -> list[int]:
    """Measure the unscaled attributes of a bitmap in the order of NAMES; at least one pixel must be on.

    Distances are from the centre of the box, in box widths and heights.
    """
    y, x = np.nonzero(image)  # (onpix,), (onpix,)
    left, right, low, high = (int(v) for v in (x.min(), x.max(), y.min(), y.max()))
    width, height = right - left + 1, high - low + 1
    box = image[low : high + 1, left : right + 1]  # (height, width)
    dx, dy = 2 * x - (left + right), 2 * y - (low + high)  # (onpix,), (onpix,), half pixels
    position = [left + right, low + high, width, height, len(x)]
    return position + _moments(dx, dy, width, height) + _edges(box) + _edges(box.T)


def scale(measured: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Scale each attribute linearly, its minimum to 0 and its maximum to TOP, and round: (n, 16) -> (n, 16)."""
    raw = np.array(measured, np.int64)  # (n, 16)
    least = raw.min(axis=0)  # (16,)
    span = np.maximum(raw.max(axis=0) - least, 1)  # (16,)
    scaled: NDArray[np.int64] = (2 * TOP * (raw - least) + span) // (2 * span)  # (n, 16)
    return scaled


def _moments(dx: NDArray[np.int64], dy: NDArray[np.int64], width: int, height: int) -> list[int]:
    """Return x-bar .. xy2br: the means of dx, dy, their squares and products over the pixels that are on."""
    return [
        _mean((dx**a * dy**b).sum(dtype=np.int64), len(dx) * (2 * width) ** a * (2 * height) ** b)
        for a, b in ((1, 0), (0, 1), (2, 0), (0, 2), (1, 1), (2, 1), (1, 2))
    ]


def _edges(box: Bitmap) -> list[int]:
    """Return x-ege and xegvy: the mean number of edges in a row, and the sum of their y divided by the rows.

    An edge is a pixel that is on, with none to its left. For the transposed box, return y-ege and yegvx.
    """
    rows = len(box)
    starts = box.copy()  # (rows, columns)
    starts[:, 1:] &= ~box[:, :-1]
    counts = np.count_nonzero(starts, axis=1)  # (rows,)
    places = 2 * np.arange(rows) - (rows - 1)  # (rows,), half pixels from the centre
    return [_mean(counts.sum(), rows), _mean((counts * places).sum(), 2 * rows * rows)]


def _mean(total: np.integer, count: int) -> int:
    """Return total / count in fixed point, rounded down."""
    return FRACTION * int(total) // count
