"""Tables with a column of classes (.csv, .tsv, .txt, .data, also packed as .gz or .zip), in one file or a folder.

Each file is read once (scan.py), into a spool. How its columns become features (encoding.py) depends on the rows that
train, so it is decided again when they are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats, Ints, Labels
from roundelay.ml.errors import DataError, private, writing_failed
from roundelay.ml.float_sums import exact_sum
from roundelay.ml.readers.column_summary import ColumnSummary, encoded_columns, is_narrow
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.folder import Listing, list_training_files
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.scan import FileScan
from roundelay.ml.readers.schema import Column, Schema, TableOptions, column_title, describe_unknown, schema_of
from roundelay.ml.readers.source import DataSet, DatasetPart, OnRead, Rows, check_targets, number_labels, rebased
from roundelay.ml.readers.spool import Spool
from roundelay.ml.readers.text import Tell

__all__ = ["SUFFIXES", "TableOptions", "is_table", "read"]

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

SUFFIXES = (".csv", ".tsv", ".txt", ".data")
PACKED_SUFFIXES = (".gz", ".zip")
CLASSES_PLAIN = 20  # more classes than this must have several rows each


@dataclass(frozen=True, eq=False)
class TablePart:
    """The rows of one file in the spool."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Table:
    """A table that has been read."""

    schema: Schema
    spool: Spool
    parts: tuple[TablePart, ...]

    def cut(self, parts: int) -> Table:
        """Return this table with its first parts only."""
        return replace(self, parts=self.parts[:parts])

    def joined(self, other: Table) -> Table:
        """Return this table with the parts of another one of the same columns."""
        return replace(self, parts=(*self.parts, *other.parts))

    def fit(self, training: Sequence[Bools | None]) -> Encoding:
        """Decide how columns become features by the rows that train: a mask (n,) for each part; None: all of them."""
        columns = encoded_columns(self.summaries(training), self.schema.options.missing)
        return Encoding(columns, self.schema.label, self.schema.place, tuple(self.schema.dropped))

    def summaries(self, training: Sequence[Bools | None]) -> tuple[ColumnSummary, ...]:
        """Return what the rows that train say of each column: a mask (n,) for each part; None: all of them."""
        missing = self.schema.options.missing
        uneven = {
            n: _Values()
            for n, column in enumerate(self.schema.features)
            if column.is_words or missing == "mean" or is_narrow(column.low, column.high)
        }
        for part, mask in zip(self.parts, training, strict=True):
            at = 0
            for rows in self.spool.blocks(part.start, part.end) if uneven else ():
                chosen = rows if mask is None else rows[mask[at : at + len(rows)]]
                for n, values in uneven.items():
                    values.add(chosen[:, n], bool(self.schema.columns[n].is_words))
                at += len(rows)
        is_filled = missing == "mean"
        return tuple(_summary(column, uneven.get(n), is_filled) for n, column in enumerate(self.schema.features))

    def blocks(self, part: TablePart, encoding: Encoding) -> Iterator[Rows]:
        """Yield the features of a part's rows: (rows, d) float32 each."""
        features = self.schema.features
        numbers = [_numbering(column, each) for column, each in zip(features, encoding.columns, strict=True)]
        for whole in self.spool.blocks(part.start, part.end):
            rows = whole[:, : len(features)]
            if not encoding.is_plain:
                rows = rows.copy()
                for place, numbering in enumerate(numbers):
                    if numbering is not None:
                        known = ~np.isnan(rows[:, place])
                        rows[known, place] = numbering[rows[known, place].astype(np.int64)]
            yield encoding.encode(rows)

    def targets(self, part: TablePart) -> Floats:
        """Return the target of each row of a part: (n,). Raises DataError if float32 would merge different ones."""
        y = np.concatenate([rows[:, -1] for rows in self.spool.blocks(part.start, part.end)])  # (n,)
        check_targets(part.name, y)
        return y.astype(np.float32)


def is_table(path: Path) -> bool:
    """Return whether the name of a file is that of a table."""
    packed = path.suffix.lower() in PACKED_SUFFIXES
    return (Path(path.stem) if packed else path).suffix.lower() in SUFFIXES


def read(
    path: Path,
    options: TableOptions | None = None,
    like: DataSet | None = None,
    without: Path | None = None,
    on_read: OnRead = lambda done, total: None,
    fast: bool = True,
    is_share: bool = False,
    limits: Limits = DEFAULT,
) -> DataSet:
    """Read the table in a file, or in the files of a folder; its columns are those of `like`, if that is given.

    A label of real numbers makes it a regression, unless the options say otherwise. is_share: it is one site's share of
    a data set, the classes of which are checked elsewhere. Raises DataError, InputMissing, CannotWrite.
    """
    options = options or TableOptions()
    try:
        return _read(path, options, like, without, on_read, fast, is_share, limits)
    except _TargetsFound:
        return _read(path, replace(options, task="regression"), like, without, on_read, fast, is_share, limits)


