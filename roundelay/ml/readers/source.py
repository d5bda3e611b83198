"""What every reader makes of the data that people have: parts whose classes are known and whose rows come in blocks.

So that a set need not fit into memory: the classes are read first, the rows are read while they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, printable
from roundelay.ml.readers.packed import Shape

Rows = npt.NDArray[Any]  # (n, d) uint8 or float32

BLOCK_BYTES = 4 << 20  # of rows, in one block
SET_ROWS_MAX = 100_000_000


@dataclass(frozen=True, eq=False)
class DatasetPart:
    """One file, or one array: it keeps together where that is how the data came."""

    name: str
    y: Ints  # (n,) classes
    blocks: Callable[[], Iterator[Rows]]  # every row, in order

    @property
    def rows(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class DataSet:
    """What was found: parts to train on and, where the set has them, parts to test on."""

    kind: str  # letters, csv, mnist, cifar10, images or npz
    training: tuple[DatasetPart, ...]
    test: tuple[DatasetPart, ...]
    features: int
    labels: tuple[str, ...]  # the name of each class
    pixels: bool  # features are bytes
    shape: Shape = ()  # channels, height, width
    skipped: tuple[str, ...] = field(default=())

    @property
    def classes(self) -> int:
        return len(self.labels)

    @property
    def row_bytes(self) -> int:
        return self.features * (1 if self.pixels else 4)


def with_test(found: DataSet, other: DataSet) -> DataSet:
    """A set whose test part is another set, read alone: its classes are found by their labels. Raises DataError."""
    if (other.features, other.pixels, other.shape) != (found.features, found.pixels, found.shape):
        raise DataError(
            "the validation data",
            None,
            f"have {other.features} features, the training data {found.features}; or images of another shape",
        )
    unknown = [label for label in other.labels if label not in found.labels]
    if unknown:
        raise DataError(
            "the validation data", None, f"have a class {printable(unknown[0], 40)!r} that the training data lack"
        )
    numbers = np.array([found.labels.index(label) for label in other.labels], np.int64)  # (classes,)
    test = tuple(DatasetPart(part.name, numbers[part.y], part.blocks) for part in (*other.training, *other.test))
    return replace(found, test=test)


def block_rows(row_bytes: int) -> int:
    """Rows in one block."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))


def array_blocks(x: Rows) -> Callable[[], Iterator[Rows]]:
    """The blocks of what is in memory already: (n, ...) as (rows, d)."""

    def blocks() -> Iterator[Rows]:
        flat = x.reshape(len(x), -1)  # (n, d)
        step = block_rows(flat.shape[1] * flat.itemsize)
        yield from (flat[start : start + step] for start in range(0, len(flat), step))

    return blocks


def digits(count: int) -> tuple[str, ...]:
    """Classes that are called by their number."""
    return tuple(map(str, range(count)))


def number_labels(names: npt.NDArray[np.generic] | list[Any]) -> tuple[Ints, tuple[str, ...]]:
    """Classes as they are called -> (their numbers, the names in order): whole numbers by size, words by alphabet."""
    texts = np.asarray(names).astype(str)  # (n,)
    distinct = np.unique(texts).tolist()
    order = sorted(distinct, key=_rank)
    place = {name: number for number, name in enumerate(order)}
    numbers = np.array([place[name] for name in distinct], np.int64)  # (classes,)
    return numbers[np.searchsorted(distinct, texts)], tuple(order)


def _rank(name: str) -> tuple[bool, float, str]:
    try:
        return False, float(name), name
    except ValueError:
        return True, 0.0, name
