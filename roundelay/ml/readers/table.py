"""Tables of numbers with a label column (.csv, .tsv, .txt), with or without a header, in one file or a folder.

Each file is read twice: a scan checks it and learns its columns and classes, and later its rows are read in blocks.
Missing values are refused or, if the options say so, replaced by 0 or by the column's mean over all files.
"""

from __future__ import annotations

import csv
import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from roundelay.ml.errors import DataError, InputMissing, printable
from roundelay.ml.readers.folder import list_training_files
from roundelay.ml.readers.packed import FEATURES_MAX
from roundelay.ml.readers.source import SET_ROWS_MAX, DataSet, DatasetPart, Rows, block_rows, number_labels

SUFFIXES = (".csv", ".tsv", ".txt", ".data")
MISSING = ("", "?", "na", "n/a", "nan", "null", "none")
CLASSES_MAX = 4096
FIELD_CHARACTERS_MAX = 1 << 20
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class TableOptions:
    """How to read the columns of a table."""

    label: int | str = -1  # name, or index from 0; default: the last column
    missing: str = "refuse"


@dataclass
class _Scan:
    """What the scan of all files has learned."""

    width: int = 0
    header: list[str] = field(default_factory=list)
    label: int = 0  # the index of the label column
    sums: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)


def read(path: Path, columns: TableOptions | None = None) -> DataSet:
    """Read the table in a file, or in the files of a folder. Raises DataError, InputMissing."""
    columns = columns or TableOptions()
    listing = list_training_files(path, None) if path.is_dir() else None
    paths = listing.files if listing else (path,)
    scan = _Scan()
    codes = [_scan(each, columns, scan) for each in paths]
    names = list(scan.classes)
    order, labels = number_labels(names)
    if len(labels) < 2:
        raise DataError(str(path), None, f"has only one class, {printable(names[0], 20)!r}: check --label")
    fill = _fill(columns, scan)
    parts = tuple(
        DatasetPart(each.name, order[np.frombuffer(code, np.int32)], _reader(each, scan, fill))  # (n,)
        for each, code in zip(paths, codes, strict=True)
    )
    return DataSet("csv", parts, (), scan.width - 1, labels, False, skipped=listing.skipped if listing else ())


def is_number(text: str) -> bool:
    return _number(text) is not None


def _reader(path: Path, scan: _Scan, fill: list[float]) -> Callable[[], Iterator[Rows]]:
    return lambda: _blocks(path, scan, fill)


def _scan(path: Path, columns: TableOptions, scan: _Scan) -> array[int]:
    """Scan a file; return the class of each row as an index into scan.classes."""
    codes = array("i")
    for line, row in _rows(path):
        if not codes and _is_header(row, columns, scan):
            _learn_header(path, line, row, columns, scan)
            continue
        if not scan.width:
            _learn_header(path, line, [], columns, scan, len(row))
        _check_row(path, line, row, columns, scan)
        name = row[scan.label].strip()
        codes.append(scan.classes.setdefault(name, len(scan.classes)))
        if len(scan.classes) > CLASSES_MAX:
            raise DataError(str(path), line, f"has more than {CLASSES_MAX} classes: check --label")
        if len(codes) > SET_ROWS_MAX:
            raise DataError(str(path), line, f"has more than {SET_ROWS_MAX} rows")
    if not codes:
        raise DataError(str(path), None, "is empty" if not scan.header else "holds a header but no rows")
    return codes


def _blocks(path: Path, scan: _Scan, fill: list[float]) -> Iterator[Rows]:
    """Yield the features of a scanned file as float32."""
    step, block = block_rows(4 * scan.width), []
    for _, row in _rows(path):
        if scan.header and [name.strip() for name in row] == scan.header:
            continue
        values = [*row[: scan.label], *row[scan.label + 1 :]]
        block.append([_value(text, mean) for text, mean in zip(values, fill, strict=True)])
        if len(block) == step:
            yield np.array(block, np.float32)  # (step, d)
            block = []
    if block:
        yield np.array(block, np.float32)  # (rows, d)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line and the fields of each row; skip blank lines."""
    csv.field_size_limit(FIELD_CHARACTERS_MAX)
    line = 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline(FIELD_CHARACTERS_MAX)
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            for row in reader:
                line = reader.line_num
                if row and any(text.strip() for text in row):
                    yield line, row
    except UnicodeDecodeError as error:
        raise DataError(str(path), line + 1, "is not text, on this line or a later one") from error
    except csv.Error as error:
        raise DataError(str(path), line + 1, f"cannot be read as a table: {error}") from error
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise InputMissing(f"cannot read {printable(str(path))}: {why}") from error


