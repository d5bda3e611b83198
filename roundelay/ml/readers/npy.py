"""One array in numpy's format (.npy), by itself or in an archive: its header, and its rows block by block.

Nothing is unpickled: an array of objects is refused. Headers are limited to HEADER_BYTES_MAX.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from roundelay.ml.errors import DataError, printable, private
from roundelay.ml.readers.limits import Limits
from roundelay.ml.readers.source import SET_ROWS_MAX, Rows, block_rows
from roundelay.ml.readers.text import open_regular

HEADER_BYTES_MAX = 4096
TEXT_CHARACTERS_MAX = 9999  # of one text
DAMAGE = (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, KeyError)
_HEADER = re.compile(
    r"\s*\{\s*'descr':\s*'([<>|=]?)([buifUSO])(\d{0,8})',\s*'fortran_order':\s*(False|True),"
    r"\s*'shape':\s*\(([\d,\s]{0,200})\),?\s*\}\s*"
)
_OTHER_TYPES = {"M": "dates", "m": "spans of time", "c": "complex numbers", "V": "records"}
_OTHER_HEADER = re.compile(rf"\s*\{{\s*'descr':\s*'[<>|=]?([{''.join(_OTHER_TYPES)}])")


@dataclass(frozen=True)
class ArrayFile:
    """One array: a member of an archive, or a file of its own."""

    path: Path  # of the archive, or of the file
    name: str
    member: str | None = None
    dtype: np.dtype[np.generic] = np.dtype(np.uint8)
    shape: tuple[int, ...] = ()
    by_columns: bool = False  # numpy's Fortran order

    @property
    def row_bytes(self) -> int:
        return prod(self.shape[1:]) * self.dtype.itemsize

    def open(self, stack: ExitStack) -> IO[bytes]:
        """Open the array; the stack closes it."""
        if self.member is None:
            return open_regular(self.path, stack)[0]
        return stack.enter_context(stack.enter_context(zipfile.ZipFile(self.path)).open(self.member))


def with_header(array: ArrayFile, limits: Limits) -> ArrayFile:
    """Read the header of an array. Raises DataError."""
    try:
        with ExitStack() as stack:
            dtype, shape, by_columns = read_header(array.open(stack))
            if dtype.itemsize > np.dtype(f"U{TEXT_CHARACTERS_MAX}").itemsize:
                raise ValueError(f"its texts are longer than {TEXT_CHARACTERS_MAX} characters")
    except DAMAGE as error:
        raise DataError(str(array.path), None, f"{printable(array.name)} cannot be read: {private(error)}") from error
    made = ArrayFile(array.path, array.name, array.member, dtype, shape, by_columns)
    name = printable(array.name)
    if not shape or not 1 <= shape[0] <= SET_ROWS_MAX:
        raise DataError(str(array.path), None, f"{name} has the shape {shape}, expected 1 to {SET_ROWS_MAX} rows")
    limits.check_array(str(array.path), name, made.row_bytes * shape[0])
    return made


def read_header(file: IO[bytes]) -> tuple[np.dtype[np.generic], tuple[int, ...], bool]:
    """Read the header of an .npy; return its type, its shape, and whether it is stored by columns."""
    start = file.read(10)
    if start[:6] != b"\x93NUMPY" or start[6] not in (1, 2, 3):
        raise ValueError("it does not begin with the .npy magic bytes")
    size = int.from_bytes(start[8:10], "little")
    if start[6] > 1:
        size |= int.from_bytes(file.read(2), "little") << 16
    header = file.read(size).decode("latin-1") if size <= HEADER_BYTES_MAX else ""
    match = _HEADER.fullmatch(header)
    if other := _OTHER_HEADER.match(header):
        raise ValueError(f"it holds {_OTHER_TYPES[other[1]]}: make them numbers, such as .astype(float)")
    if match is None:
        raise ValueError("its header is damaged, or its type is not one of numbers or texts")
    if match[2] == "O":
        raise ValueError("it holds Python objects, which are not unpickled: save it with .astype(str) or .astype(int)")
    shape = tuple(int(size) for size in match[5].replace(" ", "").split(",") if size)
    return np.dtype(f"{match[1]}{match[2]}{match[3]}"), shape, match[4] == "True"


def raw_blocks(array: ArrayFile) -> Iterator[Rows]:
    """Yield the rows as they are stored: (rows, ...). Raises DataError with the row where the damage begins."""
    step, row = block_rows(array.row_bytes), 0
    try:
        with ExitStack() as stack:
            file = array.open(stack)
            read_header(file)
            if array.by_columns:
                yield from _turned(array, file, stack)
                return
            for row in range(0, array.shape[0], step):
                count = min(step, array.shape[0] - row)
                data = file.read(count * array.row_bytes)
                if len(data) != count * array.row_bytes:
                    raise ValueError("it is truncated")
                yield np.frombuffer(data, array.dtype).reshape(count, *array.shape[1:])  # (count, ...)
            if file.read(1):  # reading to the end also verifies the archive's checksum
                raise ValueError("it continues after its last row")
    except DAMAGE as error:
        raise DataError(str(array.path), row + 1, f"{array.name} is damaged: {private(error)}") from error


def _turned(array: ArrayFile, file: IO[bytes], stack: ExitStack) -> Iterator[Rows]:
    """Yield the rows of an array that is stored by columns, through a temporary file."""
    copy = stack.enter_context(tempfile.TemporaryFile(prefix="roundelay-array-"))  # noqa: SIM115
    size = array.row_bytes * array.shape[0]
    while piece := file.read(1 << 20):
        copy.write(piece)
        if copy.tell() > size:
            raise ValueError("it continues after its last row")
    if copy.tell() != size:
        raise ValueError("it is truncated")
    copy.flush()
    whole = np.memmap(copy, array.dtype, "r", shape=array.shape, order="F")  # (n, ...)
    step = block_rows(array.row_bytes)
    for row in range(0, array.shape[0], step):
        yield np.ascontiguousarray(whole[row : row + step])
