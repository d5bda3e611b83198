"""Tables with a column of classes (.csv, .tsv, .txt, .data, also packed as .gz or .zip), in one file or a folder.

Each file is read once (scan.py), into a spool. How its columns become features (encoding.py) depends on the rows that
train, so it is decided again when they are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from roundelay.ml.data import Ints, Labels
from roundelay.ml.errors import DataError, private, writing_failed
from roundelay.ml.readers.class_names import check_classes
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.folder import Listing, list_training_files
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.scan import FileScan
from roundelay.ml.readers.schema import Schema, TableOptions, column_title, schema_of
from roundelay.ml.readers.source import DataSet, DatasetPart, OnRead, Rows, number_labels, rebased
from roundelay.ml.readers.spool import Spool
from roundelay.ml.readers.table_rows import Bools, Table, TablePart
from roundelay.ml.readers.text import Tell
from roundelay.ml.readers.words import describe_unknown

SUFFIXES = (".csv", ".tsv", ".txt", ".data")
PACKED_SUFFIXES = (".gz", ".zip")


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
