"""CIFAR-10, in its binary version (data_batch_1.bin ... test_batch.bin) or its pickled one (see pickled.py).

A record of the binary version is one byte for the class and 3072 for the image: red, green, blue, 32 x 32 each.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, InputMissing, printable, private
from roundelay.ml.readers import pickled
from roundelay.ml.readers.folder import names_in, read_file
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.source import DataSet, DatasetPart, Rows, array_blocks, block_rows, digits

SHAPE = (3, 32, 32)
FEATURES = 3072
RECORD_BYTES = 1 + FEATURES
CLASSES, CLASSES_100 = 10, 100
NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = re.compile(r"(data_batch_\d{1,3}|test_batch)(\.bin)?")


def has_batch_names(names: list[str]) -> bool:
    return any(BATCH.fullmatch(name) for name in names)


def read(path: Path, limits: Limits = DEFAULT) -> DataSet:
    """Read a folder of batches, or one batch. Raises DataError, InputMissing."""
    folder, names = (path, names_in(path)) if path.is_dir() else (path.parent, [path.name])
    if is_cifar100(names):
        return _read_100(path, limits)
    batches = [name for name in names if BATCH.fullmatch(name) or name == path.name]
    if any(name.endswith(".bin") for name in batches):
        batches = [name for name in batches if name.endswith(".bin")]
    if not batches:
        raise DataError(str(path), None, "holds no batch of CIFAR-10; expected data_batch_1.bin ..., test_batch.bin")
    parts = [_part(folder / name, limits) for name in batches]
    test = tuple(part for part in parts if part.name.startswith("test") and len(parts) > 1)
    training = tuple(part for part in parts if part not in test)
    return DataSet("cifar10", training, test, FEATURES, NAMES, True, SHAPE)


def is_cifar100(names: list[str]) -> bool:
    """Return whether a folder holds the pickled files of CIFAR-100."""
    return {"train", "test", "meta"} <= set(names)


def _read_100(folder: Path, limits: Limits) -> DataSet:
    """Read CIFAR-100, whose fine classes are numbers here."""
    parts = []
    for name in ("train", "test"):
        x, y = pickled.read_batch(str(folder / name), read_file(folder / name, limits), FEATURES)
        _check_classes(folder / name, y, CLASSES_100)
        parts.append(DatasetPart(name, y, array_blocks(x)))
    return DataSet("cifar10", tuple(parts[:1]), tuple(parts[1:]), FEATURES, digits(CLASSES_100), True, SHAPE)


def _part(path: Path, limits: Limits) -> DatasetPart:
    if path.suffix != ".bin":
        x, y = pickled.read_batch(str(path), read_file(path, limits), FEATURES)
        _check_classes(path, y)
        return DatasetPart(path.name, y, array_blocks(x))
    y = np.concatenate([block[:, 0].astype(np.int64) for block in _records(path, limits)])  # (n,)
    _check_classes(path, y)
    return DatasetPart(path.name, y, lambda: (block[:, 1:] for block in _records(path, limits)))


def _records(path: Path, limits: Limits) -> Iterator[Rows]:
    """Yield blocks of records, class and image: (rows, 3073)."""
    try:
        status = path.stat()
        rows, rest = divmod(status.st_size, RECORD_BYTES)
        if not stat.S_ISREG(status.st_mode):
            raise DataError(str(path), None, "is not a regular file")
        limits.check_file(str(path), status.st_size)
        if rest or not rows:
            raise DataError(str(path), rows + 1, f"has {rest} bytes, expected {RECORD_BYTES}")
        step = block_rows(RECORD_BYTES)
        with path.open("rb") as file:
            for start in range(0, rows, step):
                count = min(step, rows - start)
                data = file.read(count * RECORD_BYTES)
                if len(data) != count * RECORD_BYTES:
                    raise DataError(str(path), start + 1, "was truncated while it was being read")
                yield np.frombuffer(data, np.uint8).reshape(count, RECORD_BYTES)  # (count, 3073)
    except OSError as error:
        raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror}") from error


def _check_classes(path: Path, y: Ints, classes: int = CLASSES) -> None:
    if y.min() < 0 or y.max() >= classes:
        row = int(np.argmax((y < 0) | (y >= classes)))
        raise DataError(str(path), row + 1, f"class {private(y[row])} is out of range 0..{classes - 1}")
