"""Comma-separated rows: the features, then the class. Parses bytes; opens nothing.

Whole blocks go through fast paths that only say yes or no: one for plain whole numbers, which letters are, one for all
numbers. Where both say no, a slow path walks the same lines by the same rules and says which one is wrong, and why.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np

from roundelay.ml.data import Samples
from roundelay.ml.errors import DataError, printable
from roundelay.ml.task import CLASSES_DEFAULT

FEATURES_MAX = 65_536
LINE_BYTES_MAX = 1 << 20
_BLOCK_BYTES = LINE_BYTES_MAX

_PLAIN = b"0123456789+-.eE, \t\n"  # bytes of which all numbers and separators are made
_WHOLE = b"0123456789,\n"
_DIGITS_MAX = 9  # of a whole number that is quickly read
_NUMBER = re.compile(rb"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_INTEGER = re.compile(rb"[ \t]*[+-]?[0-9]{1,18}[ \t]*")
_NOT_FINITE = re.compile(rb"[ \t]*[+-]?(nan|inf|infinity)[ \t]*", re.IGNORECASE)


def parse(name: str, content: bytes, features: int | None = None, classes: int = CLASSES_DEFAULT) -> Samples:
    """The samples in content: rows of `features` numbers and an integer class 0 .. classes - 1.

    Without features the first row settles them. Raises DataError with name and line of the first fault.
    """
    content = content.replace(b"\r\n", b"\n").rstrip()
    if not content:
        raise DataError(name, None, "is empty")
    parts: list[Samples] = []
    line = 1
    for block in _blocks(name, content):
        features = block.partition(b"\n")[0].count(b",") if features is None else features
        part = None
        if 1 <= features <= FEATURES_MAX:
            part = _whole(block, features, classes) or _fast(block, features, classes)
        if part is None:
            raise _fault(name, line, block.split(b"\n"), features, classes)
        parts.append(part)
        line += part.rows
    return Samples(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]))


def _blocks(name: str, content: bytes) -> Iterator[bytes]:
    """Cut content at line ends into blocks of at most _BLOCK_BYTES, so that memory stays flat."""
    start, line = 0, 1
    while start < len(content):
        end = len(content)
        if end - start > _BLOCK_BYTES:
            end = content.rfind(b"\n", start, start + _BLOCK_BYTES + 1)
        if end < 0:
            raise DataError(name, line, f"is longer than {LINE_BYTES_MAX} bytes")
        block = content[start:end]
        yield block
        line += block.count(b"\n") + 1
        start = end + 1


def _whole(block: bytes, features: int, classes: int) -> Samples | None:
    """The samples of lines of digits and commas alone, read digit by digit of all fields at once; None for others.

    Exact: int64 holds every field, and its float32 is the one that its float64 rounds to.
    """
    if block.translate(None, _WHOLE):
        return None
    text = np.frombuffer(block + b"\n", np.uint8).astype(np.int64)  # (bytes,)
    ends = np.flatnonzero(text < ord("0"))  # (n * (d + 1),)
    lengths = np.diff(ends, prepend=-1) - 1  # (n * (d + 1),)
    if len(ends) % (features + 1) or lengths.min() < 1 or lengths.max() > _DIGITS_MAX:
        return None
    values = np.zeros(len(ends), np.int64)  # (n * (d + 1),)
    for place in range(int(lengths.max())):
        values += np.where(lengths > place, text[ends - 1 - place] - ord("0"), 0) * 10**place
    table, is_line = values.reshape(-1, features + 1), (text[ends] == ord("\n")).reshape(-1, features + 1)  # (n, d + 1)
    if is_line[:, :-1].any() or not is_line[:, -1].all() or table[:, -1].max() >= classes:
        return None
    return Samples(table[:, :-1].astype(np.float32), table[:, -1].copy())


def _fast(block: bytes, features: int, classes: int) -> Samples | None:
    """The samples of these lines, or None if any of them breaks a rule."""
    if block.translate(None, _PLAIN) or not block.strip():
        return None
    lines = block.split(b"\n")
    try:
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
            table = np.loadtxt(io.BytesIO(block), np.float32, None, ",", ndmin=2)  # (n, d + 1)
        labels = np.array([int(line.rpartition(b",")[2]) for line in lines], np.int64)  # (n,)
    except (ValueError, OverflowError):
        return None
    if table.shape != (len(lines), features + 1) or not np.isfinite(table).all():
        return None
    if labels.min() < 0 or labels.max() >= classes:
        return None
    return Samples(np.ascontiguousarray(table[:, :-1]), labels)


def _fault(name: str, line: int, lines: list[bytes], features: int, classes: int) -> DataError:
    """The error of the first of these lines that breaks a rule; line is the number of the first."""
    for number, text in enumerate(lines, line):
        message = _fault_in(text, features, classes)
        if message is not None:
            return DataError(name, number, message)
    return DataError(name, line, "cannot be read, here or in what follows")


def _fault_in(text: bytes, features: int, classes: int) -> str | None:
    """What is wrong with one line, or None."""
    if _is_binary(text):
        return "is no text: a binary file is no training data"
    if not text.strip():
        return "is blank"
    fields = text.split(b",")
    if not 1 <= features <= FEATURES_MAX:
        return f"has {len(fields)} fields: expected 1 to {FEATURES_MAX} features, then a class"
    if len(fields) != features + 1:
        return f"has {len(fields)} fields, expected {features + 1}"
    for column, field in enumerate(fields[:-1], 1):
        if not _NUMBER.fullmatch(field):
            return f"field {column} is {_shown(field)}, {_what_it_is(field, 'no number')}"
        if not abs(float(field)) <= float(np.finfo(np.float32).max):
            return f"field {column} is {_shown(field)}, too large"
    return _fault_in_class(fields[-1], classes)


def _fault_in_class(field: bytes, classes: int) -> str | None:
    if not _INTEGER.fullmatch(field):
        return f"the class is {_shown(field)}, {_what_it_is(field, 'no integer')}"
    if not 0 <= int(field) < classes:
        return f"class {int(field)} is out of range 0..{classes - 1}"
    return None


def _what_it_is(field: bytes, otherwise: str) -> str:
    return "not finite" if _NOT_FINITE.fullmatch(field) else otherwise


def _is_binary(text: bytes) -> bool:
    try:
        return "\0" in text.decode("utf-8")
    except UnicodeDecodeError:
        return True


def _shown(field: bytes) -> str:
    return f"'{printable(field.decode('utf-8', 'backslashreplace'), 20)}'"
