"""Parse a block of a table's lines as a whole, all numbers of it at once (decimals.py)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from roundelay.ml.data import Doubles, Ints
from roundelay.ml.readers import decimals
from roundelay.ml.readers.dialect import BLANKS, COMMENT, Dialect
from roundelay.ml.readers.row_parser import LARGEST
from roundelay.ml.readers.schema import Layout, Schema

_GAPS = dict.fromkeys((b"", b"?", b"NA", b"nan", b"NaN"), float("nan"))  # the usual ones
_RUN = re.compile(rb"[ \t]+")
_EDGE = re.compile(rb"^[ \t]+|[ \t]+$", re.MULTILINE)
_SWAPPED = bytes.maketrans(b",.", b".,")


class BlockParser:
    """Parses blocks of one file, or refuses those that have to be read row by row."""

    def __init__(self, schema: Schema, layout: Layout, dialect: Dialect) -> None:
        self._schema, self._layout, self._dialect = schema, layout, dialect

    def parse(self, block: bytes) -> tuple[Doubles, list[int]] | None:
        """Return the rows of a block (n, columns), and the number of each one's class; or None."""
        text = _plain(block, self._dialect)
        if text is None:
            return None
        text = b" " * decimals.MARGIN_BYTES + text
        found = _fields(text, self._dialect, self._layout.width)
        if found is None:
            return None
        starts, ends = found  # (n, width)
        rows = self._numbers(text, starts, ends)
        if rows is None:
            return None
        codes = self._words(text, starts, ends, rows)
        return None if codes is None else (rows, codes)

    def _numbers(self, text: bytes, starts: Ints, ends: Ints) -> Doubles | None:
        """Return the rows (n, columns), as yet without words; or None."""
        columns = self._schema.columns
        places = [place for place, n in enumerate(self._layout.columns) if n >= 0 and not columns[n].is_words]
        numbers = [self._layout.columns[place] for place in places]
        rows = np.empty((len(starts), len(columns)))  # (n, columns)
        if self._schema.target and not self._layout.has_target:
            rows[:, -1] = np.nan
        if not numbers:
            return rows
        chosen = slice(places[0], places[-1] + 1) if places[-1] - places[0] + 1 == len(places) else places
        first, last = starts[:, chosen].ravel(), ends[:, chosen].ravel()  # (n * numbers,)
        source = text.translate(_SWAPPED) if self._dialect.decimal_comma else text
        values, good = decimals.parse(np.frombuffer(source, np.uint8), first, last)
        if not good.all():
            others = np.flatnonzero(~good)
            fields = [text[a:b] for a, b in zip(first[others].tolist(), last[others].tolist(), strict=True)]
            read = _read_numbers(fields, self._dialect)
            if read is None:
                return None
            values[others] = read
        table = values.reshape(len(starts), -1)  # (n, numbers)
        if not good.all() and not self._accepts(table, numbers):
            return None
        is_run = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        rows[:, slice(numbers[0], numbers[0] + len(numbers)) if is_run else numbers] = table
        return rows

    def _accepts(self, table: Doubles, numbers: Sequence[int]) -> bool:
        """Return whether missing values may be where they are."""
        gaps = np.isnan(table)  # (n, numbers)
        target = [at for at, number in enumerate(numbers) if self._schema.columns[number].is_target]
        if gaps[:, target].any():
            return False
        return not gaps.any() or (self._schema.options.missing != "refuse" and not gaps.all(axis=1).any())

    def _words(self, text: bytes, starts: Ints, ends: Ints, rows: Doubles) -> list[int] | None:
        """Write the numbers of words into the rows; return the number of each row's class. Or return None."""
        codes: list[int] | None = [-1] * len(starts) if self._layout.label is None else []
        for place, number in enumerate(self._layout.columns):
            is_class = place == self._layout.label
            if not is_class and (number < 0 or not self._schema.columns[number].is_words):
                continue
            words = self._schema.classes if is_class else self._schema.columns[number].words
            first, last = starts[:, place].tolist(), ends[:, place].tolist()
            found = words.number_all([text[a:b] for a, b in zip(first, last, strict=True)])
            if found is None or (-1 in found and (is_class or self._schema.options.missing == "refuse")):
                return None
            if is_class:
                codes = found
            else:
                rows[:, number] = found
                rows[rows[:, number] < 0, number] = np.nan
        return codes


def _plain(text: bytes, dialect: Dialect) -> bytes | None:
    """Return lines without quotes and runs of blanks; None if they have to be read row by row."""
    if dialect.separator == BLANKS:
        text = _RUN.sub(b"\t", _EDGE.sub(b"", text))
    if b'"' in text:
        mark = re.escape(_byte(dialect))
        text = re.sub(rb'(^|%b)"([^"\n%b]*)"(?=%b|$)' % (mark, mark, mark), rb"\1\2", text, flags=re.MULTILINE)
    return None if b'"' in text else text


def _fields(text: bytes, dialect: Dialect, width: int) -> tuple[Ints, Ints] | None:
    """Return where each field begins and ends: (n, width) each; None if a row has another number of fields."""
    data = np.frombuffer(text, np.uint8)
    is_end = data == ord("\n")
    ends = np.flatnonzero(is_end | (data == _byte(dialect)[0]))
    rows, rest = divmod(len(ends), width)
    if rest or int(np.count_nonzero(is_end)) != rows or not is_end[ends[width - 1 :: width]].all():
        return None
    starts = np.empty_like(ends)
    starts[0] = decimals.MARGIN_BYTES
    np.add(ends[:-1], 1, out=starts[1:])
    if (data[starts[::width]] == ord(COMMENT)).any():
        return None
    return starts.reshape(rows, width), ends.reshape(rows, width)


def _read_numbers(fields: list[bytes], dialect: Dialect) -> Sequence[float] | Doubles | None:
    """Return the numbers in fields of any form, NaN for a missing one; None if one is something else."""
    if not dialect.decimal_comma and b"_" not in b"".join(fields):
        try:
            values = np.array([_GAPS[field] if field in _GAPS else float(field) for field in fields])  # (fields,)
            gaps = np.isnan(values)
            if (
                int(gaps.sum()) == sum(field in _GAPS for field in fields)
                and not (np.abs(values[~gaps]) > LARGEST).any()
            ):
                return values
        except ValueError:
            pass  # another mark of a missing value, or blanks
    read: list[float] = []
    for field in fields:
        value = dialect.number(field.decode())
        if value is None or abs(value) > LARGEST:
            return None
        read.append(value)
    return read


def _byte(dialect: Dialect) -> bytes:
    return b"\t" if dialect.separator == BLANKS else dialect.separator.encode()
