"""Drawing of line segments with a square pen into a bitmap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from letters_generator.distort import SUBPIXELS
from letters_generator.fonts import Segments

Bitmap = NDArray[np.bool_]  # (height, width); row 0 is the lowest


def rasterise(segments: Segments, pen_px: int) -> Bitmap:
    """Draw segments, in 1/256 pixels and not negative, into the smallest image that holds them."""
    x, y = _points(segments)
    image = np.zeros((int(y.max()) + pen_px, int(x.max()) + pen_px), np.bool_)  # (height, width)
    image[y, x] = True
    return _broaden(_broaden(image, pen_px).T, pen_px).T


def _points(segments: Segments) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels under the segments, sampled in steps of at most a pixel: x (m,), y (m,)."""
    start, end = segments[:, 0, :, None], segments[:, 1, :, None]  # (n, 2, 1)
    steps = int(np.abs(end - start).max()) // SUBPIXELS + 1
    walked = np.arange(steps + 1)  # (steps + 1,)
    along = (start * (steps - walked) + end * walked) // (steps * SUBPIXELS)  # (n, 2, steps + 1)
    return along[:, 0].ravel(), along[:, 1].ravel()


def _broaden(image: Bitmap, pen_px: int) -> Bitmap:
    """Smear every row of pixels over the next pen_px - 1 rows."""
    broad = image.copy()  # (height, width)
    for shift in range(1, pen_px):
        broad[shift:] |= image[:-shift]
    return broad
