"""The gradient of a large network, kept as the two factors of each matrix, so that it is never whole in memory.

The gradient of a layer is the product of its inputs, transposed, and of what comes back from the layer above: matrices
as narrow as a batch. A step keeps both, and an update computes some rows of the product at a time. All of the step has
read the weights by then, so that a block of them may change at once. Clipping needs the norm of the whole gradient
first, and computes the products twice.

Which blocks there are follows from the sizes of the layers. In whole tiles of BLAS they have the same bits as the whole
product. Nothing relies on that: another BLAS may round the rows of a block differently, on all nodes of a job alike.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.ml import aligned
from roundelay.ml.arithmetic import Arithmetic
from roundelay.ml.data import Array
from roundelay.ml.mlp import Architecture
from roundelay.ml.optimizers import Update

LARGE_PARAMETERS = 1 << 20  # of a network whose gradient is factored
BLOCK_NUMBERS = 1 << 20  # of the gradient that are in memory, unless one row has more
TILE_ROWS = 48  # a multiple of the rows that OpenBLAS's kernels compute together

# Makes the update of the weights in this place, from their gradient (1, numbers), with room for as many numbers more.
MakeUpdate = Callable[[slice, Array, Array], Update]


def is_large(architecture: Architecture) -> bool:
    """Return whether the gradient of a network is factored. Each of its files is trained alone then."""
    return architecture.parameters >= LARGE_PARAMETERS


@dataclass(frozen=True)
class Block:
    """Some rows of one matrix of a gradient."""

    layer: int
    rows: slice
    place: slice  # in the flat vector
    numbers: Array  # (1, rows * columns) view of the buffer that all blocks share
    matrix: Array  # (rows, columns) the same
    scratch: Array  # (1, rows * columns) view of another


class FactoredGradient:
    """The gradient of one file's network, laid out as the network's weights."""

    def __init__(self, architecture: Architecture, arithmetic: Arithmetic) -> None:
        shapes = [(fan_in + 1, fan_out) for fan_in, fan_out in architecture.shapes]
        shapes[0] = shapes[0][::-1]  # as it lies in Network
        self._arithmetic = arithmetic
        self._blocks = list(_blocks(shapes, arithmetic))
        self._factors: deque[tuple[Array, Array]] = deque(maxlen=len(shapes))  # of the last layer first

    def add(self, left: Array, right: Array, out: object = None) -> None:
        """Keep the factors of a matrix: (rows, batch) and (batch, columns). A step does so from the last layer down."""
        self._factors.append((left, right))

    def update(self, make_update: MakeUpdate, limit: float, correction: Array | None) -> Update:
        """Return an update that makes the updates of all blocks, one after the other.

        limit: the largest norm of the gradient; 0 if there is no limit. correction: (1, parameters) is added to it.
        """
        updates = [(block, make_update(block.place, block.numbers, block.scratch)) for block in self._blocks]

        def update_all() -> None:
            factor = self._factor(limit, correction) if limit else 1.0
            for block, update in updates:
                self._compute(block, correction)
                if factor != 1.0:
                    np.multiply(block.numbers, block.numbers.dtype.type(factor), block.numbers)
                update()

        return update_all

    def _factor(self, limit: float, correction: Array | None) -> float:
        """Return what shortens the gradient to this norm (optimizers.clipped); 1 if it is not longer."""
        square = 0.0
        for block in self._blocks:
            self._compute(block, correction)
            square += float(self._arithmetic.product(block.numbers, block.numbers.T)[0, 0])
        return limit / math.sqrt(square) if square > limit * limit else 1.0

    def _compute(self, block: Block, correction: Array | None) -> None:
        left, right = self._factors[len(self._factors) - 1 - block.layer]
        np.dot(left[block.rows], right, block.matrix)
        if correction is not None:
            np.add(block.numbers, correction[:, block.place], block.numbers)


def _blocks(shapes: Sequence[tuple[int, int]], arithmetic: Arithmetic) -> Iterator[Block]:
    """Yield the blocks of matrices of these shapes, from the first layer up."""
    most = max(columns * min(rows, _rows_at_once(columns)) for rows, columns in shapes)
    buffer, scratch = aligned.empty((2, most), arithmetic.dtype)  # (numbers,) each
    start = 0
    for layer, (rows, columns) in enumerate(shapes):
        for first in range(0, rows, _rows_at_once(columns)):
            count = min(rows - first, _rows_at_once(columns))
            size = count * columns
            matrix = buffer[:size].reshape(count, columns)
            part, place = slice(first, first + count), slice(start, start + size)
            yield Block(layer, part, place, buffer[None, :size], matrix, scratch[None, :size])
            start += size


def _rows_at_once(columns: int) -> int:
    rows = max(1, BLOCK_NUMBERS // columns)
    return rows // TILE_ROWS * TILE_ROWS or rows
