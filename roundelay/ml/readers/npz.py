"""Arrays in an .npz archive under the usual names (x_train, train_images, X ...), read block by block.

Nothing is unpickled: an array of objects is refused. Headers are limited to HEADER_BYTES_MAX.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, InputMissing, printable
from roundelay.ml.readers.packed import FEATURES_MAX, Shape
from roundelay.ml.readers.source import (
    SET_ROWS_MAX,
    DataSet,
    DatasetPart,
    Rows,
    block_rows,
    image_shape,
    number_labels,
)

TRAINING = (
    ("train_images", "train_labels"),
    ("x_train", "y_train"),
    ("X_train", "y_train"),
    ("images", "labels"),
    ("data", "labels"),
    ("data", "target"),
    ("x", "y"),
    ("X", "y"),
)
TEST = (("test_images", "test_labels"), ("x_test", "y_test"), ("X_test", "y_test"))
HEADER_BYTES_MAX = 4096
_HEADER = re.compile(
    r"\s*\{\s*'descr':\s*'([<>|=]?)([buif])(\d{1,2})',\s*'fortran_order':\s*(False|True),"
    r"\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*"
)
_DAMAGE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError)


@dataclass(frozen=True)
class NpzMember:
    """One array of the archive."""

    path: Path
    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        return prod(self.shape[1:]) * self.dtype.itemsize


def read(path: Path) -> DataSet:
    """Read the data set in an archive. Raises DataError, InputMissing."""
    members = _members(path)
    training = _find(path, members, TRAINING)
    if training is None:
        names = printable(", ".join(sorted(members)), 80)
        raise DataError(
            str(path),
            None,
            f"holds the arrays {names}; expected train_images and train_labels, x_train and y_train, or X and y",
        )
    test = _find(path, members, TEST)
    pairs = [pair for pair in (training, test) if pair is not None]
    shape, is_last = image_shape(str(path), training[0].name, training[0].shape)
    pixels = all(x.dtype == np.uint8 for x, _ in pairs)
    if test is not None and test[0].shape[1:] != training[0].shape[1:]:
        raise DataError(
            str(path),
            None,
            f"{test[0].name} has rows of {test[0].shape[1:]}, but {training[0].name} of {training[0].shape[1:]}",
        )
    y, labels = number_labels(np.concatenate([_labels(labels) for _, labels in pairs]))
    parts = _parts(pairs, y, is_last, pixels)
    return DataSet("npz", tuple(parts[:1]), tuple(parts[1:]), prod(training[0].shape[1:]), labels, pixels, shape)


def _parts(pairs: list[tuple[NpzMember, NpzMember]], y: Ints, is_last: bool, pixels: bool) -> list[DatasetPart]:
    parts, start = [], 0
    for x, _ in pairs:
        end = start + x.shape[0]
        parts.append(DatasetPart(x.name.removesuffix(".npy"), y[start:end], _reader(x, is_last, pixels)))
        start = end
    return parts


def _reader(x: NpzMember, channels_last: bool, pixels: bool) -> Callable[[], Iterator[Rows]]:
    return lambda: _blocks(x, channels_last, pixels)


def _members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the arrays in the archive by name."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {i.filename.removesuffix(".npy"): i for i in archive.infolist() if i.filename.endswith(".npy")}
    except FileNotFoundError as error:
        raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror}") from error
    except _DAMAGE as error:
        raise DataError(str(path), None, f"is not an .npz archive: {error}") from error


def _find(
    path: Path, members: dict[str, zipfile.ZipInfo], names: tuple[tuple[str, str], ...]
) -> tuple[NpzMember, NpzMember] | None:
    """Return rows and labels under the first of these pairs of names that is present. Raises DataError."""
    for first, second in names:
        if first in members and second in members:
            x, y = _member(path, members[first]), _member(path, members[second])
            if len(x.shape) < 2 or not 1 <= prod(x.shape[1:]) <= FEATURES_MAX:
                raise DataError(
                    str(path), None, f"{first} has the shape {x.shape}, expected rows of 1 to {FEATURES_MAX} features"
                )
            if y.shape not in ((x.shape[0],), (x.shape[0], 1)) or y.dtype.kind not in "iu":
                raise DataError(
                    str(path),
                    None,
                    f"{second} is {y.dtype} of {y.shape}, expected an integer for each of {x.shape[0]} rows",
                )
            return x, y
    return None


def _member(path: Path, info: zipfile.ZipInfo) -> NpzMember:
    """Read the header of an array. Raises DataError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(info) as file:
            dtype, shape = _read_header(file)
    except _DAMAGE as error:
        raise DataError(str(path), None, f"{printable(info.filename)} is not an array: {error}") from error
    if not shape or not 1 <= shape[0] <= SET_ROWS_MAX:
        raise DataError(
            str(path), None, f"{printable(info.filename)} has the shape {shape}, expected 1 to {SET_ROWS_MAX} rows"
        )
    return NpzMember(path, info.filename, dtype, shape)


def _read_header(file: IO[bytes]) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    """Read the header of an .npy; return its type and shape."""
    start = file.read(10)
    if start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise ValueError("it does not begin with the .npy magic bytes")
    size = int.from_bytes(start[8:10], "little")
    if start[6] > 1:
        size |= int.from_bytes(file.read(2), "little") << 16
    match = _HEADER.fullmatch(file.read(size).decode("latin-1")) if size <= HEADER_BYTES_MAX else None
    if match is None:
        raise ValueError("its header is damaged, or its type is not one of numbers")
    if match[4] == "True":
        raise ValueError("it is stored by columns: save it with numpy.ascontiguousarray")
    shape = tuple(int(size) for size in match[5].replace(" ", "").split(",") if size)
    return np.dtype(f"{match[1]}{match[2]}{match[3]}"), shape


def _labels(y: NpzMember) -> Ints:
    rows = np.concatenate([block.reshape(-1) for block in _raw_blocks(y)])  # (n,)
    return rows.astype(np.int64)


def _blocks(x: NpzMember, channels_last: bool, pixels: bool) -> Iterator[Rows]:
    """Yield rows as bytes or float32, images channel by channel."""
    for block in _raw_blocks(x):
        if channels_last:
            block = block.reshape(len(block), *x.shape[1:]).transpose(0, 3, 1, 2)  # (n, c, h, w)
        flat = block.reshape(len(block), -1)  # (n, d)
        if not pixels:
            with np.errstate(over="ignore"):
                flat = flat.astype(np.float32)  # (n, d)
            if not np.isfinite(flat).all():
                raise DataError(str(x.path), None, f"{x.name} holds a number that is not finite")
        yield flat


def _raw_blocks(member: NpzMember) -> Iterator[Rows]:
    """Yield the rows as they are stored: (rows, ...). Raises DataError with the row where the damage begins."""
    step, row = block_rows(member.row_bytes), 0
    try:
        with zipfile.ZipFile(member.path) as archive, archive.open(member.name) as file:
            _read_header(file)
            for row in range(0, member.shape[0], step):
                count = min(step, member.shape[0] - row)
                data = file.read(count * member.row_bytes)
                if len(data) != count * member.row_bytes:
                    raise ValueError("it is truncated")
                yield np.frombuffer(data, member.dtype).reshape(count, *member.shape[1:])  # (count, ...)
            if file.read(1):  # reading to the end also verifies the archive's checksum
                raise ValueError("it continues after its last row")
    except _DAMAGE as error:
        raise DataError(str(member.path), row + 1, f"{member.name} is damaged: {error}") from error
