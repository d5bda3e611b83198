"""The rows of F files of equal length in the order of an epoch, cut into batches. Draws no random numbers.

Rows are gathered block by block into reused buffers, and every batch is a view of them: memory does not grow with the
files, and what the steps write into the batches is collected once a block. All batches have one size: a short last one
is filled up with rows whose factor in the gradient is 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.data import Array, Ints, Labels, Samples
from roundelay.ml.kernels import Batch, squeeze_files
from roundelay.ml.losses import Loss

COPIED_NUMBERS = 1 << 14  # of a batch that is copied transposed; BLAS copies the operands of larger products itself
BLOCK_BYTES = 1 << 19  # of gathered batches: they stay in the cache until they are used
Dtype = type[np.floating[Any]]

_LIKELIHOOD_MIN = np.finfo(np.float32).tiny  # a likelihood that has underflowed counts as this


class Block:
    """The buffers of k consecutive batches of each of F files."""

    def __init__(
        self,
        k: int,
        files: int,
        size: int,
        width: int,
        outputs: int = 0,
        dtype: Dtype = np.float32,
        label_dtype: npt.DTypeLike = np.int64,
    ) -> None:
        """Make the buffers. outputs: of the scores that are kept, for the loss of a plugin."""
        self.rows: Array = np.empty((k, files, size, width), dtype)  # (k, F, size, d + 1)
        self.columns: Array = self.rows.swapaxes(-2, -1)  # (k, F, d + 1, size)
        self.is_copied = size * width <= COPIED_NUMBERS
        if self.is_copied:
            self.columns = np.empty_like(self.columns, order="C")
        self.labels: Labels = np.empty((k, files, size), label_dtype)  # (k, F, size)
        self.factors: Array = np.empty((k, files, size), dtype)  # (k, F, size)
        self.outcome, self.total = np.empty_like(self.factors), np.empty_like(self.factors)  # (k, F, size)
        self.scores: Array = np.empty((k, outputs, files, size), dtype)  # (k, classes, F, size)

    @property
    def size_bytes(self) -> int:
        buffers = self.rows, self.columns, self.labels, self.factors, self.outcome, self.total, self.scores
        return sum(buffer.nbytes for buffer in buffers)

    def batches(self, has_factors: bool, factors_bound: float) -> list[Batch]:
        """Return views of the buffers: each batch, of every file."""
        arrays = self.rows, self.columns, self.labels, self.factors, self.outcome, self.total
        by_batch = zip(*(squeeze_files(each, 1) for each in arrays), squeeze_files(self.scores, 2), strict=True)
        return [
            Batch(rows, columns, labels, factors if has_factors else None, factors_bound, outcome, total, scores)
            for rows, columns, labels, factors, outcome, total, scores in by_batch
        ]


class Batches:
    """The batches of F files, for any order of each file's rows."""

    def __init__(
        self,
        files: Sequence[Samples],
        size: int,
        classes: int,
        scale: float,
        tail_scale: float,
        class_weights: Sequence[float] = (),
        arithmetic: Arithmetic = NATIVE,
        own_loss: Loss | None = None,
    ) -> None:
        """Weigh each sample in its batch's gradient by `scale`, or by `tail_scale` in a short last batch.

        own_loss: that of a plugin, for which the steps leave scores.
        """
        self.own_loss = own_loss
        f, self.n, width = len(files), files[0].rows, files[0].features + 1
        self.arithmetic, dtype = arithmetic, arithmetic.dtype
        self.size, self.scale, self.tail_factor = size, dtype(scale / arithmetic.unit), dtype(tail_scale / scale)
        (self.log_scale,) = arithmetic.log_sums(np.array([[dtype(scale)]], np.float64))
        self.x: Array = np.empty((f * self.n, width), dtype)  # (F n, d + 1)
        self.x[:, 0] = 1
        np.concatenate([samples.x for samples in files], out=self.x[:, 1:])
        if (make_operands := arithmetic.rounding(self.x, f, max(width, size))) is not None:
            make_operands()
        np.multiply(self.x, arithmetic.unit, self.x)
        y, self.has_targets = np.concatenate([samples.y for samples in files]), files[0].has_targets  # (F n,)
        self.first_rows = np.arange(0, f * self.n, self.n)[:, None]  # (F, 1)
        self.factors = np.array(class_weights, dtype)[y] if class_weights else None  # (F n,)
        self.labels: Labels = y  # (F n,)
        self.starts: Ints | None = None  # (F, size) of each sample in the flat scores
        if own_loss is None and self.has_targets:
            self.labels = np.multiply(y, 2 * self.scale)
        elif own_loss is None:
            self.labels, self.starts = y * (f * size), np.arange(f * size).reshape(f, size)

        outputs = classes if own_loss is not None else 0
        sample_bytes = self.x.itemsize * (2 * width + outputs + 3) + self.labels.itemsize
        k = min(math.ceil(self.n / size), max(1, BLOCK_BYTES // (f * size * sample_bytes)))  # batches a block
        self.block = Block(k, f, size, width, outputs, dtype, self.labels.dtype)
        most = max(class_weights, default=1.0)
        self.batches = self.block.batches(bool(class_weights), _power_above(most))
        self.tail_bound = _power_above(most * float(self.tail_factor))
        self.order = np.zeros((f, k * size), np.int64)  # (F, k size) rows of x
        self.outcomes, self.best = np.empty((2, f, self.n), dtype)  # (F, n) of the labels; the largest likelihood
        self.own_losses = np.zeros((f, self.n if own_loss is not None else 0))  # (F, n)
        self.own_errors = [0] * f  # in this epoch

    def epoch(self, orders: Ints) -> Iterator[Batch]:
        """Yield every row once, in the order (F, n) of its file. Afterwards losses and accuracies are this epoch's."""
        block_rows = len(self.batches) * self.size
        for start in range(0, self.n, block_rows):
            stop = min(start + block_rows, self.n)
            yield from self._gather(orders[:, start:stop])
            self._collect(start, stop)

    def losses(self) -> list[float]:
        """Return each file's mean loss, every row measured in its own step."""
        if self.own_loss is not None:
            return [float(self.arithmetic.total(of_file)) / self.n for of_file in self.own_losses]
        if self.has_targets:
            squares = np.square(self.outcomes.astype(np.float64) / (2 * np.float64(self.scale)))  # (F, n)
            return [float(self.arithmetic.total(of_file)) / self.n for of_file in squares]
        sums = self.arithmetic.log_sums(np.maximum(self.outcomes * self.arithmetic.unit, _LIKELIHOOD_MIN))
        return [self.log_scale - of_file / self.n for of_file in sums]

    def accuracies(self) -> list[float]:
        """Return each file's share of correct rows: those whose label has the largest likelihood, 1 / total.

        No row of a regression is right or wrong: its shares are 0.
        """
        if self.has_targets:
            return [0.0] * len(self.outcomes)
        if self.own_loss is not None:
            return [1 - errors / self.n for errors in self.own_errors]
        return [float(np.count_nonzero(is_right)) / self.n for is_right in self.outcomes == self.best]

    def _gather(self, orders: Ints) -> list[Batch]:
        """Fill the block with these rows (F, count) and return its batches."""
        (files, count), size = orders.shape, self.size
        whole, tail = divmod(count, size)
        k = whole + (tail > 0)
        np.add(orders, self.first_rows, self.order[:, :count])
        self.order[:, count : k * size] = self.order[:, count - 1 : count]  # a row of the batch: no number is larger
        order = np.ascontiguousarray(self.order[:, : k * size].reshape(files, k, size).swapaxes(0, 1))  # (k, F, size)
        self.x.take(order, 0, self.block.rows[:k], "clip")
        if self.block.is_copied:
            self.block.columns[:k] = self.block.rows[:k].swapaxes(-2, -1)
        self.labels.take(order, 0, self.block.labels[:k], "clip")
        if self.starts is not None:
            np.add(self.block.labels[:k], self.starts, self.block.labels[:k])
        if self.factors is not None:
            self.factors.take(order, 0, self.block.factors[:k], "clip")
        return [*self.batches[:whole], self._short_batch(whole, tail)] if tail else self.batches[:k]

    def _short_batch(self, i: int, rows: int) -> Batch:
        """Return batch i, of which only the first `rows` count."""
        factors = self.block.factors[i]  # (F, size)
        if self.factors is None:
            factors.fill(1)
        factors[..., :rows] *= self.tail_factor
        factors[..., rows:] = 0
        return self.batches[i]._replace(factors=squeeze_files(factors), factors_bound=self.tail_bound)

    def _collect(self, start: int, stop: int) -> None:
        """Copy what the steps have written for rows start to stop of the epoch."""
        block, files, count = self.block, len(self.order), stop - start
        k = math.ceil(count / self.size)
        if self.own_loss is not None:
            self._measure(self.own_loss, k, start, stop)
            return
        self.outcomes[:, start:stop] = block.outcome[:k].swapaxes(0, 1).reshape(files, -1)[:, :count]
        if not self.has_targets:
            best = 1 / block.total[:k]  # (k, F, size)
            self.best[:, start:stop] = best.swapaxes(0, 1).reshape(files, -1)[:, :count]

    def _measure(self, own_loss: Loss, k: int, start: int, stop: int) -> None:
        """Measure rows start to stop of the epoch by the loss of a plugin, from the scores in k batches."""
        scores = self.block.scores[:k].transpose(2, 0, 3, 1)  # (F, k, size, classes)
        labels = self.block.labels[:k].swapaxes(0, 1)  # (F, k, size)
        for place, (of_file, y) in enumerate(zip(scores, labels, strict=True)):
            rows, known = of_file.reshape(-1, of_file.shape[-1])[: stop - start], y.reshape(-1)[: stop - start]
            self.own_losses[place, start:stop] = own_loss.of_rows(rows, known)
            self.own_errors[place] = own_loss.count_errors(rows, known) + (self.own_errors[place] if start else 0)


def _power_above(number: float) -> float:
    """Return a power of two that is not below a positive number, nor above its double."""
    mantissa, exponent = math.frexp(number)
    return math.ldexp(1.0, exponent - (mantissa == 0.5))