def _read(
    path: Path,
    options: TableOptions,
    like: DataSet | None,
    without: Path | None,
    on_read: OnRead,
    fast: bool,
    is_share: bool,
    limits: Limits,
) -> DataSet:
    """Read a table. Raises _TargetsFound if its label turns out to be the target of a regression."""
    listing = list_training_files(path, without, is_table) if path.is_dir() else Listing((path,), ())
    schema, spool = (like.table.schema, like.table.spool) if like and like.table else (Schema(options), None)
    total = sum(each.stat().st_size for each in listing.files if each.exists())
    parts: list[TablePart] = []
    codes: list[Ints] = []
    done = 0
    for each in listing.files:
        scan = FileScan(each, schema, fast, limits)
        start = spool.rows if spool else 0
        before = done
        may_be_targets = like is None and schema.options.task == "auto"
        try:
            spool = _run(scan, spool, lambda read, before=before: on_read(before + read, total))  # type: ignore[misc]
        except DataError as error:
            if may_be_targets and scan.are_targets():
                raise _TargetsFound from error
            raise
        if may_be_targets and scan.are_targets():
            raise _TargetsFound
        parts.append(TablePart(each.name, start, spool.rows))
        codes.append(_codes(scan))
        done += each.stat().st_size
    assert spool is not None
    table = Table(schema, spool, tuple(parts))
    return _data_set(path, table, codes, listing, is_share)


class _TargetsFound(Exception):
    """The label holds real numbers."""


def read_as_trained(
    path: Path,
    encoding: Encoding,
    labels: Sequence[str],
    task: str,
    on_read: OnRead = lambda done, total: None,
    limits: Limits = DEFAULT,
) -> tuple[Iterator[Rows], Labels | None, tuple[str, ...]]:
    """Read a table for a trained model: blocks of features; the labels (n,), None without that column; and notes.

    Raises DataError, InputMissing, CannotWrite.
    """
    schema = schema_of(encoding, labels, task)
    known = len(schema.classes)
    scan, size = FileScan(path, schema, limits=limits), path.stat().st_size if path.exists() else 0
    made = _scanned(path, scan, schema, lambda read: on_read(read, size))
    unknown = list(schema.classes.numbers)[known:]
    if unknown:
        raise DataError(str(path), None, f"has a class '{private(unknown[0], 40)}' that the model does not know")
    (part,) = made.parts
    notes = tuple(_notes(schema, encoding))
    if schema.target:
        return made.blocks(part, encoding), made.targets(part) if scan.has_target else None, notes
    codes = _codes(scan)  # (n,)
    return made.blocks(part, encoding), codes if codes[0] >= 0 else None, notes


def _notes(schema: Schema, encoding: Encoding) -> Iterator[str]:
    """Say which columns hold words that the model does not know."""
    for column, each in zip(schema.features, encoding.columns, strict=True):
        unknown = list(column.words.numbers)[len(each.words or ()) :]
        if unknown and each.words is not None:
            yield describe_unknown(str(column), unknown[0])


def read_as_agreed(
    path: Path, encoding: Encoding, labels: Sequence[str], options: TableOptions, limits: Limits = DEFAULT
) -> tuple[Rows, Labels, tuple[str, ...]]:
    """Read a site's table for a job whose sites have agreed: features (n, d), labels (n,) and the classes' names.

    Names of classes beyond the agreed ones come last. Raises DataError, InputMissing, CannotWrite.
    """
    schema = schema_of(encoding, labels, options.task, "yes" if encoding.label else "no", options.decimal)
    scan = FileScan(path, schema, limits=limits)
    made = _scanned(path, scan, schema, lambda read: None)
    (part,) = made.parts
    x = np.concatenate(list(made.blocks(part, encoding)))  # (n, d)
    if schema.target and scan.has_target:
        return x, made.targets(part), ()
    codes = _codes(scan)  # (n,)
    if schema.target or codes[0] < 0:
        raise DataError(str(path), None, f"has no {column_title(encoding.label, encoding.place)}, the label")
    return x, codes, tuple(schema.classes.numbers)


def _scanned(path: Path, scan: FileScan, schema: Schema, tell: Tell) -> Table:
    spool = _run(scan, None, tell)
    return Table(schema, spool, (TablePart(path.name, 0, spool.rows),))


def _codes(scan: FileScan) -> Ints:
    return np.frombuffer(scan.codes, np.int32).astype(np.int64)  # (n,)


def _run(scan: FileScan, spool: Spool | None, tell: Tell) -> Spool:
    try:
        made = scan.run(spool, tell)
        made.flush()
        return made
    except OSError as error:
        raise writing_failed(error) from error


def fit(data: DataSet, training: Sequence[Bools | None]) -> DataSet:
    """Return the data set with its columns encoded by the rows that train: a mask for each part, training then test."""
    if data.table is None:
        return data
    encoding = data.table.fit(training[: len(data.table.parts)])
    return _encoded_set(data, data.table, encoding)


