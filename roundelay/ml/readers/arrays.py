"""Data in memory: arrays, DataFrames, and lists of them, one for each client.

Anything that numpy.asarray turns into numbers is accepted: arrays, DataFrames and Series of pandas and polars, CPU
tensors, lists. Rows are features (n, d) or images (n, height, width), with channels first or last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats, Ints, Labels
from roundelay.ml.errors import DataError, printable, private
from roundelay.ml.readers import frame
from roundelay.ml.readers.encoding import Encoding, named_encoding, offsets_encoding
from roundelay.ml.readers.packed import FEATURES_MAX, Shape
from roundelay.ml.readers.source import (
    DataSet,
    DatasetPart,
    Rows,
    array_blocks,
    image_shape,
    is_real,
    number_labels,
    require_one_task,
    to_targets,
)
from roundelay.ml.training_plan import ENCODING_CHARACTERS_MAX

KIND = "arrays"
COLUMNS_SHOWN = 5


def read(x: Any, y: Any, clients: Sequence[Any] | None = None, task: str = "auto") -> DataSet:
    """Return the data set of rows and their classes, or targets.

    A list of arrays makes a part of each, for one client; so does each array of row numbers in `clients`. `y` may name
    a column of `x` if that is a DataFrame. Raises DataError.
    """
    if is_per_client(x):
        return _per_client(list(x), y, task)
    given = x if not isinstance(y, str) else _without(x, y)
    rows, shape = _rows("x", given)
    labels = _labels("y", x[y] if isinstance(y, str) else y, len(rows))
    if clients is None:
        return _data_set([rows], [labels], shape, task, _names(given), _label_name(y))
    chosen = [_row_numbers(number, each, len(rows)) for number, each in enumerate(clients)]
    parts, classes = [rows[each] for each in chosen], [labels[each] for each in chosen]
    return _data_set(parts, classes, shape, task, _names(given), _label_name(y))


def is_per_client(x: Any) -> bool:
    """Return whether this is a list of arrays or DataFrames rather than one: a list of rows has numbers in it."""
    return _is_list(x) and len(x) > 0 and all(getattr(each, "ndim", 0) > 1 for each in x)


def to_rows(x: Any, features: int, shape: Shape, encoding: Encoding | None = None) -> Floats:
    """Return rows to predict, encoded as in training: (n, features). Raises DataError unless they fit the model.

    A DataFrame has the training's columns, in any order, and may hold words; an array holds numbers, and the features
    of its words.
    """
    if encoding is not None and (found := frame.columns_of(x, encoding)) is not None:
        return encoding.encode(found)
    rows, images = _rows("x", x)
    if rows.shape[1] != features or (images and shape and images != shape):
        expected = f"images of {shape} or rows" if shape else "rows"
        raise DataError("x", None, f"has {_describe(rows, images)}, expected {expected} of {features} features")
    if encoding is None or encoding.is_plain:
        return rows.astype(np.float32)
    return (rows - encoding.offsets).astype(np.float32)


def _per_client(x: list[Any], y: Any, task: str) -> DataSet:
    """Return the data set of a list of arrays: each becomes the part of one client."""
    labels = [y] * len(x) if isinstance(y, str) else y
    if not _is_list(labels) or len(labels) != len(x):
        raise DataError("y", None, f"expected the classes of {len(x)} clients, as x is a list of {len(x)} arrays")
    given = [_without(of_x, of_y) if isinstance(of_y, str) else of_x for of_x, of_y in zip(x, labels, strict=True)]
    columns = next(filter(None, map(_names, given)), ())
    rows, names, shapes = [], [], set()
    for number, (of_x, of_y) in enumerate(zip(x, labels, strict=True)):
        part, shape = _rows(f"x of client {number}", _in_order(f"x of client {number}", given[number], columns))
        rows.append(part)
        names.append(_labels(f"y of client {number}", of_x[of_y] if isinstance(of_y, str) else of_y, len(part)))
        shapes.add((shape, part.shape[1]))
    if len(shapes) > 1:
        raise DataError("x", None, f"the clients' rows differ: {', '.join(sorted(f'{d} features' for _, d in shapes))}")
    is_pixels = all(part.dtype == np.uint8 for part in rows)
    return _data_set(
        [part if is_pixels else part.astype(np.float64) for part in rows],
        names,
        shapes.pop()[0],
        task,
        columns,
        _label_name(labels[0]),
    )


def _data_set(
    rows: Sequence[Rows],
    names: Sequence[npt.NDArray[Any]],
    shape: Shape,
    task: str,
    columns: tuple[str, ...],
    label: str,
) -> DataSet:
    y: Labels
    labels: tuple[str, ...]
    if task == "regression" or (task == "auto" and any(map(is_real, names))):
        y, labels = to_targets("y", np.concatenate(names)), ()
    else:
        y, labels = number_labels(np.concatenate([_to_classes("y", each).astype(str) for each in names]))
        require_one_task("y", labels, task)
    ends = np.cumsum([len(part) for part in rows])[:-1]
    rows, offsets = _without_offsets(rows, shape)
    encoding = named_encoding(offsets, _distinct(columns), label)
    if encoding is not None and len(encoding.to_json()) > ENCODING_CHARACTERS_MAX:
        advice = "shorten them, or give an array without names"
        raise DataError("x", None, f"the names of its {len(columns)} columns are too long to be kept: {advice}")
    parts = [
        DatasetPart(f"client-{number:03d}", classes, array_blocks(part))
        for number, (part, classes) in enumerate(zip(rows, np.split(y, ends), strict=True))
    ]
    is_pixels = rows[0].dtype == np.uint8
    return DataSet(KIND, tuple(parts), (), rows[0].shape[1], labels, is_pixels, shape, encoding=encoding)


def _without_offsets(rows: Sequence[Rows], shape: Shape) -> tuple[list[Rows], Encoding | None]:
    """Return rows as float32, or bytes, and the encoding if float32 would merge numbers that differ."""
    if rows[0].dtype == np.uint8:
        return list(rows), None
    low = np.min([part.min(axis=0) for part in rows], axis=0)  # (d,)
    high = np.max([part.max(axis=0) for part in rows], axis=0)  # (d,)
    encoding = None if shape else offsets_encoding(low, high)
    offsets = encoding.offsets if encoding is not None else 0.0
    return [(part - offsets).astype(np.float32) for part in rows], encoding


def _rows(name: str, x: Any) -> tuple[Rows, Shape]:
    """Return rows (n, d) as float64, or as bytes if they are the pixels of images; and the shape of an image."""
    numbers = _as_array(name, x)
    if numbers.dtype.kind not in "biuf":
        raise DataError(name, None, f"{_not_numeric(x, numbers)}: encode it as numbers first")
    if numbers.ndim < 2 or not len(numbers):
        raise DataError(name, None, f"is an array of {numbers.shape}, expected (rows, features) or images")
    shape, channels_last = image_shape(name, "the array", numbers.shape)
    if channels_last:
        numbers = numbers.transpose(0, 3, 1, 2)  # (n, channels, height, width)
    flat = np.ascontiguousarray(numbers.reshape(len(numbers), -1))  # (n, d)
    if not 1 <= flat.shape[1] <= FEATURES_MAX:
        raise DataError(name, None, f"has {flat.shape[1]} features, expected 1 to {FEATURES_MAX}")
    if shape and flat.dtype == np.uint8:
        return flat, shape
    with np.errstate(over="ignore"):
        finite = np.isfinite(flat.astype(np.float32)).all(axis=1)  # (n,)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DataError(name, None, f"row {row} holds NaN, infinity or a number that exceeds float32: fill it in")
    return flat.astype(np.float64), shape


def _labels(name: str, y: Any, rows: int) -> npt.NDArray[Any]:
    """Return the label of each row, as numbers or texts: (n,)."""
    if y is None:
        raise DataError(name, None, "is missing: give the class of each row, or the name of a DataFrame's column")
    classes = _as_array(name, y)
    classes = classes.reshape(-1) if classes.shape == (rows, 1) else classes
    if classes.shape != (rows,):
        raise DataError(name, None, f"is an array of {classes.shape}, expected a class for each of {rows} rows")
    if classes.dtype.kind == "O" and any(each is None or each != each for each in classes):  # NaN differs from itself
        raise DataError(name, None, "has rows without a class: leave them out")
    return classes


def _to_classes(name: str, classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return labels as classes: whole numbers or texts (n,)."""
    if classes.dtype.kind == "f":
        if np.isnan(classes).any():
            raise DataError(name, None, "has rows without a class, NaN: leave them out")
        if not (np.isfinite(classes).all() and (classes == np.rint(classes)).all()):
            raise DataError(name, None, "holds numbers that are not whole: not classes (use task='regression')")
        return classes.astype(np.int64)
    return classes.astype(np.int64) if classes.dtype.kind == "b" else classes


