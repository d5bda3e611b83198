"""The rows of a table as they are written, each with the value of one column, so that they can be sorted into files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from roundelay.ml.errors import DataError, fields_text, printable, private
from roundelay.ml.readers.dialect import BLANKS, COMMENT, LABEL_NAMES, Dialect, find_dialect, has_header, sample_rows
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.text import blocks


@dataclass(frozen=True, eq=False)
class TextRows:
    """Rows of text."""

    header: bytes  # the line of column names, with its end; empty if there is none
    lines: list[bytes]  # of each row, without its end
    values: list[str]  # of each row, in the column that counts


def read(path: Path, by: str = "", limits: Limits = DEFAULT) -> TextRows:
    """Read a table; `by` is the column that counts, by default the class. Raises DataError, InputMissing."""
    found = list(blocks(path, limits=limits))
    if not found:
        raise DataError(str(path), None, "is empty")
    dialect = find_dialect(path, found[0])
    first = sample_rows(found[0], dialect)
    is_named = bool(first) and has_header(path, 1, first, dialect)
    header, place = b"", -1
    lines: list[bytes] = []
    values: list[str] = []
    for number, text, fields in _records(path, b"".join(block.text for block in found).decode(), dialect):
        if not values and not header:
            place = place_of(path, by, fields if is_named else [], len(fields))
            width = len(fields)
            if is_named:
                header = f"{text}\n".encode()
                continue
        if len(fields) != width:
            raise DataError(str(path), number, f"has {fields_text(len(fields))}, expected {width}")
        lines.append(text.encode())
        values.append(fields[place].strip())
    if not lines:
        raise DataError(str(path), None, "holds no row")
    return TextRows(header, lines, values)


def place_of(path: Path, given: str, header: Sequence[str], width: int) -> int:
    """Return the place of a column: by its name or number, by default the class. Raises DataError."""
    names = [name.strip() for name in header]
    if given in names:
        return names.index(given)
    if not given:
        named = [place for place, name in enumerate(names) if name.lower() in LABEL_NAMES]
        return named[0] if len(named) == 1 else width - 1
    if given.isdecimal() and int(given) < width:
        return int(given)
    known = ", ".join(names) or f"numbered 0 to {width - 1}"
    raise DataError(str(path), None, f"has no column {printable(given, 40)!r} (--by); its columns are {known[:120]}")


def _records(path: Path, text: str, dialect: Dialect) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number, text and fields of each row. Raises DataError."""
    kept = [(number, line) for number, line in enumerate(text.split("\n"), 1) if not line.startswith(COMMENT)]
    if dialect.separator == BLANKS:
        yield from ((number, line, line.split()) for number, line in kept if line.strip())
        return
    reader = csv.reader((f"{line}\n" for _, line in kept), delimiter=dialect.separator, strict=True)
    start = 0
    try:
        for fields in reader:
            end = reader.line_num
            if fields:
                yield kept[start][0], "\n".join(line for _, line in kept[start:end]), fields
            start = end
    except csv.Error as error:
        raise DataError(str(path), kept[start][0], f"cannot be read: {private(error)}") from error