def _data_set(path: Path, table: Table, codes: Sequence[Ints], listing: Listing, is_share: bool) -> DataSet:
    labels: tuple[str, ...] = ()
    y: list[Labels]  # (n,) each
    if table.schema.target:
        y = [table.targets(part) for part in table.parts]
    else:
        order, labels = number_labels(list(table.schema.classes.numbers))
        if not is_share:
            label, place = table.schema.label, table.schema.place
            check_classes(str(path), column_title(label, place), labels, sum(map(len, codes)))
        y = [order[code] for code in codes]
    encoding = table.fit([None] * len(table.parts))
    parts = tuple(
        DatasetPart(part.name, each, _reader(table, part, encoding)) for part, each in zip(table.parts, y, strict=True)
    )
    return DataSet(
        "csv", parts, (), encoding.features, labels, False, skipped=listing.skipped, table=table, encoding=encoding
    )


def _encoded_set(data: DataSet, table: Table, encoding: Encoding) -> DataSet:
    """Return data encoded anew: the parts of the table, and arrays to validate on, which follow them."""
    parts = [
        replace(part, blocks=_reader(table, each, encoding))
        for part, each in zip((*data.training, *data.test)[: len(table.parts)], table.parts, strict=True)
    ]
    if len(table.parts) < len(data.training) + len(data.test):
        parts += rebased(data, encoding).test
    training, test = tuple(parts[: len(data.training)]), tuple(parts[len(data.training) :])
    return replace(data, training=training, test=test, features=encoding.features, encoding=encoding)


def _reader(table: Table, part: TablePart, encoding: Encoding) -> Callable[[], Iterator[Rows]]:
    return lambda: table.blocks(part, encoding)


def check_classes(source: str, name: str, labels: tuple[str, ...], rows: int) -> None:
    """Raise DataError unless the classes in a column are such, and no two of them are meant to be one."""
    if len(labels) < 2:
        raise DataError(source, None, f"has only one class, '{private(labels[0], 20)}', in {name}: check --label")
    real = next((label for label in labels if _is_real(label)), None)
    if real is not None or (len(labels) > CLASSES_PLAIN and 2 * len(labels) > rows):
        what = (
            f"real numbers such as {private(real)}"
            if real is not None
            else f"{len(labels)} different values in {rows} rows"
        )
        advice = "name another one with --label, or say --task regression"
        raise DataError(source, None, f"{name} is to be the class, but holds {what}: {advice}")
    alike: dict[str, str] = {}
    for label in labels:
        other = alike.setdefault(_key(label), label)
        if other != label:
            raise DataError(
                source,
                None,
                f"the classes '{private(other, 40)}' and '{private(label, 40)}' look like one: use one spelling",
            )


def _is_real(label: str) -> bool:
    try:
        return float(label) != round(float(label))
    except (ValueError, OverflowError):
        return False


def _key(label: str) -> str:
    """Return what spellings of one class have in common."""
    try:
        return repr(float(label))
    except ValueError:
        return label.casefold()


class _Values:
    """What the values of a column that train add up to."""

    def __init__(self) -> None:
        self.count, self.low = 0, math.inf
        self.total = 0  # exact, see float_sums
        self.words = np.zeros(0, np.int64)  # (words,) how often each occurs

    def add(self, values: Doubles, are_words: bool) -> None:
        known = values[~np.isnan(values)]
        if not len(known):
            return
        self.count += len(known)
        if are_words:
            counts = np.bincount(known.astype(np.int64), minlength=len(self.words))
            counts[: len(self.words)] += self.words
            self.words = counts
        else:
            self.low = min(self.low, float(known.min()))
            self.total += exact_sum(known)


def _summary(column: Column, values: _Values | None, is_filled: bool) -> ColumnSummary:
    """Return what the encoding of a column needs; is_filled: its mean or most frequent word fills gaps."""
    if values is None:
        return ColumnSummary(column.name, column.is_words)
    if column.is_words:
        counted = zip(column.words.numbers, values.words.tolist(), strict=False)
        return ColumnSummary(column.name, True, _counts(counted, is_filled))
    known = ColumnSummary(column.name, column.is_words)
    if is_filled:
        known = replace(known, count=values.count, total=values.total)
    if not is_narrow(column.low, column.high):
        return known
    return replace(known, low=column.low, high=column.high, lowest=values.low if values.count else None)


def _counts(words: Iterable[tuple[str, int]], is_filled: bool) -> dict[str, int]:
    return {word: count if is_filled else 1 for word, count in sorted(words) if count}


def _numbering(column: Column, encoded: EncodedColumn) -> Doubles | None:
    """Return the number in the encoding of each word of a column, -1 for one that it lacks; None for numbers."""
    if encoded.words is None:
        return None
    places = {word: number for number, word in enumerate(encoded.words)}
    return np.array([places.get(word, -1) for word in column.words.numbers], np.float64)  # (words,)