def _row_numbers(client: int, numbers: Any, rows: int) -> Ints:
    """Return the rows of one client: (n,)."""
    found = _as_array(f"rows of client {client}", numbers)
    if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found) or not 0 <= found.min() <= found.max() < rows:
        raise DataError(
            f"rows of client {client}", None, f"are {found.dtype} of {found.shape}, expected numbers below {rows}"
        )
    return found.astype(np.int64)


def _as_array(name: str, values: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(name, None, f"is not an array: {private(error, 100)}") from error


def _without(x: Any, column: str) -> Any:
    """Return a DataFrame without one column."""
    if not hasattr(x, "columns") or column not in list(x.columns):
        raise DataError("y", None, f"is {printable(column, 40)!r}, but x has no such column")
    return x[[name for name in x.columns if name != column]]


def _names(x: Any) -> tuple[str, ...]:
    """Return the names of a DataFrame's columns; () if there are none, or numbers, as pandas counts columns."""
    names = tuple(getattr(x, "columns", ()))
    return names if all(isinstance(name, str) and name.strip() for name in names) else ()


def _distinct(names: tuple[str, ...]) -> list[str]:
    """Return names as a header has them. Raises DataError if two are equal."""
    stripped = [name.strip() for name in names]
    if len({*stripped}) < len(stripped):
        twice = next(name for name in stripped if stripped.count(name) > 1)
        raise DataError("x", None, f"has two columns {printable(twice, 40)!r}: rename one of them")
    return stripped


def _label_name(y: Any) -> str:
    """Return the name of the column of classes; empty if it has none."""
    name = y if isinstance(y, str) else next(iter(_names(y)), getattr(y, "name", None))
    return name.strip() if isinstance(name, str) else ""


def _in_order(source: str, x: Any, columns: tuple[str, ...]) -> Any:
    """Return a DataFrame with its columns in the order of another client's. Raises DataError if it has others."""
    names = _names(x)
    if not names or not columns or names == columns:
        return x
    if sorted(names) != sorted(columns):
        other = min({*names} ^ {*columns}, default=names[0])
        raise DataError(source, None, f"has other columns than another client, first {printable(other, 40)!r}")
    return x[list(columns)]


def _not_numeric(x: Any, numbers: npt.NDArray[Any]) -> str:
    """Say what is not numeric; of a DataFrame, which columns."""
    if not hasattr(x, "columns"):
        return f"is {numbers.dtype} of {numbers.shape}, not numbers"
    columns = [str(each) for each in x.columns if np.asarray(x[each]).dtype.kind not in "biuf"]
    shown = ", ".join(map(printable, columns[:COLUMNS_SHOWN]))
    return f"column{'s' * (len(columns) > 1)} {shown} {'are' if len(columns) > 1 else 'is'} not numeric"


def _describe(rows: Rows, shape: Shape) -> str:
    return f"images of {shape}" if shape else f"rows of {rows.shape[1]} features"


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
