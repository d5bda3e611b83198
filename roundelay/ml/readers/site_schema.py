"""What a site's private data look like to the ring, and what sites agree on: columns, words and classes; no row.

A description holds the names of columns, of the words in them and of classes; the number of rows of each file; the
range of a column only where it is narrow; and sums and counts only where missing values are filled in with them.
Descriptions are merged exactly, so that the agreement is that of the same files read together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from math import isfinite, prod

import msgspec

from roundelay.ml.choices import TASKS
from roundelay.ml.errors import BadTask, DataError, printable
from roundelay.ml.float_sums import from_hex
from roundelay.ml.readers.class_names import check_classes
from roundelay.ml.readers.column_summary import ColumnSummary, encoded_columns
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.packed import FEATURES_MAX, Shape
from roundelay.ml.readers.reading import Reading
from roundelay.ml.readers.schema import column_title
from roundelay.ml.readers.source import number_labels, require_one_task
from roundelay.ml.task import ROWS_MAX

SCHEMA_BYTES_MAX = 16 << 20
KIND_CHARACTERS_MAX = 200


@dataclass(frozen=True)
class PartRows:
    """The rows of one file: those that train, and those that are held out."""

    name: str
    rows: int
    held_out: int = 0


@dataclass(frozen=True)
class SiteSchema:
    """One site's data."""

    kind: str
    task: str
    parts: tuple[PartRows, ...]
    features: int
    shape: Shape = ()
    labels: tuple[str, ...] = ()  # the names of the classes that its rows have
    label: str = ""  # of a table: the name of the column of classes, and its place
    place: int = -1
    dropped: tuple[int, ...] = ()
    columns: tuple[ColumnSummary, ...] = ()  # of a table, those of features
    skipped: tuple[str, ...] = field(default=())
    names: tuple[str, ...] = ()  # of the columns of a DataFrame, which a plugin's reader returned

    @property
    def is_table(self) -> bool:
        return bool(self.columns)

    def to_bytes(self) -> bytes:
        # an exact sum may have thousands of bits, more than a number of JSON
        columns = [asdict(each) | {"total": hex(each.total)} for each in self.columns]
        return msgspec.json.encode(asdict(self) | {"columns": columns})


@dataclass(frozen=True)
class Agreement:
    """What all sites of a job read alike."""

    reading: Reading
    features: int
    shape: Shape
    task: str

    @property
    def classes(self) -> int:
        """The number of classes; 0 in a regression."""
        return len(self.reading.labels)


def schema_from_bytes(content: bytes) -> SiteSchema:
    """Decode what SiteSchema.to_bytes wrote. Raises BadTask."""
    if len(content) > SCHEMA_BYTES_MAX:
        raise BadTask(f"a description of {len(content)} bytes, at most {SCHEMA_BYTES_MAX}")
    try:
        raw = msgspec.json.decode(content)
        for column in raw["columns"]:
            column["total"] = from_hex(column["total"], column["count"])
        schema: SiteSchema = msgspec.convert(raw, SiteSchema)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadTask(f"malformed description of data: {error}") from error
    if problem := _problem(schema):
        raise BadTask(f"malformed description of data: {problem}")
    return schema


def _problem(schema: SiteSchema) -> str:
    """Say what no site can describe; empty if there is nothing."""
    rows = [each for part in schema.parts for each in (part.rows, part.held_out)]
    rows += [each for column in schema.columns for each in (column.count, *column.words.values())]
    limits = [each for column in schema.columns for each in (column.low, column.high, column.lowest)]
    if not all(0 <= each <= ROWS_MAX for each in rows):
        return f"a number of rows is not in 0..{ROWS_MAX}"
    if not all(each is None or isfinite(each) for each in limits):
        return "the range of a column is not finite"
    if schema.task not in TASKS or not schema.kind.isprintable() or len(schema.kind) > KIND_CHARACTERS_MAX:
        return "its kind or its task is unknown"
    is_shape = not schema.shape or (len(schema.shape) == 3 and min(schema.shape) > 0)
    if not schema.is_table and not (1 <= schema.features <= FEATURES_MAX and is_shape):
        return f"rows of {schema.features} features"
    return "images of another size than their rows" if schema.shape and prod(schema.shape) != schema.features else ""


def agree(sites: Mapping[str, SiteSchema], reading: Reading) -> Agreement:
    """Return what these sites, by name, agree on. Raises DataError, which names the site and the column or class."""
    (first, schema), *others = sites.items()
    for site, each in others:
        _require_alike(first, schema, site, each)
    labels = _labels(sites, reading) if schema.task == "classification" else ()
    agreed = replace(reading, labels=labels, task=schema.task)
    if not schema.is_table:
        return Agreement(agreed, schema.features, schema.shape, schema.task)
    encoding = _encoding(sites, reading)
    return Agreement(replace(agreed, encoding=encoding.to_json()), encoding.features, (), schema.task)


