"""Counts of the values of private data in cells (cells.py), as a site tells them.

The answer about a column of a file is always the same: otherwise a job could choose what is read so that the difference
of two answers tells of a few rows. So the rows are those of the whole file, a missing value counts as the mean of its
column in the file, and nothing is counted where a job reads the values otherwise than the file shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from roundelay.ml.cells import Cells, cells_of, columns_max
from roundelay.ml.choices import HIDE_BELOW_DEFAULT
from roundelay.ml.data import Doubles
from roundelay.ml.errors import BadTask, DataError
from roundelay.ml.readers import dataset, site
from roundelay.ml.readers.encoding import Encoding, encoding_from_json
from roundelay.ml.readers.images import ImageOptions
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.schema import Schema, column_title
from roundelay.ml.readers.source import DataSet, DatasetPart
from roundelay.ml.readers.table_rows import Table

CELL_ROWS_MIN = HIDE_BELOW_DEFAULT  # whatever a job asks: answers for two limits could be subtracted
COLUMNS_MAX = 1_000  # whose values are counted
COLUMNS_AT_ONCE = 32  # of a table, in memory


def count_values(
    path: Path, numbers: Mapping[str, int], reading: Reading, limits: Limits = DEFAULT
) -> list[list[Cells]]:
    """Count the values of the columns of numbers of parts, each by itself, for a job whose sites have agreed.

    Of many files only the first columns are counted: the answer has at most cells.BYTES_MAX. Raises DataError,
    InputMissing, CannotWrite, BadTask.
    """
    if reading.classes or reading.holdout:
        raise BadTask("values are counted in whole files: without --classes and --holdout")
    data = site.read_data(path, replace(reading, encoding="", labels=()), limits)
    if data.table is not None and not reading.encoding:
        raise BadTask("the values of a table are counted once its columns are agreed")
    is_plain = _is_read_as_found(path, data, reading, limits)
    found = []
    for name in numbers:
        part = site.training_part(path, data, name)
        columns = islice(_columns_of_numbers(data, part, reading), min(COLUMNS_MAX, columns_max(len(numbers))))
        found.append([cells_of(each, CELL_ROWS_MIN) if is_plain else Cells(part.rows) for each in columns])
    return found


def _is_read_as_found(path: Path, data: DataSet, reading: Reading, limits: Limits) -> bool:
    """Return whether the values follow from the files alone, and no option of a job makes others of them."""
    if data.table is not None and data.table.schema.is_unconfirmed:
        return False
    if data.kind == "images" and reading.images != ImageOptions():
        return False
    place = dataset.locate(path)
    try:
        kind = dataset.guess(place)
    except DataError:
        return False
    return data.kind == kind or ((data.kind, kind) == ("csv", "letters") and not _are_letters(place, limits))


def _are_letters(place: Path, limits: Limits) -> bool:
    """Return whether files can be read as letters, too: as numbers of float32."""
    try:
        return bool(dataset.read_letters(place, classes=0, limits=limits).training)
    except DataError:
        return False


def _columns_of_numbers(data: DataSet, part: DatasetPart, reading: Reading) -> Iterator[Doubles]:
    """Yield the columns of numbers of a part in the order of the agreed encoding, and the target of a regression.

    Raises BadTask if the encoding is not one of these columns.
    """
    if data.table is not None:
        yield from _table_columns(data.table, part, encoding_from_json(reading.encoding))
        return
    rows = site.features_of(part)
    for place in range(rows.shape[1]):
        yield rows[:, place].astype(np.float64)
    if data.task == "regression":
        yield part.y.astype(np.float64)


def _table_columns(read: Table, part: DatasetPart, encoding: Encoding) -> Iterator[Doubles]:
    """Yield columns of numbers as they are in the file, before float32 rounds them. Raises BadTask."""
    (rows,) = [each for each in read.parts if each.name == part.name]
    places = [_place(read.schema, at, each.name) for at, each in enumerate(encoding.columns) if each.words is None]
    if read.schema.target:
        places.append(len(read.schema.features))
    for start in range(0, len(places), COLUMNS_AT_ONCE):
        group = places[start : start + COLUMNS_AT_ONCE]
        blocks = [block[:, group].T for block in read.spool.blocks(rows.start, rows.end)]  # (group, rows) each
        for values in np.concatenate(blocks, axis=1):
            known = values[~np.isnan(values)]
            yield np.where(np.isnan(values), known.mean() if len(known) else 0.0, values)


def _place(schema: Schema, at: int, name: str) -> int:
    """Return the place in the spool of a column of numbers, by its name or place in an encoding. Raises BadTask."""
    places = {column.name: place for place, column in enumerate(schema.features)} if name else {"": at}
    place = places.get(name, -1)
    if not 0 <= place < len(schema.features):
        raise BadTask(f"encoding: the site has no such column of numbers, {column_title(name, at)}")
    if schema.features[place].is_words:
        raise BadTask(f"encoding: {column_title(name, at)} holds words, not numbers, as the job reads it")
    return place
