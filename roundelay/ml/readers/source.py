"""Data sets as readers return them: parts with known classes, whose rows are read in blocks.

Classes are read at once and rows only while they are being written, so a data set need not fit into memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.choices import Task
from roundelay.ml.data import Floats, Ints, Labels
from roundelay.ml.errors import DataError, printable, private
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.packed import Shape

if TYPE_CHECKING:
    from roundelay.ml.readers.table_rows import Table

OnRead = Callable[[int, int], None]  # bytes read, bytes in all
Rows = npt.NDArray[Any]  # (n, d) uint8 or float32

BLOCK_BYTES = 4 << 20  # of rows, in one block
SET_ROWS_MAX = 100_000_000
CHANNELS = (1, 3, 4)
WHOLE_CLASSES_MAX = 100  # different whole numbers that are taken for classes without a word of the user's
TARGET_PRECISION = 1e-5  # of the range of targets, relative to the largest: float32 has seven digits

_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True, eq=False)
class DatasetPart:
    """The rows of one file or array of a data set."""

    name: str
    y: Labels
    blocks: Callable[[], Iterator[Rows]]  # every row, in order

    @property
    def rows(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set: training parts, and test parts if it has them."""

    kind: str  # letters, csv, mnist, cifar10, images or npz
    training: tuple[DatasetPart, ...]
    test: tuple[DatasetPart, ...]
    features: int
    labels: tuple[str, ...]  # the name of each class; empty in a regression
    pixels: bool  # whether features are bytes
    shape: Shape = ()  # channels, height, width
    skipped: tuple[str, ...] = field(default=())
    table: Table | None = None  # what the rows of a table came from
    encoding: Encoding | None = None  # how its columns became features

    @property
    def classes(self) -> int:
        """The number of classes; 0 in a regression."""
        return len(self.labels)

    @property
    def task(self) -> Task:
        """Whether rows have classes or targets."""
        return "regression" if self.training[0].y.dtype.kind == "f" else "classification"

    @property
    def row_bytes(self) -> int:
        return self.features * (1 if self.pixels else 4)


def with_test(data: DataSet, other: DataSet) -> DataSet:
    """Return a data set with another one as its test part; labels match their classes. Raises DataError."""
    is_same = data.table is not None and other.table is not None and data.table.schema is other.table.schema
    if not is_same:
        if data.table is not None and data.encoding is not None and not data.encoding.are_numbers:
            what = "are not a table like the training data, which hold words: give a file, or a share with --holdout"
            raise DataError("the validation data", None, what)
        other = arranged(other, column_names(data))
    if not is_same and (other.features, other.pixels, other.shape) != (data.features, data.pixels, data.shape):
        raise DataError(
            "the validation data",
            None,
            f"have {other.features} features and images of {other.shape}, but the training data "
            f"have {data.features} features and images of {data.shape}",
        )
    if data.task != other.task:
        raise DataError(
            "the validation data", None, f"are of a {other.task}, but the training data of a {data.task}: say --task"
        )
    table = data.table.cut(len(data.training)) if data.table is not None else None
    if is_same and table is not None and other.table is not None:
        table = table.joined(other.table)
    else:
        other = rebased(other, data.encoding)
    if data.task == "regression":
        return replace(data, test=(*other.training, *other.test), table=table)
    unknown = [label for label in other.labels if label not in data.labels]
    if unknown:
        raise DataError(
            "the validation data",
            None,
            f"have a class {printable(unknown[0], 40)!r} that is missing in the training data",
        )
    numbers = np.array([data.labels.index(label) for label in other.labels], np.int64)  # (classes,)
    test = tuple(DatasetPart(part.name, numbers[part.y], part.blocks) for part in (*other.training, *other.test))
    return replace(data, test=test, table=table)


def arranged(data: DataSet, names: Sequence[str], source: str = "the validation data") -> DataSet:
    """Return data with the columns of these names in this order, if both have names. Raises DataError."""
    own = column_names(data)
    if not (own and names and all(own) and all(names)) or tuple(own) == tuple(names):
        return data
    missing = [name for name in names if name not in own]
    if missing:
        what = f"column {printable(missing[0], 40)!r} is missing; expected {printable(', '.join(names), 120)}"
        raise DataError(source, None, what)
    places = [own.index(name) for name in names]
    encoding = data.encoding and replace(data.encoding, columns=tuple(data.encoding.columns[at] for at in places))
    moved = _with_blocks(data, lambda block: block[:, places])
    return replace(moved, features=len(places), encoding=encoding)