def differences(first: str, schema: SiteSchema, other: SiteSchema) -> str:
    """Say how a site's data differ from those of the site `first`; empty if they can be trained on together."""
    if other.task != schema.task:
        return f"its labels are those of a {other.task}, and of a {schema.task} at {first}: say --task"
    if other.is_table != schema.is_table:
        return f"it has {other.kind}, and {first} has {schema.kind}"
    if not schema.is_table:
        if (other.features, other.shape) != (schema.features, schema.shape):
            return f"it has {_rows_of(other)}, and {first} {_rows_of(schema)}"
        pairs = zip(other.names, schema.names, strict=False)
        ours, theirs = next(((a, b) for a, b in pairs if a != b), ("", ""))
        told = f"column {printable(ours, 40)!r} where {first} has {printable(theirs, 40)!r}"
        return f"its reader returns {told}: return the same columns in the same order" if ours else ""
    if other.label != schema.label:
        ours, theirs = (column_title(each.label, each.place) for each in (other, schema))
        return f"its class is {ours}, and {theirs} at {first}: say --label"
    return _different_column(first, schema, other)


def _require_alike(first: str, schema: SiteSchema, site: str, other: SiteSchema) -> None:
    if problem := differences(first, schema, other):
        raise DataError(site, None, problem)


def _different_column(first: str, schema: SiteSchema, other: SiteSchema) -> str:
    ours, theirs = ({column.name: column for column in each.columns} for each in (other, schema))
    if "" in theirs or "" in ours:  # without a header, columns are matched by their place
        if len(other.columns) != len(schema.columns):
            return f"it has {len(other.columns)} columns of features, and {first} {len(schema.columns)}"
        pairs = list(zip(map(str, range(len(other.columns))), other.columns, schema.columns, strict=True))
    else:
        for name in (*(n for n in theirs if n not in ours), *(n for n in ours if n not in theirs)):
            who = f"{first} has" if name not in ours else f"{first} lacks"
            has = "no column" if name not in ours else "a column"
            shown = printable(name, 40)
            return f"it has {has} {shown!r}, which {who}: name the columns with --columns, or --drop {shown}"
        pairs = [(repr(printable(name, 40)), ours[name], theirs[name]) for name in theirs]
    for name, one, column in pairs:
        if None not in (one.is_words, column.is_words) and one.is_words != column.is_words:
            kinds = {True: "words", False: "numbers"}
            here, there = kinds[bool(one.is_words)], kinds[bool(column.is_words)]
            return f"its column {name} holds {here}, and {there} at {first}: --categorical reads numbers as words"
    return ""


def _rows_of(schema: SiteSchema) -> str:
    return f"images of {schema.shape}" if schema.shape else f"rows of {schema.features} features"


def _labels(sites: Mapping[str, SiteSchema], reading: Reading) -> tuple[str, ...]:
    """Return the names of the classes: those that the job names, else all that a site has."""
    names = {label for schema in sites.values() for label in schema.labels}
    if reading.classes:
        unknown = [each for each in reading.classes if each not in names]
        if unknown or len(set(reading.classes)) < max(2, len(reading.classes)):
            wrong = ", ".join(unknown or reading.classes)
            raise DataError("--classes", None, f"{wrong}: expected two or more of {', '.join(sorted(names)[:40])}")
        return reading.classes
    _, labels = number_labels(sorted(names))
    schema = next(iter(sites.values()))
    rows = sum(part.rows + part.held_out for each in sites.values() for part in each.parts)
    where = f"the data of {len(sites)} site{'s' * (len(sites) != 1)}"
    name = column_title(schema.label, schema.place) if schema.is_table else "their classes"
    check_classes(where, name, labels, rows)
    require_one_task(where, labels if schema.is_table else (), reading.task)
    return labels


def _encoding(sites: Mapping[str, SiteSchema], reading: Reading) -> Encoding:
    """Return how the columns become features. Raises DataError if a column has too many words."""
    first = next(iter(sites.values()))
    merged = {column.name or str(at): column for at, column in enumerate(first.columns)}
    for site, schema in list(sites.items())[1:]:
        for at, column in enumerate(schema.columns):
            key = column.name or str(at)
            merged[key] = reduce(ColumnSummary.merged, (merged[key], column))
            if len(merged[key].words) > reading.words:
                name = printable(key, 40)
                advice = f"leave it out (--drop {name}), or raise --words"
                many = f"column {name!r} has {len(merged[key].words)} different words with those of the other sites"
                raise DataError(site, None, f"{many}, more than {reading.words}: {advice}")
    columns = encoded_columns(list(merged.values()), reading.missing)
    return Encoding(columns, first.label, first.place, first.dropped)
