"""The rows of F files of one length in the order of an epoch, gathered and cut into batches. Draws no random numbers.

Rows are gathered block by block into buffers made once, and every batch is a view of them: so the buffers do not
grow with the files, and what the steps leave in the batches is collected where it lies, once a block. All batches have
one size: where the last has too few rows, others lie behind them whose part in the gradient is 0.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from roundelay.ml.data import Ints, Samples
from roundelay.ml.kernels import Batch, squeezed

BLOCK_BYTES = 1 << 20  # of gathered batches: they stay in the cache until they are used
_LEAST = np.finfo(np.float32).tiny  # a likelihood that has underflowed counts as this


class Batches:
    """The batches of F files, for any order of the rows of each."""

    def __init__(
        self,
        files: Sequence[Samples],
        size: int,
        classes: int,
        scale: float,
        tail_scale: float,
        class_weights: Sequence[float] = (),
    ) -> None:
        """Each sample's loss counts scale in its batch's gradient, and tail_scale where the last batch is short."""
        f, n, width = len(files), files[0].rows, files[0].features + 1
        self.n, self.size, self.scale = n, size, np.float32(scale)
        self.x = np.empty((f * n, width), np.float32)  # (F n, d + 1)
        self.x[:, 0] = 1
        self.y = np.empty(f * n, np.int64)  # (F n,)
        for first, samples in zip(range(0, f * n, n), files, strict=True):
            self.x[first : first + n, 1:], self.y[first : first + n] = samples.x, samples.y
        self.first_rows = np.arange(0, f * n, n)[:, None]  # (F, 1)

        k = min(math.ceil(n / size), max(1, BLOCK_BYTES // (8 * f * size * (width + classes + 1))))  # batches a block
        self.order = np.zeros((f, k * size), np.int64)  # (F, k size) places in x; 0 is one as good as any
        self.rows = np.empty((k, f, size, width), np.float32)  # (k, F, size, d + 1)
        self.columns = np.empty((k, f, width, size), np.float32)  # (k, F, d + 1, size)
        self.hot = np.empty((k, f, classes, size), np.float32)  # (k, F, classes, size)
        self.softmax = np.empty_like(self.hot)  # (k, F, classes, size)
        self.total = np.empty((k, f, 1, size), np.float32)  # (k, F, 1, size)
        self.factors = np.empty_like(self.total)  # (k, F, 1, size)
        self.first_places = np.arange(0, self.hot.size, classes * size).reshape(k, f, 1) + np.arange(size)
        self.places = np.empty((k, f, size), np.int64)  # (k, F, size) of each sample's class in hot and softmax
        self.class_weights = np.array(class_weights, np.float32)  # (classes,)
        self.tail_factor = np.float32(tail_scale / scale)
        buffers = self.rows, self.columns, self.hot, self.factors, self.softmax, self.total
        parts = [buffer[:, 0] if f == 1 else buffer for buffer in buffers]
        self.batches = list(map(Batch, *(parts if class_weights else [*parts[:3], [None] * k, *parts[4:]])))
        self.likelihood, self.best = np.empty((2, f, n), np.float32)  # (F, n) scale * p of the class that is, predicted

    def epoch(self, orders: Ints) -> Iterator[Batch]:
        """Every row once, in the order (F, n) of its file. At its end losses and accuracies are those of the epoch."""
        block = len(self.rows) * self.size
        for start in range(0, self.n, block):
            stop = min(start + block, self.n)
            yield from self._gather(orders[:, start:stop])
            self._collect(start, stop)

    def losses(self) -> list[float]:
        """Each file's mean loss, as its rows were met."""
        logs = np.log(np.maximum(self.likelihood, _LEAST)).astype(np.float64)  # (F, n)
        means: list[float] = (np.log(self.scale, dtype=np.float64) - logs.mean(axis=1)).tolist()
        return means

    def accuracies(self) -> list[float]:
        """A step's best class has 1 / total: right is who has the same."""
        right: list[float] = (self.likelihood == self.best).mean(axis=1).tolist()
        return right

    def _gather(self, orders: Ints) -> list[Batch]:
        """Fill the buffers with these rows (F, count) and return the batches of them."""
        (files, count), size = orders.shape, self.size
        whole, tail = divmod(count, size)
        k = whole + (tail > 0)
        np.add(orders, self.first_rows, self.order[:, :count])
        order = np.ascontiguousarray(self.order[:, : k * size].reshape(files, k, size).swapaxes(0, 1))  # (k, F, size)
        self.x.take(order, 0, self.rows[:k], "clip")
        np.copyto(self.columns[:k], self.rows[:k].mT)
        self._label(self.y.take(order))
        return [*self.batches[:whole], self._short(whole, tail)] if tail else self.batches[:k]

    def _label(self, labels: Ints) -> None:
        """The scale at each label (k, F, size), and what its class's rows count."""
        k = len(labels)
        hot, places = self.hot[:k], self.places[:k]
        np.multiply(labels, self.size, places)
        np.add(places, self.first_places[:k], places)
        hot.fill(0)
        hot.reshape(-1)[places] = self.scale
        if len(self.class_weights):
            self.factors[:k, :, 0] = self.class_weights[labels]

    def _short(self, i: int, tail: int) -> Batch:
        """Batch i, of whose rows only this many count."""
        factors = self.factors[i]  # (F, 1, size)
        if not len(self.class_weights):
            factors.fill(1)
        factors[..., :tail] *= self.tail_factor
        factors[..., tail:] = 0
        return self.batches[i]._replace(factors=squeezed(factors))

    def _collect(self, start: int, stop: int) -> None:
        """What the steps have left for these rows of the epoch's order."""
        files, count = len(self.order), stop - start
        k = math.ceil(count / self.size)
        softmax, total = self.softmax.reshape(-1).take(self.places[:k]), self.total[:k, :, 0]  # (k, F, size) each
        self.likelihood[:, start:stop] = softmax.swapaxes(0, 1).reshape(files, -1)[:, :count]
        self.best[:, start:stop] = (1 / total).swapaxes(0, 1).reshape(files, -1)[:, :count]
