"""The one compact form in which prepared data lies on the ring: a head, rows of label and features, a checksum.

    8 bytes   magic
    1 byte    kind of the features: 0 bytes (pixels), 1 float32
    28 bytes  rows, features, classes, channels, height, width (0 where it is no image), 0: uint32, little-endian
    rows      each a uint16 label and its features
    4 bytes   CRC-32 of everything before

Rows lie one after the other, so a file is written while its source is read. No text begins with the magic, so one
file of the ring is told from another by its first bytes (content.py).
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints, Samples
from roundelay.ml.errors import DataError

MAGIC = b"\x89RDLY1\r\n"
CLASSES_MAX = 65_535
FEATURES_MAX = 1 << 20
ROWS_MAX = 1 << 31
KINDS = (np.dtype("u1"), np.dtype("<f4"))

_HEAD = struct.Struct("<B7I")
HEAD_BYTES = len(MAGIC) + _HEAD.size
_CRC = struct.Struct("<I")

Shape = tuple[int, ...]  # channels, height, width; or nothing


@dataclass(frozen=True)
class Head:
    """What a packed file says of itself."""

    kind: int
    rows: int
    features: int
    classes: int
    shape: Shape = ()

    @property
    def record(self) -> np.dtype[np.void]:
        """One row."""
        return np.dtype([("y", "<u2"), ("x", KINDS[self.kind], (self.features,))])

    @property
    def size_bytes(self) -> int:
        """Of the whole file."""
        return HEAD_BYTES + self.rows * self.record.itemsize + _CRC.size

    def to_bytes(self) -> bytes:
        return MAGIC + _HEAD.pack(self.kind, self.rows, self.features, self.classes, *(self.shape or (0, 0, 0)), 0)


class Writer:
    """Writes one packed file, rows as they come. The head, and so the number of rows, must be known before."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file, self._head = file, head
        self._rows, self._crc = 0, 0
        self._write(head.to_bytes())

    def add(self, x: npt.NDArray[np.generic], y: Ints) -> None:
        """Some rows: x (n, d), bytes or float32 as the head says, and their classes (n,)."""
        assert x.shape == (len(y), self._head.features), f"{x.shape} for {len(y)} rows"
        records = np.empty(len(y), self._head.record)  # (n,)
        records["x"], records["y"] = x, y
        self._rows += len(y)
        self._write(records.tobytes())

    def close(self) -> None:
        """The checksum; the file itself stays open."""
        assert self._rows == self._head.rows, f"{self._rows} rows written, {self._head.rows} announced"
        self._file.write(_CRC.pack(self._crc))

    def _write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)


def pack(samples: Samples, classes: int, shape: Shape = (), pixels: bool = False) -> bytes:
    """A whole file at once."""
    file = io.BytesIO()
    writer = Writer(file, Head(0 if pixels else 1, samples.rows, samples.features, classes, shape))
    writer.add(samples.x, samples.y)
    writer.close()
    return file.getvalue()


def is_packed(content: bytes) -> bool:
    return content[: len(MAGIC)] == MAGIC


def read_head(name: str, content: bytes) -> Head:
    """The head, checked against the length of the whole. Raises DataError."""
    if not is_packed(content) or len(content) < HEAD_BYTES:
        raise DataError(name, None, f"is no packed file: {len(content)} bytes, the first {content[:8]!r}")
    kind, rows, features, classes, *shape, zero = _HEAD.unpack_from(content, len(MAGIC))
    known = kind < len(KINDS) and zero == 0
    if not (known and 1 <= rows <= ROWS_MAX and 1 <= features <= FEATURES_MAX and 1 <= classes <= CLASSES_MAX):
        raise DataError(name, None, f"has a damaged head: {rows} rows, {features} features, {classes} classes")
    if any(shape) and shape[0] * shape[1] * shape[2] != features:
        raise DataError(name, None, f"has a damaged head: images of {shape} and {features} features")
    head = Head(kind, rows, features, classes, tuple(shape) if any(shape) else ())
    if len(content) != head.size_bytes:
        raise DataError(name, None, f"has {len(content)} bytes, its head announces {head.size_bytes}")
    return head


def parse(name: str, content: bytes, features: int | None = None, classes: int | None = None) -> Samples:
    """The samples in a packed file; raises DataError where it is damaged, or not of so many features and classes."""
    head = read_head(name, content)
    if zlib.crc32(memoryview(content)[: -_CRC.size]) != _CRC.unpack_from(content, len(content) - _CRC.size)[0]:
        raise DataError(name, None, "is damaged: its checksum is another")
    if features is not None and head.features != features:
        raise DataError(name, None, f"has {head.features} features, expected {features}")
    records = np.frombuffer(content, head.record, head.rows, HEAD_BYTES)  # (n,)
    x, y = records["x"].astype(np.float32), records["y"].astype(np.int64)  # (n, d), (n,)
    most = head.classes if classes is None else min(classes, head.classes)
    if y.max() >= most:
        row = int(np.argmax(y >= most))
        raise DataError(name, row + 1, f"class {y[row]} is out of range 0..{most - 1}")
    if not np.isfinite(x).all():
        row, column = (int(i[0]) for i in np.nonzero(~np.isfinite(x)))
        raise DataError(name, row + 1, f"feature {column + 1} is {x[row, column]}, not finite")
    return Samples(np.ascontiguousarray(x), y)
