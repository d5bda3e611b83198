"""How a table is written: what separates its fields, the decimal mark, and whether the first row is a header.

Decided by the first rows of a file. What they leave open is refused with the option that decides it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roundelay.ml.errors import DataError, private
from roundelay.ml.readers.text import Block

BLANKS = " "  # stands for runs of blanks and tabs
COMMENT = "#"  # begins a line that is skipped
SAMPLE_ROWS = 100
SAMPLE_BYTES = 1 << 16
MISSING = ("", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none")
LABEL_NAMES = ("label", "class", "target", "y")
_SEPARATORS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,(\d+)\s*")
_DECIMAL_POINT = re.compile(r"\s*[+-]?\d*\.\d+\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")  # 0,176 and 1234,567 are none
_QUOTED = re.compile(r'"[^"]*"')


@dataclass(frozen=True)
class Dialect:
    """How the fields of a table are written."""

    separator: str
    decimal_comma: bool = False

    def number(self, text: str) -> float | None:
        """Return the number in a field, NaN if it is missing, or None if it holds something else."""
        text = text.strip()
        if text.lower() in MISSING:
            return float("nan")
        if self.decimal_comma:
            if "." in text:
                return None
            text = text.replace(",", ".")
        try:
            value = None if "_" in text else float(text)
        except ValueError:
            return None
        return float("inf") if value != value else value  # "-nan" does not mark a missing value


def is_missing(text: str) -> bool:
    return text.strip().lower() in MISSING


def find_dialect(path: Path, block: Block, decimal: str = "auto") -> Dialect:
    """Find what separates the fields, and the decimal mark. Raises DataError."""
    lines = [line for line in _sample_lines(block) if line.strip() and not line.startswith(COMMENT)]
    separator = _separator([_QUOTED.sub("", line) for line in lines[:SAMPLE_ROWS]])
    if separator == "," or decimal == "point":
        return Dialect(separator)
    if decimal == "comma":
        return Dialect(separator, True)
    fields = [field for row in sample_rows(block, Dialect(separator)) for field in row]
    found = [match for match in map(_DECIMAL_COMMA.fullmatch, fields) if match]
    if not found or any(map(_DECIMAL_POINT.fullmatch, fields)):
        return Dialect(separator)
    if all(_THOUSANDS.fullmatch(match[0]) for match in found):
        after = found[0][1]
        numbers = private(f"1,{after} may be 1.{after} or 1{after}")
        raise DataError(str(path), block.line, f"commas may separate decimals, {numbers}: say --decimal comma or point")
    return Dialect(separator, True)


def sample_rows(block: Block, dialect: Dialect) -> list[list[str]]:
    """Return the first rows, header included."""
    text = "\n".join(line for line in _sample_lines(block) if line.strip() and not line.startswith(COMMENT))
    if dialect.separator == BLANKS:
        return [line.split() for line in text.split("\n")[:SAMPLE_ROWS]]
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=dialect.separator):
            rows.append([field.strip() for field in row])
            if len(rows) == SAMPLE_ROWS:
                break
    except csv.Error:  # the reader of all rows names its line
        pass
    return rows


def has_header(path: Path, line: int, rows: Sequence[Sequence[str]], dialect: Dialect) -> bool:
    """Decide by the first rows whether the first is a header. Raises DataError where they leave it open."""
    first, others = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    words = [place for place, text in enumerate(first) if dialect.number(text) is None]
    numbers = [text for place, text in enumerate(first) if place not in words and not is_missing(text)]
    above_numbers = any(_holds_numbers(others, place, dialect) for place in words)
    repeated = any(first[place] == row[place] for place in words for row in others)
    if not numbers:
        has_gap = any(map(is_missing, first[1:]))
        return bool(words) and (above_numbers or not (repeated or has_gap))
    if numbers == [str(n) for n in range(len(numbers))]:  # as pandas names columns that have no names
        if above_numbers or any(first[place].lower() in LABEL_NAMES for place in words):
            return True
        if (words and not repeated) or len(numbers) > 2:
            raise _asks(path, line, f"{private(', '.join(first[:6]), 60)} may be the names of columns or a row")
    elif above_numbers:
        raise _asks(path, line, f"{private(', '.join(first[:6]), 60)} may be the names of columns or a damaged row")
    return False


def _asks(path: Path, line: int, what: str) -> DataError:
    return DataError(str(path), line, f"{what}: say --header yes or --header no")


def _holds_numbers(rows: Sequence[Sequence[str]], place: int, dialect: Dialect) -> bool:
    found = [dialect.number(row[place]) for row in rows if not is_missing(row[place])]
    return bool(found) and all(value is not None for value in found)


def _sample_lines(block: Block) -> list[str]:
    lines = block.text[:SAMPLE_BYTES].decode("utf-8", "replace").split("\n")
    return lines[:-1] if len(lines) > 1 else lines


def _separator(lines: Sequence[str]) -> str:
    """Return the separator that occurs equally often on all lines, else the most frequent one of the first line."""
    if not lines:
        return ","
    steady = [mark for mark in _SEPARATORS if lines[0].count(mark) and len({line.count(mark) for line in lines}) == 1]
    if ";" in steady and "," in steady:
        fields = [field for line in lines[1:] or lines for field in line.split(";")]
        return ";" if any(map(_DECIMAL_COMMA.fullmatch, fields)) else ","
    if steady:
        return max(steady, key=lines[0].count)
    most = max(_SEPARATORS, key=lines[0].count)
    return most if lines[0].count(most) or len(lines[0].split()) < 2 else BLANKS
