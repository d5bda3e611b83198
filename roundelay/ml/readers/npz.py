"""Arrays as numpy and Keras users keep them: an .npz archive, or a folder of .npy files, read block by block.

Rows and classes are found by their usual names (x_train, train_images, X, arr_0 ...), in any case. Classes may be
integers, whole floats, truth values, texts, or one column for each class (one-hot).
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Labels
from roundelay.ml.errors import DataError, InputMissing, printable, private
from roundelay.ml.readers.encoding import Encoding, offsets_encoding
from roundelay.ml.readers.folder import names_in
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.npy import DAMAGE, ArrayFile, raw_blocks, with_header
from roundelay.ml.readers.packed import FEATURES_MAX
from roundelay.ml.readers.source import (
    DataSet,
    DatasetPart,
    Rows,
    image_shape,
    is_real,
    number_labels,
    require_one_task,
    to_targets,
)

SUFFIXES = (".npz", ".npy")
TRAINING = (
    ("train_images", "train_labels"),
    ("x_train", "y_train"),
    ("train_x", "train_y"),
    ("train_data", "train_labels"),
    ("images", "labels"),
    ("data", "labels"),
    ("data", "target"),
    ("features", "labels"),
    ("x", "y"),
    ("arr_0", "arr_1"),  # numpy.savez(file, x, y)
)
TEST = (
    ("test_images", "test_labels"),
    ("x_test", "y_test"),
    ("test_x", "test_y"),
    ("test_data", "test_labels"),
    ("arr_2", "arr_3"),
)
CLASSES_MAX = 4096


def has_arrays(names: list[str]) -> bool:
    """Return whether these files of a folder hold the rows and classes of a data set."""
    stems = {Path(name).stem.lower() for name in names if name.endswith(".npy")}
    return any(first in stems and second in stems for first, second in TRAINING)


def read(
    path: Path,
    classless: bool = False,
    task: str = "auto",
    encoding: Encoding | None = None,
    is_share: bool = False,
    limits: Limits = DEFAULT,
) -> DataSet:
    """Read the arrays in an archive or a folder; with `classless`, rows may have no classes.

    encoding: that of a trained model; by default, offsets are subtracted where float32 would merge numbers.
    is_share: it is one site's share of a data set, and may have a single class. Raises DataError, InputMissing.
    """
    arrays = _arrays(path)
    training = _find(path, arrays, TRAINING, classless, limits)
    if training is None:
        names = printable(", ".join(sorted(array.name for array in arrays.values())), 80)
        raise DataError(
            str(path),
            None,
            f"holds the arrays {names}; expected train_images and train_labels, x_train and y_train, or X and y",
        )
    test = _find(path, arrays, TEST, False, limits)
    pairs = [pair for pair in (training, test) if pair is not None]
    shape, is_last = image_shape(str(path), training[0].name, training[0].shape)
    pixels = all(x.dtype == np.uint8 for x, _ in pairs)
    if test is not None and test[0].shape[1:] != training[0].shape[1:]:
        raise DataError(
            str(path),
            None,
            f"{test[0].name} has rows of {test[0].shape[1:]}, but {training[0].name} of {training[0].shape[1:]}",
        )
    y, labels = _labels(path, pairs, task, 1 if is_share else 2)
    encoding = encoding or (None if shape else _find_offsets(training[0]))
    parts = _parts(pairs, y, is_last, pixels, encoding)
    return DataSet(
        "npz", tuple(parts[:1]), tuple(parts[1:]), prod(training[0].shape[1:]), labels, pixels, shape, encoding=encoding
    )


Pair = tuple[ArrayFile, ArrayFile | None]


def _labels(path: Path, pairs: list[Pair], task: str, least: int) -> tuple[Labels, tuple[str, ...]]:
    """Return the label of each row of all pairs, and the names of the classes, if they are such."""
    if pairs[0][1] is None:
        return np.zeros(pairs[0][0].shape[0], np.int64), ()
    found = np.concatenate([_values(y, x.shape[0]) for x, y in pairs if y is not None])
    if task == "regression" or (task == "auto" and is_real(found)):
        return to_targets(str(path), found), ()
    y, labels = number_labels(_classes(pairs[0][1], found))
    require_one_task(str(path), labels, task)
    if not least <= len(labels) <= CLASSES_MAX:
        raise DataError(str(path), None, f"{pairs[0][1].name} holds {len(labels)} classes, expected 2 to {CLASSES_MAX}")
    return y, labels


def _find_offsets(x: ArrayFile) -> Encoding | None:
    """Return an encoding if float32 would merge numbers of a column that differ."""
    if x.dtype.kind not in "iuf" or x.dtype.itemsize < 4 or x.dtype == np.float32:
        return None
    lows, highs = [], []
    for block in raw_blocks(x):
        rows = block.reshape(len(block), -1).astype(np.float64)  # (rows, d)
        lows.append(rows.min(axis=0))
        highs.append(rows.max(axis=0))
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)  # (d,)
    return offsets_encoding(low, high) if np.isfinite(low).all() and np.isfinite(high).all() else None


def _parts(pairs: list[Pair], y: Labels, is_last: bool, pixels: bool, encoding: Encoding | None) -> list[DatasetPart]:
    parts, start = [], 0
    for x, _ in pairs:
        end = start + x.shape[0]
        parts.append(DatasetPart(x.name, y[start:end], _reader(x, is_last, pixels, encoding)))
        start = end
    return parts


def _reader(x: ArrayFile, channels_last: bool, pixels: bool, encoding: Encoding | None) -> Callable[[], Iterator[Rows]]:
    return lambda: _blocks(x, channels_last, pixels, encoding)


def _arrays(path: Path) -> dict[str, ArrayFile]:
    """Return all arrays by name, in lower case."""
    if path.is_dir():
        found = [ArrayFile(path / name, Path(name).stem) for name in names_in(path) if name.endswith(".npy")]
    elif path.suffix == ".npy":
        found = [ArrayFile(path, "x")]
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                names = [each.filename for each in archive.infolist() if each.filename.endswith(".npy")]
            found = [ArrayFile(path, name.removesuffix(".npy"), name) for name in names]
        except FileNotFoundError as error:
            raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror}") from error
        except DAMAGE as error:
            raise DataError(str(path), None, f"is not an .npz archive: {private(error)}") from error
    arrays: dict[str, ArrayFile] = {}
    for each in found:
        other = arrays.setdefault(each.name.lower(), each)
        if other is not each:
            raise DataError(str(path), None, f"holds both {other.name} and {each.name}: rename one of them")
    return arrays


def _find(
    path: Path, arrays: Mapping[str, ArrayFile], names: tuple[tuple[str, str], ...], classless: bool, limits: Limits
) -> Pair | None:
    """Return rows and classes under the first of these pairs of names that is present. Raises DataError."""
    for first, second in names:
        if first in arrays and (second in arrays or classless):
            x = with_header(arrays[first], limits)
            if len(x.shape) < 2 or not 1 <= prod(x.shape[1:]) <= FEATURES_MAX:
                advice = ": a single feature is saved with .reshape(-1, 1)" if len(x.shape) == 1 else ""
                expected = f"expected rows of 1 to {FEATURES_MAX} features{advice}"
                raise DataError(str(path), None, f"{x.name} has the shape {x.shape}, {expected}")
            if x.dtype.kind in "US":
                raise DataError(str(path), None, f"{x.name} holds texts, expected numbers")
            return x, with_header(arrays[second], limits) if second in arrays else None
    return None


def _values(y: ArrayFile, rows: int) -> npt.NDArray[Any]:
    """Return the label of each row, as a number or a text: (n,). Raises DataError."""
    if y.shape[0] != rows or len(y.shape) > 2:
        raise DataError(
            str(y.path), None, f"{y.name} is {y.dtype} of {y.shape}, expected a class for each of {rows} rows"
        )
    values = np.concatenate(list(raw_blocks(y)))  # (n,) or (n, k)
    if len(y.shape) == 2 and y.shape[1] > 1:
        if values.dtype.kind in "US" or not ((values == 0) | (values == 1)).all() or (values.sum(axis=1) != 1).any():
            raise DataError(
                str(y.path),
                None,
                f"{y.name} is {y.dtype} of {y.shape}, expected a class a row, or a single 1 in each row",
            )
        return np.asarray(values.argmax(axis=1))
    values = values.reshape(-1)
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values


def _classes(y: ArrayFile, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels (n,) as classes. Raises DataError."""
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 1 << 53)
        if not whole.all():
            row = int(np.argmin(whole))
            raise DataError(
                str(y.path), row + 1, f"{y.name} is {private(values[row])}, not a class (or say --task regression)"
            )
        return values.astype(np.int64)
    return values


def _blocks(x: ArrayFile, channels_last: bool, pixels: bool, encoding: Encoding | None) -> Iterator[Rows]:
    """Yield rows as bytes or float32, images channel by channel."""
    row = 0
    for block in raw_blocks(x):
        if channels_last:
            block = block.reshape(len(block), *x.shape[1:]).transpose(0, 3, 1, 2)  # (n, c, h, w)
        flat = block.reshape(len(block), -1)  # (n, d)
        if not pixels:
            with np.errstate(over="ignore"):
                flat = flat.astype(np.float32) if encoding is None else encoding.encode(flat.astype(np.float64))
            finite = np.isfinite(flat).all(axis=1)  # (n,)
            if not finite.all():
                place = int(np.argmin(finite))
                raise DataError(str(x.path), row + place + 1, f"{x.name} holds {_not_finite(flat[place])}")
        yield flat
        row += len(flat)


def _not_finite(row: Rows) -> str:
    """Say what a row holds that float32 does not, and what to do."""
    if np.isnan(row).any():
        return "NaN: fill it in, for example with the mean of its column"
    return "a number that is infinite or exceeds float32: scale its column, or leave the row out"
