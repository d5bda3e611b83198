"""One gradient step of the network in cnn.py, fast: every result goes into a reused buffer.

`Cnn.gradient` is the same step written plainly: the oracle of the tests, and what portable arithmetic uses. The tricks:

- arrays are (channels, height, width, n): the n samples are contiguous, so that cutting patches out of images, and
  adding their gradients back, moves runs of n numbers;
- a patch is what one 2 x 2 maximum sees, (side + 1)^2 x channels numbers, instead of four patches of side^2 x channels.
  The kernel is laid out four times, shifted, for the four convolutions in it (`_Stage.load`): up to 1.8 times the
  arithmetic and a third of the copying, in products that are wide enough for BLAS;
- the four candidates of all maxima are then four contiguous blocks: no element-wise call has a stride;
- masks are the signs of differences that are never negative, as integers: see kernels.py;
- biases are a row of ones below the patches, and below the inputs of dense layers: no separate additions or sums;
- a batch is taken ROWS_MAX samples at a time, so that the buffers stay in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from roundelay.ml.data import Floats

ROWS_MAX = 64  # samples in the buffers
POOL = 2


@dataclass(frozen=True)
class Layer:
    """The sizes of a convolution and its maximum."""

    side: int  # of the kernel
    height: int
    width: int
    channels: int
    out: int  # channels

    @property
    def convolved(self) -> tuple[int, int]:
        """Height and width after the convolution, rounded down to a multiple of POOL."""
        return ((self.height - self.side + 1) // POOL * POOL), ((self.width - self.side + 1) // POOL * POOL)

    @property
    def pooled(self) -> tuple[int, int]:
        """Height and width after the maximum."""
        return self.convolved[0] // POOL, self.convolved[1] // POOL

    @property
    def inner(self) -> int:
        """The length of a patch."""
        return self.side * self.side * self.channels


class CnnStep:
    """The buffers of a step for n samples. sizes: of the flat output of the convolutions and of each dense layer."""

    def __init__(self, layers: Sequence[Layer], sizes: Sequence[int], n: int) -> None:
        first = layers[0]
        self._image = np.empty((first.channels, first.height, first.width, n), np.float32)  # (c, h, w, n)
        self._stages = [_Stage(first, None, self._image)]
        for layer in layers[1:]:
            self._stages.append(_Stage(layer, self._stages[-1], self._stages[-1].output))
        self._inputs = [np.ones((size + 1, n), np.float32) for size in sizes[:-1]]  # (inputs + 1, n) last row: 1
        self._backs = [np.empty((size, n), np.float32) for size in sizes[:-1]]  # (inputs, n) d loss / d inputs
        self._scores = np.empty((sizes[-1], n), np.float32)  # (classes, n)

    def forward(self, x: Floats, matrices: Sequence[Floats], keeps: Sequence[Floats] = ()) -> Floats:
        """Return the scores: (n, d) -> (classes, n). keeps: dropout's factors of each hidden layer, (width, n)."""
        self._image.reshape(-1, len(x))[:] = x.T
        for stage, matrix in zip(self._stages, matrices, strict=False):
            stage.load(matrix)
            stage.forward()
        inputs, dense = self._inputs, matrices[len(self._stages) :]
        self._flat(inputs[0][:-1])[:] = self._stages[-1].output
        for place, matrix in enumerate(dense[:-1]):
            hidden = inputs[place + 1][:-1]  # (width, n)
            np.dot(matrix.T, inputs[place], hidden)
            np.maximum(hidden, 0, out=hidden)
            if keeps:
                np.multiply(hidden, keeps[place], hidden)
        np.dot(dense[-1].T, inputs[-1], self._scores)
        return self._scores

    def backward(
        self, back: Floats, matrices: Sequence[Floats], parts: Sequence[Floats], keeps: Sequence[Floats] = ()
    ) -> None:
        """Write the gradient of each matrix to `parts`, from d loss / d scores, (classes, n). Follows `forward`."""
        count = len(self._stages)
        for place in reversed(range(len(self._inputs))):
            layer, layer_back = self._inputs[place], self._backs[place]
            np.dot(layer, back.T, parts[count + place])
            np.dot(matrices[count + place][:-1], back, layer_back)
            if place:
                _where_positive(layer[:-1], layer_back, layer_back)
                if keeps:
                    np.multiply(layer_back, keeps[place - 1], layer_back)
            back = layer_back
        self._stages[-1].back[:] = self._flat(back)
        for stage, part in zip(reversed(self._stages), reversed(parts[:count]), strict=True):
            stage.backward(part)

    def _flat(self, flat: Floats) -> Floats:
        """Return a view of the inputs of the first dense layer, (h w c, n), in the order of images: (c, h, w, n)."""
        channels, height, width, n = self._stages[-1].output.shape
        return flat.reshape(height, width, channels, n).transpose(2, 0, 1, 3)