def _is_header(row: list[str], columns: TableOptions, scan: _Scan) -> bool:
    """Return whether the first row of a file is a header: without numbers, or equal to the first file's header."""
    if scan.header:
        return [name.strip() for name in row] == scan.header
    if scan.width:
        return False
    return isinstance(columns.label, str) or all(_number(text) is None and text.strip() for text in row)


def _learn_header(
    path: Path, line: int, header: list[str], columns: TableOptions, scan: _Scan, width: int | None = None
) -> None:
    """Store the width of the table, its header and the index of its label column. Raises DataError."""
    scan.width = len(header) if width is None else width
    scan.header = [name.strip() for name in header]
    if not 2 <= scan.width <= FEATURES_MAX:
        most = FEATURES_MAX - 1
        raise DataError(str(path), line, f"has {scan.width} fields, expected a label and 1 to {most} features")
    scan.label = _label_index(path, line, columns.label, scan)
    scan.sums, scan.counts = [0.0] * scan.width, [0] * scan.width


def _label_index(path: Path, line: int, label: int | str, scan: _Scan) -> int:
    if isinstance(label, str):
        if label not in scan.header:
            names = printable(", ".join(scan.header), 120)
            raise DataError(str(path), line, f"has no column {printable(label, 40)!r}; its columns are {names}")
        return scan.header.index(label)
    if not -scan.width <= label < scan.width:
        raise DataError(str(path), line, f"has no column {label}; its columns are numbered 0 to {scan.width - 1}")
    return label % scan.width


def _check_row(path: Path, line: int, row: list[str], columns: TableOptions, scan: _Scan) -> None:
    """Check every field of a row, and add its numbers to the sums for the means. Raises DataError."""
    if len(row) != scan.width:
        raise DataError(str(path), line, f"has {len(row)} fields, expected {scan.width}")
    for index, text in enumerate(row):
        if index == scan.label:
            if text.strip().lower() in MISSING or not text.isprintable():
                raise DataError(str(path), line, f"{_column(index, scan)} is {_quote(text)}, not a class")
            continue
        value = _number(text)
        if value is None and text.strip().lower() not in MISSING:
            raise DataError(str(path), line, f"{_column(index, scan)} is {_quote(text)}, not a number")
        if value is None and columns.missing == "refuse":
            raise DataError(str(path), line, f"{_column(index, scan)} is missing: fill it in, or use --missing mean")
        if value is not None and not abs(value) <= _LARGEST:
            raise DataError(str(path), line, f"{_column(index, scan)} is {_quote(text)}, not finite or too large")
        if value is not None:
            scan.sums[index] += value
            scan.counts[index] += 1


def _fill(columns: TableOptions, scan: _Scan) -> list[float]:
    """Return the value that replaces missing ones, for each feature."""
    means = [s / max(1, n) if columns.missing == "mean" else 0.0 for s, n in zip(scan.sums, scan.counts, strict=True)]
    return [*means[: scan.label], *means[scan.label + 1 :]]


def _value(text: str, mean: float) -> float:
    value = _number(text)
    return mean if value is None else value


def _number(text: str) -> float | None:
    """Return None if the field is missing or is not a number."""
    if text.strip().lower() in MISSING or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return math.inf if math.isnan(value) else value


def _column(index: int, scan: _Scan) -> str:
    return f"column {printable(scan.header[index], 40)!r}" if scan.header else f"column {index}"


def _quote(text: str) -> str:
    return f"'{printable(text, 20)}'"
