"""Rows for a trained model, from any format that training reads; their classes, where they have any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np

from roundelay.ml.data import Floats, Ints, Labels
from roundelay.ml.errors import DataError, printable
from roundelay.ml.readers import content, dataset, folder, images, letters, npz, packed, table
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.packed import Shape
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.readers.schema import TableOptions
from roundelay.ml.readers.source import DataSet, OnRead, Rows, arranged, array_blocks, digits, rebased


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows to predict."""

    blocks: Iterator[Rows]  # (rows, d) each
    y: Labels | None  # None: the data hold none
    notes: tuple[str, ...] = ()  # what a user should know of the rows


def read_inputs(
    path: Path, model: SavedModel, on_read: OnRead = lambda done, total: None, limits: Limits = DEFAULT
) -> Inputs:
    """Read the rows at a path as the model was trained on them.

    Raises DataError for rows that do not fit the model, InputMissing.
    """
    encoding = model.encoding
    if encoding is not None and _is_table(path, encoding):
        labels = model.labels or digits(model.design.label_classes)
        return Inputs(*table.read_as_trained(path, encoding, labels, model.design.task, on_read, limits))
    design = model.design
    shape = design.shape or _square_shape(design.features)  # a model of rows may have been trained on images, too
    look = ImageOptions(shape[1], shape[0] == 3) if shape else ImageOptions()
    if shape and encoding is None and images.is_image(path.name):
        return Inputs(iter([images.decode(path, look, limits)[None]]), None)
    if path.is_file() and path.suffix not in npz.SUFFIXES:
        return _text(path, model, limits)
    columns = TableOptions(encoding.label or None if encoding is not None else None, task=design.task)
    options = dataset.ReadOptions(images=look, table=columns, encoding=encoding, limits=limits)
    found = dataset.read(path, options, classless=True)
    if encoding is not None:
        found = arranged(found, [column.name for column in encoding.columns], str(path))
    if found.features != design.features or (design.shape and found.shape != design.shape):
        reads = f"images of {design.shape}" if design.shape else f"rows of {design.features} features"
        has = f"images of {found.shape}" if found.shape else f"rows of {found.features} features"
        raise DataError(str(path), None, f"has {has}, but the model reads {reads}")
    found = rebased(found, encoding)
    parts = found.test or found.training
    blocks = (block for part in parts for block in part.blocks())
    if found.task == "regression":
        return Inputs(blocks, np.concatenate([part.y for part in parts]))
    return Inputs(blocks, _classes(path, found, model) if found.labels else None)


def _square_shape(features: int) -> Shape:
    """Return the shape of square images of this many numbers, in grey or in colours; () if there are none."""
    for channels in (1, 3):
        side = isqrt(features // channels)
        if channels * side * side == features:
            return channels, side, side
    return ()


def _is_table(path: Path, encoding: Encoding) -> bool:
    """Return whether a path holds a table with the columns of an encoding, rather than numbers in their order."""
    if path.suffix in npz.SUFFIXES or path.is_dir():
        return not encoding.are_numbers
    return not (encoding.is_plain and path.is_file() and _is_packed(path))


def _is_packed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return packed.is_packed(file.read(len(packed.MAGIC)))
    except OSError:
        return False  # whoever reads it says why


def _text(path: Path, model: SavedModel, limits: Limits) -> Inputs:
    """Read a packed file, or rows of numbers with a class at the end or without."""
    data = folder.read_file(path, limits)
    features, classes = model.design.features, model.design.label_classes
    first = data[: letters.LINE_BYTES_MAX].partition(b"\n")[0]
    if not packed.is_packed(data) and first.count(b",") == features - 1:
        without = data.replace(b"\r\n", b"\n").rstrip().replace(b"\n", b",0\n") + b",0"
        samples = letters.parse(str(path), without, features, classes)
        return Inputs(array_blocks(samples.x)(), None)
    samples = content.parse(str(path), data, features, classes)
    return Inputs(array_blocks(samples.x)(), samples.y)


def _classes(path: Path, found: DataSet, model: SavedModel) -> Ints:
    """Return the model's number of each row's class."""
    names = model.labels or tuple(map(str, range(model.design.classes)))
    y: Floats | Ints = np.concatenate([part.y for part in found.test or found.training])
    unknown = next((found.labels[n] for n in np.unique(y).tolist() if found.labels[n] not in names), None)
    if unknown is not None:
        raise DataError(str(path), None, f"has a class {printable(unknown, 40)!r} that the model does not know")
    numbers = np.array([names.index(label) if label in names else -1 for label in found.labels], np.int64)
    return numbers[y]
