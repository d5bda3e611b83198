"""Tables of numbers with a label column (.csv, .tsv, .txt), with a header or without, one file or a folder of them.

Each file is read twice: once to learn its columns, classes and faults, once to hand out its rows. A value that is
missing is refused or, when asked for, replaced by 0 or by the column's mean over all files.
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
    """How the columns of a table are to be read."""

    label: int | str = -1  # name, or place counted from 0; the last
    missing: str = "refuse"


@dataclass
class _Survey:
    """What the first reading of all files has shown."""

    width: int = 0
    header: list[str] = field(default_factory=list)
    label: int = 0  # the place of the label column
    sums: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    classes: dict[str, int] = field(default_factory=dict)


def read(path: Path, columns: TableOptions | None = None) -> DataSet:
    """The table in a file, or in the files of a folder. Raises DataError, InputMissing."""
    columns = columns or TableOptions()
    listing = list_training_files(path, None) if path.is_dir() else None
    paths = listing.files if listing else (path,)
    survey = _Survey()
    codes = [_survey(each, columns, survey) for each in paths]
    names = list(survey.classes)
    order, labels = number_labels(names)
    if len(labels) < 2:
        raise DataError(str(path), None, f"has one class only, {printable(names[0], 20)!r}: is --label right?")
    fill = _fill(columns, survey)
    parts = tuple(
        DatasetPart(each.name, order[np.frombuffer(code, np.int32)], _reader(each, survey, fill))  # (n,)
        for each, code in zip(paths, codes, strict=True)
    )
    return DataSet("csv", parts, (), survey.width - 1, labels, False, skipped=listing.skipped if listing else ())


def is_number(text: str) -> bool:
    return _number(text) is not None


def _reader(path: Path, survey: _Survey, fill: list[float]) -> Callable[[], Iterator[Rows]]:
    return lambda: _blocks(path, survey, fill)


def _survey(path: Path, columns: TableOptions, survey: _Survey) -> array[int]:
    """Read a file for the first time; the class of each row, as survey.classes counts them."""
    codes = array("i")
    for line, row in _rows(path):
        if not codes and _is_header(row, columns, survey):
            _learn_header(path, line, row, columns, survey)
            continue
        if not survey.width:
            _learn_header(path, line, [], columns, survey, len(row))
        _check_row(path, line, row, columns, survey)
        name = row[survey.label].strip()
        codes.append(survey.classes.setdefault(name, len(survey.classes)))
        if len(survey.classes) > CLASSES_MAX:
            raise DataError(str(path), line, f"the {CLASSES_MAX + 1}th different class: is --label right?")
        if len(codes) > SET_ROWS_MAX:
            raise DataError(str(path), line, f"more than {SET_ROWS_MAX} rows")
    if not codes:
        raise DataError(str(path), None, "is empty" if not survey.header else "holds a header and no rows")
    return codes


def _blocks(path: Path, survey: _Survey, fill: list[float]) -> Iterator[Rows]:
    """The features of a file that has been found in order, as float32."""
    step, block = block_rows(4 * survey.width), []
    for _, row in _rows(path):
        if survey.header and [name.strip() for name in row] == survey.header:
            continue
        values = [*row[: survey.label], *row[survey.label + 1 :]]
        block.append([_value(text, mean) for text, mean in zip(values, fill, strict=True)])
        if len(block) == step:
            yield np.array(block, np.float32)  # (step, d)
            block = []
    if block:
        yield np.array(block, np.float32)  # (rows, d)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows of fields and the lines they end in; blank lines are left out."""
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
        raise DataError(str(path), line + 1, "is no text, here or in what follows") from error
    except csv.Error as error:
        raise DataError(str(path), line + 1, f"cannot be read as a table: {error}") from error
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise InputMissing(f"cannot read {printable(str(path))}: {why}") from error


def _is_header(row: list[str], columns: TableOptions, survey: _Survey) -> bool:
    """A first row without any number is one. In a further file, it must be the same."""
    if survey.header:
        return [name.strip() for name in row] == survey.header
    if survey.width:
        return False
    return isinstance(columns.label, str) or all(_number(text) is None and text.strip() for text in row)


def _learn_header(
    path: Path, line: int, header: list[str], columns: TableOptions, survey: _Survey, width: int | None = None
) -> None:
    """Settle how wide the table is, and where its label stands."""
    survey.width = len(header) if width is None else width
    survey.header = [name.strip() for name in header]
    if not 2 <= survey.width <= FEATURES_MAX:
        most = FEATURES_MAX - 1
        raise DataError(str(path), line, f"has {survey.width} fields: expected a label and 1 to {most} features")
    survey.label = _place(path, line, columns.label, survey)
    survey.sums, survey.counts = [0.0] * survey.width, [0] * survey.width


def _place(path: Path, line: int, label: int | str, survey: _Survey) -> int:
    if isinstance(label, str):
        if label not in survey.header:
            names = printable(", ".join(survey.header), 120)
            raise DataError(str(path), line, f"no column is called {printable(label, 40)!r}: there are {names}")
        return survey.header.index(label)
    if not -survey.width <= label < survey.width:
        raise DataError(str(path), line, f"no column {label}: they are counted from 0 to {survey.width - 1}")
    return label % survey.width


def _check_row(path: Path, line: int, row: list[str], columns: TableOptions, survey: _Survey) -> None:
    """Is every field of a row what it should be? Adds up its numbers. Raises DataError."""
    if len(row) != survey.width:
        raise DataError(str(path), line, f"has {len(row)} fields, expected {survey.width}")
    for place, text in enumerate(row):
        if place == survey.label:
            if text.strip().lower() in MISSING or not text.isprintable():
                raise DataError(str(path), line, f"{_called(place, survey)} is {_shown(text)}, no class")
            continue
        value = _number(text)
        if value is None and text.strip().lower() not in MISSING:
            raise DataError(str(path), line, f"{_called(place, survey)} is {_shown(text)}, no number")
        if value is None and columns.missing == "refuse":
            raise DataError(str(path), line, f"{_called(place, survey)} is missing: mend it, or --missing mean")
        if value is not None and not abs(value) <= _LARGEST:
            raise DataError(str(path), line, f"{_called(place, survey)} is {_shown(text)}, not finite or too large")
        if value is not None:
            survey.sums[place] += value
            survey.counts[place] += 1


def _fill(columns: TableOptions, survey: _Survey) -> list[float]:
    """What takes the place of missing values, for each feature."""
    means = [
        s / max(1, n) if columns.missing == "mean" else 0.0 for s, n in zip(survey.sums, survey.counts, strict=True)
    ]
    return [*means[: survey.label], *means[survey.label + 1 :]]


def _value(text: str, mean: float) -> float:
    value = _number(text)
    return mean if value is None else value


def _number(text: str) -> float | None:
    """None where it is no number, or missing."""
    if text.strip().lower() in MISSING or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return math.inf if math.isnan(value) else value


def _called(place: int, survey: _Survey) -> str:
    return f"column {printable(survey.header[place], 40)!r}" if survey.header else f"column {place}"


def _shown(text: str) -> str:
    return f"'{printable(text, 20)}'"
