"""One file's rows in the order of an epoch, gathered and cut into batches. Draws no random numbers.

Rows are gathered block by block into buffers made once, and every batch is a view of them: so the buffers do not
grow with the file, and what the steps leave in the batches is measured where it lies, once a block.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ml.data import Floats, Ints, Samples

BLOCK_BYTES = 1 << 19  # of gathered rows: they stay in the cache until they are used
_LEAST = np.finfo(np.float32).tiny  # a likelihood that has underflowed counts as this


class Batch(NamedTuple):
    """The arguments of a step (kernels.gradient_step)."""

    rows: Floats  # (size, d + 1) column 0 is 1
    columns: Floats  # (d + 1, size) the same, transposed
    labels: Ints  # (size,) positions label * size + column
    likelihood: Floats  # (size,) written by the step
    total: Floats  # (size,) written by the step


class Batches:
    """The batches of one file, for any order of its rows; the last batch is as short as it must be."""

    def __init__(self, samples: Samples, size: int) -> None:
        n, width = samples.rows, samples.features + 1
        self.size = min(size, n)
        self.tail = n % self.size  # rows of the last, short batch; 0 if there is none
        self.x = np.ones((n, width), np.float32)  # (n, d + 1)
        self.x[:, 1:] = samples.x
        self.y = samples.y  # (n,)
        block = min(n, self.size * max(1, BLOCK_BYTES // (4 * width * self.size)))
        self.rows = np.empty((block, width), np.float32)  # (block, d + 1)
        self.columns = np.empty(block * width, np.float32)  # one (d + 1, size) after the other
        self.labels, self.column = np.empty(block, np.int64), np.arange(block) % self.size  # (block,)
        self.likelihood, self.total = np.empty(block, np.float32), np.empty(block, np.float32)  # (block,)
        self.whole = [self._view(start, self.size) for start in range(0, block - self.size + 1, self.size)]
        self.short = self._view((n - self.tail) % block, self.tail)
        self.log_likelihood, self.right = 0.0, 0  # sums over the epoch, of scale * p and of right predictions

    def epoch(self, order: Ints) -> Iterator[Batch]:
        """Every row once, in this order; at its end log_likelihood and right are those of the epoch."""
        self.log_likelihood, self.right = 0.0, 0
        block = len(self.rows)
        for start in range(0, len(order), block):
            rows = order[start : start + block]  # (count,)
            yield from self._gather(rows)
            self._measure(len(rows))

    def _gather(self, order: Ints) -> list[Batch]:
        """Fill the buffers with these rows and return the batches among them."""
        count, width = len(order), self.x.shape[1]
        whole, tail = divmod(count, self.size)
        full = count - tail
        self.x.take(order, 0, self.rows[:count], "clip")  # (count, d + 1)
        self.y.take(order, 0, self.labels[:count], "clip")  # (count,)
        self.labels[:full] *= self.size
        self.labels[full:count] *= tail
        self.labels[:count] += self.column[:count]
        rows = self.rows[:full].reshape(whole, self.size, width)  # (whole, size, d + 1)
        columns = self.columns[: full * width].reshape(whole, width, self.size)  # (whole, d + 1, size)
        np.copyto(columns, rows.transpose(0, 2, 1))
        if tail:
            np.copyto(self.short.columns, self.short.rows.T)  # (d + 1, tail)
        return [*self.whole[:whole], self.short] if tail else self.whole[:whole]

    def _measure(self, count: int) -> None:
        """Add up what the steps have left. A step's best class has 1 / total: right is who has the same."""
        likelihood, total = self.likelihood[:count], self.total[:count]  # (count,)
        self.right += int(np.count_nonzero(likelihood == 1 / total))
        self.log_likelihood += float(np.log(np.maximum(likelihood, _LEAST)).sum(dtype=np.float64))

    def _view(self, start: int, size: int) -> Batch:
        end, width = start + size, self.x.shape[1]
        columns = self.columns[start * width : end * width].reshape(width, size)  # (d + 1, size)
        labels, likelihood, total = self.labels[start:end], self.likelihood[start:end], self.total[start:end]
        return Batch(self.rows[start:end], columns, labels, likelihood, total)