class _Stage:
    """The buffers of a convolution with its maximum and ReLU, for n samples. A cell is one maximum of one sample."""

    output: Floats  # (out, rows, columns, n)
    back: Floats  # (out, rows, columns, n) d loss / d output

    def __init__(self, layer: Layer, before: _Stage | None, source: Floats) -> None:
        """source: the images, or the output of the stage before: (c, h, w, n)."""
        self._layer, self._before = layer, before
        n, out, (rows, columns), window = source.shape[-1], layer.out, layer.pooled, layer.side + 1
        cells, inner = rows * columns * n, window * window * layer.channels
        c, h, w, one = source.strides
        self._windows = np.lib.stride_tricks.as_strided(  # of the cells, in the order of the patches
            source,
            (window, window, layer.channels, rows, columns, n),
            (h, w, c, POOL * h, POOL * w, one),
            writeable=False,
        )
        self._patches = np.ones((inner + 1, cells), np.float32)  # (inner + 1, cells) the last row stays 1
        self._patches_view = self._patches[:-1].reshape(self._windows.shape)
        self._patches_back = np.empty((inner, cells if before is not None else 0), np.float32)  # (inner, cells)
        self._kernel, self._kernel_gradient = np.zeros((2, inner + 1, POOL * POOL * out), np.float32)
        self._shifted, self._shifted_gradient = _shifted(self._kernel, layer), _shifted(self._kernel_gradient, layer)
        self._corners, self._corners_back = np.empty((2, POOL, POOL, out, cells), np.float32)  # (2, 2, out, cells)
        self._products, self._products_back = (each.reshape(-1, cells) for each in (self._corners, self._corners_back))
        self._pairs, self._pairs_back = np.empty((2, POOL, out, cells), np.float32)  # (2, out, cells) by row
        self._highest = np.empty((out, cells), np.float32)  # (out, cells)
        self.output, self.back = np.empty((2, out, rows, columns, n), np.float32)  # (out, rows, columns, n)
        self._flat_output, self._flat_back = (each.reshape(out, cells) for each in (self.output, self.back))

    def load(self, matrix: Floats) -> None:
        """Lay the kernel, (side x side x channels + 1, out), out for the four convolutions of a cell."""
        kernel = matrix[:-1].reshape(self._shifted[0].shape)
        for each in self._shifted:
            each[:] = kernel
        self._kernel[-1].reshape(POOL * POOL, -1)[:] = matrix[-1]

    def forward(self) -> None:
        """Write `output`."""
        np.copyto(self._patches_view, self._windows)
        np.dot(self._kernel.T, self._patches, self._products)  # (4 out, cells)
        np.maximum(self._corners[:, 0], self._corners[:, 1], out=self._pairs)
        np.maximum(self._pairs[0], self._pairs[1], out=self._highest)
        np.maximum(self._highest, 0, out=self._flat_output)

    def backward(self, part: Floats) -> None:
        """Write the gradient of the matrix to `part`, and that of the image to the stage before; from `back`.

        Of equal candidates, the first in the order of rows counts as the maximum.
        """
        back, (upper, lower) = self._flat_back, self._pairs_back  # (out, cells) each
        left, right = self._corners_back[:, 0], self._corners_back[:, 1]  # (2, out, cells) each
        _where_positive(self._flat_output, back, back)
        np.subtract(self._highest, self._pairs[0], self._highest)  # positive where the lower row has the maximum
        _where_positive(self._highest, back, lower)
        np.subtract(back, lower, upper)
        np.subtract(self._pairs, self._corners[:, 0], self._pairs)  # positive where the right one is larger
        _where_positive(self._pairs, self._pairs_back, right)
        np.subtract(self._pairs_back, right, left)
        np.dot(self._patches, self._products_back.T, self._kernel_gradient)  # (inner + 1, 4 out)
        first, second, third, fourth = self._shifted_gradient
        part[:-1] = (first + second + (third + fourth)).reshape(-1, self._layer.out)
        part[-1] = np.add.reduce(self._kernel_gradient[-1].reshape(POOL * POOL, -1))
        if self._before is not None:
            np.dot(self._kernel[:-1], self._products_back, self._patches_back)
            self._to_image(self._before.back)

    def _to_image(self, image_back: Floats) -> None:
        """Add the gradients of the patches to the pixels that they came from: (c, h, w, n)."""
        (rows, columns), parts = self._layer.pooled, self._patches_back.reshape(self._windows.shape)
        image_back.fill(0)
        for i in range(self._layer.side + 1):
            for j in range(self._layer.side + 1):
                image_back[:, i : i + POOL * rows : POOL, j : j + POOL * columns : POOL] += parts[i, j]


def _shifted(kernel: Floats, layer: Layer) -> list[Floats]:
    """Return views of what the four convolutions of a cell multiply: (side, side, channels, out) each."""
    side, window = layer.side, layer.side + 1
    whole = kernel[:-1].reshape(window, window, layer.channels, POOL, POOL, layer.out)
    return [whole[i : i + side, j : j + side, :, i, j] for i in range(POOL) for j in range(POOL)]


def flat_size(layers: Sequence[Layer]) -> int:
    """Return how many numbers the last convolution makes of a sample."""
    return prod(layers[-1].pooled) * layers[-1].out


def _where_positive(never_negative: Floats, x: Floats, out: Floats) -> None:
    """Write x where the first array is positive, and 0 where it is 0. Overwrites the first array."""
    mask = never_negative.view(np.uint32)
    np.sign(mask, mask)
    np.multiply(x.view(np.uint32), mask, out.view(np.uint32))
