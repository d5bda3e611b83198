"""One pass over a file of a table: every field is checked, and the rows go to a spool as numbers.

A block of lines is parsed as a whole (decimals.py). A block that cannot be, because of quoted separators, comments,
blank lines or a fault, is read once more row by row (rows.py), which names the line of a fault. The second way accepts
all that the first one does, and gives the same numbers.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Ints
from roundelay.ml.errors import DataError, fields_text, printable, private
from roundelay.ml.malloc import reuse_freed_blocks
from roundelay.ml.readers import decimals
from roundelay.ml.readers.dialect import BLANKS, COMMENT, Dialect, find_dialect, has_header, is_missing, sample_rows
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.rows import Rows
from roundelay.ml.readers.schema import CLASSES_MAX, Column, Layout, Schema, looks_like_amount, looks_like_date
from roundelay.ml.readers.source import SET_ROWS_MAX
from roundelay.ml.readers.spool import Spool
from roundelay.ml.readers.text import Block, Tell, blocks

Doubles = npt.NDArray[np.float64]

LINES_SLOW = 128  # that are read one by one before the rest of a block is tried at once
LARGEST = float(np.finfo(np.float32).max)
_GAPS = dict.fromkeys((b"", b"?", b"NA", b"nan", b"NaN"), float("nan"))  # the usual ones
_RUN = re.compile(rb"[ \t]+")
_EDGE = re.compile(rb"^[ \t]+|[ \t]+$", re.MULTILINE)
_SWAPPED = bytes.maketrans(b",.", b".,")


class FileScan:
    """The scan of one file."""

    def __init__(self, path: Path, schema: Schema, fast: bool = True, limits: Limits = DEFAULT) -> None:
        self.codes = array("i")  # the class of each row
        self._path, self._schema, self._fast, self._limits = path, schema, fast, limits
        self._dialect, self._layout = Dialect(","), Layout([], None, [])

    def run(self, spool: Spool | None, tell: Tell = lambda done: None) -> Spool:
        """Add the file's rows to a spool, which is made for the first file. Raises DataError, InputMissing, OSError."""
        reuse_freed_blocks()
        following = blocks(self._path, tell, self._limits)
        for block in following:
            if not self._layout.columns:
                block = self._begin(block, following)
                if not self._layout.columns:
                    continue
                spool = spool or Spool(len(self._schema.columns))
            assert spool is not None
            lines = LINES_SLOW
            while block.text and not (self._fast and self._add_block(block, spool)):
                block, lines = self._add_rows(block, following, spool, lines), 2 * lines
            if len(self.codes) > SET_ROWS_MAX:
                raise DataError(str(self._path), block.line, f"has more than {SET_ROWS_MAX} rows")
        if spool is None or not self.codes:
            raise DataError(str(self._path), None, "holds a header but no rows" if self._layout.header else "is empty")
        return spool

    def _begin(self, block: Block, following: Iterator[Block]) -> Block:
        """Find how the file is written and which columns it has; return the block without the header."""
        options = self._schema.options
        self._dialect = find_dialect(self._path, block, options.decimal)
        rows = Rows(self._path, block, following, self._dialect)
        first = next(iter(rows), None)
        if first is None:
            return rows.rest()
        header = [name.strip() for name in first]
        line = rows.line
        is_header = self._is_header(line, header, block)
        self._compare_header(line, header, block, is_header)
        if not is_header:
            header = []
        if self._schema.width:
            self._layout = self._schema.match(self._path, line, header, len(first))
        else:
            self._layout = self._schema.learn(self._path, line, header, len(first))
        for column in self._schema.columns:
            column.words.is_number = (lambda text: False) if column.is_forced else self._is_number
        return rows.rest() if header else block

    def _is_header(self, line: int, first: list[str], block: Block) -> bool:
        """Decide whether the first row is a header. Raises DataError."""
        options = self._schema.options
        if options.header != "auto":
            return options.header == "yes"
        if self._schema.header and sorted(first) == sorted(self._schema.header):
            return True
        if not self._schema.width and isinstance(options.label, str):
            return True
        found = has_header(self._path, line, sample_rows(block, self._dialect) or [first], self._dialect)
        if found and self._schema.width and not self._schema.header and not self._schema.is_known:
            raise DataError(str(self._path), line, "has a header, but the first file has none: say --header yes or no")
        return found

    def _compare_header(self, line: int, first: list[str], block: Block, is_header: bool) -> None:
        """Compare what options say of the first row, and of decimals, with what the file itself shows."""
        schema, options = self._schema, self._schema.options
        is_left_to_file = (options.header, options.decimal) == ("auto", "auto") and not isinstance(options.label, str)
        if schema.is_known or is_left_to_file:
            return
        dialects = self._shown_dialects(block)
        found = {self._shown_header(line, first, block, each) for each in dialects}
        shows = False if False in found else None if None in found else True
        schema.is_unconfirmed |= shows is not is_header or dialects != [self._dialect]
        schema.is_refuted |= is_header and shows is False
        schema.is_doubtful |= is_header and shows is not True and options.label not in first

    def _shown_dialects(self, block: Block) -> list[Dialect]:
        """Return how the file may be written for all that it shows itself."""
        try:
            return [find_dialect(self._path, block)]
        except DataError:
            return [replace(self._dialect, decimal_comma=each) for each in (False, True)]

    def _shown_header(self, line: int, first: list[str], block: Block, dialect: Dialect) -> bool | None:
        """Return whether the file shows that its first row is a header; None: it may be either."""
        try:
            return has_header(self._path, line, sample_rows(block, dialect) or [first], dialect)
        except DataError:
            return None

    def _is_number(self, text: str) -> bool:
        return self._dialect.number(text) is not None

    @property
    def has_target(self) -> bool:
        """Whether the file has the target of a regression."""
        return self._layout.has_target

    def are_targets(self) -> bool:
        """Return whether the classes that have been read are numbers, and not all of them whole."""
        values = [self._dialect.number(label) for label in self._schema.classes.numbers]
        numbers = [value for value in values if value is not None and math.isfinite(value)]
        return len(numbers) == len(values) and any(value != round(value) for value in numbers)

    # --- a block at once

    def _add_block(self, block: Block, spool: Spool) -> bool:
        """Add a block's rows; return False, and nothing is changed, if it has to be read row by row."""
        text = _plain(block.text, self._dialect)
        if text is None:
            return False
        text = b" " * decimals.MARGIN_BYTES + text
        found = _fields(text, self._dialect, self._layout.width)
        if found is None:
            return False
        starts, ends = found  # (n, width)
        rows = self._numbers(text, starts, ends)
        if rows is None:
            return False
        codes = self._words(text, starts, ends, rows)
        if codes is None:
            return False
        self._commit(rows, codes, spool)
        return True

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

    def _commit(self, rows: Doubles, codes: list[int], spool: Spool) -> None:
        """Add rows that are right, and note what they hold."""
        low, high = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)  # (columns,)
        has_gaps = bool(np.isnan(rows.sum()))
        gaps = np.isnan(rows).sum(axis=0) if has_gaps else np.zeros(rows.shape[1], np.int64)  # (columns,)
        for column, least, most, missing in zip(
            self._schema.columns, low.tolist(), high.tolist(), gaps.tolist(), strict=True
        ):
            column.gaps += missing
            if missing < len(rows):
                column.low, column.high = min(column.low, least), max(column.high, most)
                column.is_words = bool(column.is_words)
        spool.add(rows)
        self.codes.extend(codes)

    # --- row by row

    def _add_rows(self, block: Block, following: Iterator[Block], spool: Spool, lines: int) -> Block:
        """Add rows one by one, of this many lines at least; return the rest of the block.

        Raises DataError with the line of the first fault.
        """
        made: list[list[float]] = []
        codes: list[int] = []
        rows = Rows(self._path, block, following, self._dialect)
        for row in rows:
            if len(row) != self._layout.width:
                raise self._fault(rows.line, f"has {fields_text(len(row))}, expected {self._layout.width}")
            values = [0.0] * len(self._schema.columns)
            if self._schema.target and not self._layout.has_target:
                values[-1] = math.nan
            if self._layout.label is None:
                codes.append(-1)
            for place, text in enumerate(row):
                number = self._layout.columns[place]
                if place == self._layout.label:
                    codes.append(self._class(rows.line, place, text))
                elif number >= 0:
                    values[number] = self._value(rows.line, place, self._schema.columns[number], text)
            made.append(values)
            if rows.line >= block.line + lines - 1:
                break
        if made:
            self._commit(np.array(made, np.float64), codes, spool)
        return rows.rest()

    def _class(self, line: int, place: int, text: str) -> int:
        if is_missing(text):
            raise self._fault(line, f"{self._gap(place, text)}: it is the class of the row, so leave the row out")
        if not text.strip().isprintable():
            raise self._fault(line, f"{self._layout.name(place)} is {_quote(text)}, not a class: write it on one line")
        try:
            return self._schema.classes.number(text)
        except ValueError:
            advice = "check --label, or say --task regression"
            raise self._fault(line, f"has more than {CLASSES_MAX} classes: {advice}") from None

    def _value(self, line: int, place: int, column: Column, text: str) -> float:
        """Return the number that stands for a field; NaN if it is missing."""
        if is_missing(text) and column.is_target:
            raise self._fault(line, f"{self._gap(place, text)}: it is the target of the row, so leave the row out")
        if is_missing(text):
            if self._schema.options.missing == "refuse":
                advice = "fill it in, or train with --missing mean or --missing zero"
                raise self._fault(line, f"{self._gap(place, text)}: {advice}")
            return float("nan")
        value = self._dialect.number(text)
        if column.is_words is None:
            column.is_words = value is None
            if value is None:
                self._refuse_amounts(line, place, text)
        if column.is_words:
            return self._word(line, place, column, text, value)
        if value is None:
            advice = f"--categorical {_option(self._layout, place)} reads it as words"
            if column.is_target:
                advice = "--task classification trains classes"
            raise self._fault(line, f"{self._layout.name(place)} is {_quote(text)}, not a number ({advice})")
        if not abs(value) <= LARGEST:
            advice = "scale the column, or leave the row out"
            raise self._fault(line, f"{self._layout.name(place)} is {_quote(text)}, not finite or too large: {advice}")
        return value

    def _refuse_amounts(self, line: int, place: int, text: str) -> None:
        """Raise DataError for a column that begins with a date or an amount: read as words, it would lose its order."""
        name, option = self._layout.name(place), _option(self._layout, place)
        if looks_like_date(text):
            advice = f"make it a number, or leave it out: --drop {option}"
            raise self._fault(line, f"{name} holds dates or times such as {_quote(text)}: {advice}")
        if looks_like_amount(text):
            advice = (
                f"write digits alone, or leave it out (--drop {option}), or --categorical {option} reads it as words"
            )
            raise self._fault(line, f"{name} holds amounts such as {_quote(text)}: {advice}")

    def _word(self, line: int, place: int, column: Column, text: str, value: float | None) -> float:
        try:
            return column.words.number(text)
        except ValueError:
            name, option = self._layout.name(place), _option(self._layout, place)
        if value is not None and not column.is_forced:
            advice = f"--categorical {option} reads it as words"
            raise self._fault(line, f"{name} holds words, but here {_quote(text)}: {advice}")
        if not text.strip().isprintable():
            raise self._fault(line, f"{name} is {_quote(text)}, not a number or a word: leave it out, --drop {option}")
        advice = f"leave it out (--drop {option}), or raise --words"
        raise self._fault(line, f"{name} has more than {column.words.most} different words: {advice}")

    def _gap(self, place: int, text: str) -> str:
        """Say that a field has no value."""
        written = f"is {_quote(text)}, which marks a missing value" if text.strip() else "is empty"
        return f"{self._layout.name(place)} {written}"

    def _fault(self, line: int, message: str) -> DataError:
        return DataError(str(self._path), line, message)


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


def _option(layout: Layout, place: int) -> str:
    if not layout.header:
        return str(place)
    return (private if layout.is_doubtful else printable)(layout.header[place], 40)


def _quote(text: str) -> str:
    return f"'{private(text, 20)}'"
