"""MNIST in its original format: a folder of IDX files with images and labels, plain or .gz.

    train-images-idx3-ubyte[.gz]  train-labels-idx1-ubyte[.gz]  t10k-images-idx3-ubyte[.gz]  t10k-labels-...

If the folder holds only one of the two pairs, it is the training part, and there is no test part.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, InputMissing, printable, private
from roundelay.ml.readers.folder import names_in
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.source import SET_ROWS_MAX, DataSet, DatasetPart, Rows, block_rows, digits

IMAGES = re.compile(r"(train|t10k|test)[-_.]images[-_.]idx3[-_.]ubyte(\.gz)?")
CLASSES_MIN = 10
SIDE_MAX = 4096
_UBYTE = 8


def has_idx_names(names: list[str]) -> bool:
    return any(IMAGES.fullmatch(name) for name in names)


def read(folder: Path, limits: Limits = DEFAULT) -> DataSet:
    """Read the pairs in a folder. Raises DataError, InputMissing."""
    names = [name for name in names_in(folder) if _file(folder, name).is_file()]
    pairs: dict[bool, tuple[DatasetPart, tuple[int, int]]] = {}  # key: is it the test part?
    for name in names:
        match = IMAGES.fullmatch(name)
        if match and (match[1] != "train") not in pairs:
            pairs[match[1] != "train"] = _pair(folder, name, names, limits)
    if not pairs:
        raise DataError(
            str(folder), None, "holds no IDX file of images; expected train-images-idx3-ubyte, plain or .gz"
        )
    parts = [part for _, (part, _) in sorted(pairs.items())]
    sides = {side for _, side in pairs.values()}
    if len(sides) > 1:
        raise DataError(str(folder), None, f"has images of different sizes: {sorted(sides)}")
    ((height, width),) = sides
    classes = max(CLASSES_MIN, 1 + max(int(part.y.max()) for part in parts))
    return DataSet(
        "mnist", tuple(parts[:1]), tuple(parts[1:]), height * width, digits(classes), True, (1, height, width)
    )


def _pair(folder: Path, images: str, names: list[str], limits: Limits) -> tuple[DatasetPart, tuple[int, int]]:
    """Return the part made of an image file and its labels, and (height, width) of its images."""
    stem = images.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    labels = next((name for name in (stem, f"{stem}.gz") if name in names), None)
    if labels is None:
        raise InputMissing(f"no labels for {printable(str(folder / images))}: {stem} or {stem}.gz is missing")
    y = _labels(_file(folder, labels), limits)
    path = _file(folder, images)
    with _open(path) as file:
        rows, height, width = _read_header(path, file, 3)
        limits.check_array(str(path), images, rows * height * width)
    if rows != len(y):
        raise DataError(str(path), None, f"has {rows} images, but {labels} has {len(y)} labels")
    if not (1 <= height <= SIDE_MAX and 1 <= width <= SIDE_MAX):
        raise DataError(str(path), None, f"has images of {height} x {width} pixels, expected at most {SIDE_MAX} a side")
    return DatasetPart(images, y, lambda: _image_blocks(path, rows, height * width)), (height, width)


def _labels(path: Path, limits: Limits) -> Ints:
    with _open(path) as file:
        (rows,) = _read_header(path, file, 1)
        limits.check_array(str(path), path.name, rows)
        data = _read_exactly(path, file, rows, "label")
        _require_end(path, file, rows)
    return np.frombuffer(data, np.uint8).astype(np.int64)  # (n,)


def _image_blocks(path: Path, rows: int, pixels: int) -> Iterator[Rows]:
    step = block_rows(pixels)
    with _open(path) as file:
        _read_header(path, file, 3)
        for start in range(0, rows, step):
            count = min(step, rows - start)
            data = _read_exactly(path, file, count * pixels, "image", start, pixels)
            yield np.frombuffer(data, np.uint8).reshape(count, pixels)  # (count, d)
        _require_end(path, file, rows)


def _read_header(path: Path, file: BinaryIO, dimensions: int) -> tuple[int, ...]:
    """Read the header of an IDX file of unsigned bytes; return its sizes, of which the first counts the rows."""
    magic = _read_exactly(path, file, 4, "header")
    if magic != bytes([0, 0, _UBYTE, dimensions]):
        raise DataError(
            str(path),
            None,
            f"begins with {private(magic.hex())}, expected 0000080{dimensions}: an IDX file of bytes in {dimensions} "
            "dimensions",
        )
    sizes = struct.unpack(f">{dimensions}I", _read_exactly(path, file, 4 * dimensions, "header"))
    if not 1 <= sizes[0] <= SET_ROWS_MAX:
        raise DataError(str(path), None, f"declares {sizes[0]} rows, expected 1 to {SET_ROWS_MAX}")
    return sizes


def _file(folder: Path, name: str) -> Path:
    """Return the path of a file, which some archives put into a folder of the same name."""
    path = folder / name
    return path / name if path.is_dir() else path


def _open(path: Path) -> BinaryIO:
    """Open a file, and unpack it if it is packed, whatever its name says."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(path, "rb") if is_packed else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise InputMissing(f"cannot read {printable(str(path))}: {error.strerror}") from error


def _read_exactly(path: Path, file: BinaryIO, size_bytes: int, what: str, first: int = 0, each: int = 1) -> bytes:
    """Read exactly `size_bytes`. Raises DataError that names the image or label in which the file ends early."""
    data = bytearray()
    try:
        while len(data) < size_bytes:  # in steps, because the header may declare more than the file holds
            piece = file.read(min(size_bytes - len(data), 1 << 22))
            if not piece:
                raise EOFError
            data += piece
    except (EOFError, OSError, zlib.error) as error:  # gzip's errors are OSErrors
        why = "" if isinstance(error, EOFError) else f" ({private(error)})"
        raise DataError(str(path), None, f"ends within {what} {first + len(data) // each + 1}{why}") from error
    return bytes(data)


def _require_end(path: Path, file: BinaryIO, rows: int) -> None:
    try:
        more = file.read(1)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(str(path), None, f"is damaged at the end: {private(error)}") from error
    if more:
        raise DataError(str(path), None, f"continues after the {rows} rows that its header declares")
