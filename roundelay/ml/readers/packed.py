"""The binary format of prepared data on the ring: a header, rows of label and features, a checksum.

    8 bytes   magic
    1 byte    kind of the features: 0 bytes (pixels), 1 float32
    28 bytes  rows, features, classes, channels, height, width (0 if rows are not images), 0: uint32, little-endian
    rows      a uint16 label and the features of each; with 0 classes, a float32 target in the place of the label
    4 bytes   CRC-32 of all bytes before it

Rows are contiguous, so a file can be written while its source is read. No text begins with the magic, so the first
bytes of a file tell its format (content.py).
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Labels, Samples
from roundelay.ml.errors import DataError, private

MAGIC = b"\x89RDLY1\r\n"
CLASSES_MAX = 65_535
FEATURES_MAX = 1 << 20
ROWS_MAX = 1 << 31
KINDS = (np.dtype("u1"), np.dtype("<f4"))

_HEADER = struct.Struct("<B7I")
HEADER_BYTES = len(MAGIC) + _HEADER.size
_CRC = struct.Struct("<I")

Shape = tuple[int, ...]  # channels, height, width; or empty


@dataclass(frozen=True)
class PackedHeader:
    """The header of a packed file."""

    kind: int
    rows: int
    features: int
    classes: int
    shape: Shape = ()

    @property
    def record(self) -> np.dtype[np.void]:
        """Return the type of a row."""
        return np.dtype([("y", "<u2" if self.classes else "<f4"), ("x", KINDS[self.kind], (self.features,))])

    @property
    def size_bytes(self) -> int:
        """Return the size of the whole file."""
        return HEADER_BYTES + self.rows * self.record.itemsize + _CRC.size

    def to_bytes(self) -> bytes:
        return MAGIC + _HEADER.pack(self.kind, self.rows, self.features, self.classes, *(self.shape or (0, 0, 0)), 0)


class Writer:
    """A writer of one packed file, row by row; the header, with the number of rows, must be known at the start."""

    def __init__(self, file: BinaryIO, header: PackedHeader) -> None:
        self._file, self._header = file, header
        self._rows, self._crc = 0, 0
        self._write(header.to_bytes())

    def add(self, x: npt.NDArray[np.generic], y: Labels) -> None:
        """Append rows: x (n, d), bytes or float32 according to the header, and their labels (n,)."""
        assert x.shape == (len(y), self._header.features), f"{x.shape} for {len(y)} rows"
        records = np.empty(len(y), self._header.record)  # (n,)
        records["x"], records["y"] = x, y
        self._rows += len(y)
        self._write(records.tobytes())

    def close(self) -> None:
        """Append the checksum; the file itself stays open."""
        assert self._rows == self._header.rows, f"{self._rows} rows written, {self._header.rows} declared"
        self._file.write(_CRC.pack(self._crc))

    def _write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)


def pack(samples: Samples, classes: int, shape: Shape = (), pixels: bool = False) -> bytes:
    """Encode samples as a packed file."""
    file = io.BytesIO()
    writer = Writer(file, PackedHeader(0 if pixels else 1, samples.rows, samples.features, classes, shape))
    writer.add(samples.x, samples.y)
    writer.close()
    return file.getvalue()


def is_packed(content: bytes) -> bool:
    return content[: len(MAGIC)] == MAGIC


def read_header(name: str, content: bytes) -> PackedHeader:
    """Decode the header and check it against the length of the file. Raises DataError."""
    if not is_packed(content) or len(content) < HEADER_BYTES:
        raise DataError(
            name, None, f"is not a packed file: {len(content)} bytes, beginning with {private(content[:8])}"
        )
    kind, rows, features, classes, *shape, zero = _HEADER.unpack_from(content, len(MAGIC))
    known = kind < len(KINDS) and zero == 0
    if not (known and 1 <= rows <= ROWS_MAX and 1 <= features <= FEATURES_MAX and 0 <= classes <= CLASSES_MAX):
        raise DataError(name, None, f"has a damaged header: {rows} rows, {features} features, {classes} classes")
    if any(shape) and shape[0] * shape[1] * shape[2] != features:
        raise DataError(name, None, f"has a damaged header: images of {shape} and {features} features")
    header = PackedHeader(kind, rows, features, classes, tuple(shape) if any(shape) else ())
    if len(content) != header.size_bytes:
        raise DataError(name, None, f"has {len(content)} bytes, but its header declares {header.size_bytes}")
    return header


def parse(name: str, content: bytes, features: int | None = None, classes: int | None = None) -> Samples:
    """Decode a packed file; with 0 classes, labels are targets.

    Raises DataError if it is damaged, or has other features or more classes than given.
    """
    header = read_header(name, content)
    if zlib.crc32(memoryview(content)[: -_CRC.size]) != _CRC.unpack_from(content, len(content) - _CRC.size)[0]:
        raise DataError(name, None, "is damaged: its checksum does not match")
    if features is not None and header.features != features:
        raise DataError(name, None, f"has {header.features} features, expected {features}")
    records = np.frombuffer(content, header.record, header.rows, HEADER_BYTES)  # (n,)
    most = header.classes if classes is None else min(classes, header.classes)
    if not most:
        return _with_targets(name, header, records, classes)
    x, y = records["x"].astype(np.float32), records["y"].astype(np.int64)  # (n, d), (n,)
    if y.max() >= most:
        row = int(np.argmax(y >= most))
        raise DataError(name, row + 1, f"class {private(y[row])} is out of range 0..{most - 1}")
    _check_finite(name, x)
    return Samples(np.ascontiguousarray(x), y)


def _with_targets(name: str, header: PackedHeader, records: npt.NDArray[np.void], classes: int | None) -> Samples:
    """Return the rows of a regression."""
    if header.classes or classes:
        raise DataError(name, None, f"has {header.classes} classes, expected {classes}; 0 is a regression")
    x, y = records["x"].astype(np.float32), records["y"].astype(np.float32)  # (n, d), (n,)
    _check_finite(name, x)
    if not np.isfinite(y).all():
        row = int(np.argmin(np.isfinite(y)))
        raise DataError(name, row + 1, f"the target is {private(y[row])}, not finite")
    return Samples(np.ascontiguousarray(x), y)


def _check_finite(name: str, x: npt.NDArray[np.float32]) -> None:
    if not np.isfinite(x).all():
        row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(x)))
        raise DataError(name, row + 1, f"feature {column + 1} is {private(x[row, column])}, not finite")