def column_names(data: DataSet) -> Sequence[str]:
    """Return the names of the columns, if each is a feature."""
    if data.encoding is None or not data.encoding.are_numbers:
        return ()
    return [column.name for column in data.encoding.columns]


def rebased(data: DataSet, encoding: Encoding | None) -> DataSet:
    """Return numbers with the offsets of another encoding of as many features subtracted instead of their own."""
    own, wanted = (each.offsets if each is not None else 0.0 for each in (data.encoding, encoding))
    if data.pixels or not np.any(own - wanted):
        return data
    moved = _with_blocks(data, lambda block: (block.astype(np.float64) + (own - wanted)).astype(np.float32))
    return replace(moved, encoding=encoding)


def _with_blocks(data: DataSet, change: Callable[[Rows], Rows]) -> DataSet:
    """Return data whose blocks of rows are changed as they are read."""

    def changed(part: DatasetPart) -> DatasetPart:
        blocks = part.blocks
        return replace(part, blocks=lambda: (change(block) for block in blocks()))

    training, test = (tuple(map(changed, parts)) for parts in (data.training, data.test))
    return replace(data, training=training, test=test)


def image_shape(source: str, name: str, dimensions: tuple[int, ...]) -> tuple[Shape, bool]:
    """Return (channels, height, width), or () if rows are not images, and whether the channels come last.

    `dimensions` are those of the array with all rows. Raises DataError.
    """
    shape = dimensions[1:]
    if len(shape) == 2:
        return (1, *shape), False
    if len(shape) == 3 and shape[2] in CHANNELS:
        return (shape[2], shape[0], shape[1]), True
    if len(shape) == 3 and shape[0] in CHANNELS:
        return shape, False
    if len(shape) > 1:
        raise DataError(source, None, f"{name} has rows of {shape}, expected numbers or images")
    return (), False


def is_real(y: npt.NDArray[Any]) -> bool:
    """Return whether labels are real numbers: targets rather than classes."""
    return y.dtype.kind == "f" and bool((np.isfinite(y) & (y != np.rint(y))).any())


def require_one_task(source: str, labels: Sequence[str], task: str) -> None:
    """Raise DataError if nobody said whether many whole numbers are classes or the targets of a regression."""
    if task == "auto" and len(labels) > WHOLE_CLASSES_MAX and all(_WHOLE.fullmatch(label) for label in labels):
        raise DataError(
            source,
            None,
            f"has {len(labels)} different whole numbers as labels: say --task regression if they are amounts, "
            "or --task classification if they are classes",
        )


def to_targets(source: str, y: npt.NDArray[Any]) -> Floats:
    """Return the targets of a regression: (n,). Raises DataError unless they are numbers that float32 tells apart."""
    if y.dtype.kind not in "biuf":
        raise DataError(source, None, f"holds {y.dtype}, and the targets of a regression are numbers")
    values = y.astype(np.float64)  # (n,)
    check_targets(source, values)
    return values.astype(np.float32)


def check_targets(source: str, y: npt.NDArray[np.float64]) -> None:
    """Raise DataError unless these can be the targets of a regression: (n,)."""
    largest = float(np.abs(y).max(initial=0))
    if not largest <= float(np.finfo(np.float32).max):
        row = int(np.argmin(np.abs(y) <= float(np.finfo(np.float32).max)))
        raise DataError(source, row + 1, f"the target is {private(y[row])}, not finite or too large")
    if 0 < float(np.ptp(y)) < largest * TARGET_PRECISION:
        near, apart = private(f"{largest:g}"), private(f"{np.ptp(y):g}")
        what = f"has targets near {near} that differ by {apart} at most: subtract their mean first"
        raise DataError(source, None, what)


def block_rows(row_bytes: int) -> int:
    """Return the number of rows in a block."""
    return max(1, BLOCK_BYTES // max(1, row_bytes))


def array_blocks(x: Rows) -> Callable[[], Iterator[Rows]]:
    """Return a function that yields an array in memory (n, ...) as blocks (rows, d)."""

    def blocks() -> Iterator[Rows]:
        flat = x.reshape(len(x), -1)  # (n, d)
        step = block_rows(flat.shape[1] * flat.itemsize)
        yield from (flat[start : start + step] for start in range(0, len(flat), step))

    return blocks


def digits(count: int) -> tuple[str, ...]:
    """Return labels for classes without names: their numbers."""
    return tuple(map(str, range(count)))


def number_labels(names: npt.NDArray[np.generic] | list[Any]) -> tuple[Ints, tuple[str, ...]]:
    """Replace class names by numbers; return (numbers (n,), names in order).

    Names that are numbers come first, by size; then the others in alphabetical order.
    """
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
