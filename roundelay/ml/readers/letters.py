"""Parser of comma-separated rows: the features, then the class, or the target of a regression. It opens no files.

Two fast paths parse a whole block or reject it: one for unsigned integers, as in the letters, and one for any numbers.
If both reject a block, a slow path applies the same rules line by line, to find the first error.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np

from roundelay.ml.data import Labels, Samples
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import DataError, fields_text, private

FEATURES_MAX = 65_536
LINE_BYTES_MAX = 1 << 20
_BLOCK_BYTES = LINE_BYTES_MAX

_PLAIN = b"0123456789+-.eE, \t\n"  # all bytes that occur in numbers and separators
_UNSIGNED = b"0123456789,\n"
_DIGITS_MAX = 9  # of an integer on the fast path
_NUMBER = re.compile(rb"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
_INTEGER = re.compile(rb"[ \t]*[+-]?[0-9]{1,18}[ \t]*")
_NOT_FINITE = re.compile(rb"[ \t]*[+-]?(nan|inf|infinity)[ \t]*", re.IGNORECASE)


def parse(name: str, content: bytes, features: int | None = None, classes: int = CLASSES_DEFAULT) -> Samples:
    """Parse rows of `features` numbers and an integer class from 0 to classes - 1; with 0 classes, a target.

    If `features` is None, the first row determines it. Raises DataError with name and line of the first error.
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
            fast = _parse_unsigned(block, features, classes) if classes else None
            part = fast or _parse_numbers(block, features, classes)
        if part is None:
            raise _first_error(name, line, block.split(b"\n"), features, classes)
        parts.append(part)
        line += part.rows
    return Samples(np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]))


def _blocks(name: str, content: bytes) -> Iterator[bytes]:
    """Cut content at line ends into blocks of at most _BLOCK_BYTES, to bound the memory in use."""
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


def _parse_unsigned(block: bytes, features: int, classes: int) -> Samples | None:
    """Parse lines of unsigned integers, one decimal place of all fields at a time; return None for other lines.

    The result is exact: int64 holds every field, and rounds to the same float32 as float64 would.
    """
    if block.translate(None, _UNSIGNED):
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


def _parse_numbers(block: bytes, features: int, classes: int) -> Samples | None:
    """Parse lines of any numbers; return None if a line is malformed."""
    if block.translate(None, _PLAIN) or not block.strip():
        return None
    lines = block.split(b"\n")
    try:
        with np.errstate(over="ignore"):  # too large for float32: becomes infinite, and is refused below
            table = np.loadtxt(io.BytesIO(block), np.float32, None, ",", ndmin=2)  # (n, d + 1)
        if not classes:
            labels: Labels = table[:, -1].copy()  # (n,)
        else:
            labels = np.array([int(line.rpartition(b",")[2]) for line in lines], np.int64)  # (n,)
    except (ValueError, OverflowError):
        return None
    if table.shape != (len(lines), features + 1) or not np.isfinite(table).all():
        return None
    if classes and (labels.min() < 0 or labels.max() >= classes):
        return None
    return Samples(np.ascontiguousarray(table[:, :-1]), labels)


def _first_error(name: str, line: int, lines: list[bytes], features: int, classes: int) -> DataError:
    """Return the error of the first malformed line; `line` is the number of the first line given."""
    for number, text in enumerate(lines, line):
        message = _describe_error(text, features, classes)
        if message is not None:
            return DataError(name, number, message)
    return DataError(name, line, "cannot be read, or a later line cannot")


def _describe_error(text: bytes, features: int, classes: int) -> str | None:
    """Describe what is wrong with a line, or return None."""
    if _is_binary(text):
        return "is not text: a binary file cannot be training data"
    if not text.strip():
        return "is blank"
    fields = text.split(b",")
    if not 1 <= features <= FEATURES_MAX:
        return f"has {fields_text(len(fields))}, expected 1 to {FEATURES_MAX} features, then a class"
    if len(fields) != features + 1:
        return f"has {fields_text(len(fields))}, expected {features + 1}"
    for column, field in enumerate(fields[:-1] if classes else fields, 1):
        if not _NUMBER.fullmatch(field):
            return f"field {column} is {_quote(field)}, {_describe_value(field, 'not a number')}"
        if not abs(float(field)) <= float(np.finfo(np.float32).max):
            return f"field {column} is {_quote(field)}, too large"
    return _describe_class_error(fields[-1], classes) if classes else None


def _describe_class_error(field: bytes, classes: int) -> str | None:
    if not _INTEGER.fullmatch(field):
        return f"the class is {_quote(field)}, {_describe_value(field, 'not an integer')}"
    if not 0 <= int(field) < classes:
        return f"class {private(int(field))} is out of range 0..{classes - 1}"
    return None


def _describe_value(field: bytes, otherwise: str) -> str:
    return "not finite" if _NOT_FINITE.fullmatch(field) else otherwise


def _is_binary(text: bytes) -> bool:
    try:
        return "\0" in text.decode("utf-8")
    except UnicodeDecodeError:
        return True


def _quote(field: bytes) -> str:
    return f"'{private(field.decode('utf-8', 'backslashreplace'), 20)}'"
