"""What a reader understood of a data set: its columns or images, its classes and files, what it left out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from roundelay.ml.data import Labels
from roundelay.ml.errors import first_of
from roundelay.ml.readers import table
from roundelay.ml.readers.encoding import EncodedColumn
from roundelay.ml.readers.schema import Column
from roundelay.ml.readers.source import DataSet

WORDS_SHOWN = 6
NAMES_SHOWN = 8  # of files that were skipped
DIGITS, DIGITS_OF_LARGE = 6, 15  # of numbers, and of those of which an offset is subtracted
IMBALANCE = 10  # a class is rare if another one has this many times its rows


@dataclass(frozen=True)
class UnderstoodColumn:
    """One column of a table."""

    name: str
    role: str  # feature, class or left out
    kind: str  # numbers, words or yes and no
    about: str


@dataclass(frozen=True)
class Understood:
    """A data set as it was understood."""

    kind: str
    rows: int
    test_rows: int
    features: int
    shape: tuple[int, ...]
    columns: tuple[UnderstoodColumn, ...]
    task: str
    target: str  # what the target of a regression holds
    classes: tuple[tuple[str, int], ...]  # with their rows
    files: tuple[tuple[str, int], ...]  # with their rows
    skipped: tuple[str, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return what `client.py inspect --json` prints."""
        return asdict(self)


def understand(data: DataSet) -> Understood:
    """Return what was understood of a data set."""
    y = np.concatenate([part.y for part in data.training])  # (n,)
    counts = np.bincount(y, minlength=data.classes).tolist() if data.labels else []
    classes = tuple(zip(data.labels, counts, strict=True))
    return Understood(
        data.kind,
        sum(part.rows for part in data.training),
        sum(part.rows for part in data.test),
        data.features,
        data.shape,
        _columns(data),
        data.task,
        _about_target(y) if data.task == "regression" else "",
        classes,
        tuple((part.name, part.rows) for part in data.training),
        data.skipped,
        _notes(data, dict(classes)),
    )


def in_short(found: Understood) -> list[str]:
    """Return lines about a table, for a reader who is about to train on it; none about other data."""
    if not found.columns:
        return [f"a regression: targets {found.target}"] * bool(found.target) + list(found.notes)
    (label,) = (each for each in found.columns if each.role in ("class", "target"))
    kinds = [each.kind for each in found.columns if each.role == "feature"]
    counted = ", ".join(f"{kinds.count(kind)} of {kind}" for kind in dict.fromkeys(kinds))
    left_out = [each.name for each in found.columns if each.role == "left out"]
    classes = ", ".join(f"{label} ({rows})" for label, rows in found.classes[:WORDS_SHOWN])
    more = ", ..." * (len(found.classes) > WORDS_SHOWN)
    return [
        f"{found.rows} rows, {found.features} features from columns: {counted}"
        + f"; left out: {', '.join(left_out)}" * bool(left_out),
        f"target: {label.name} ({label.about}), a regression: {found.target}; --task classification trains classes"
        if found.target
        else f"class: {label.name} ({label.about}), {len(found.classes)} classes: {classes}{more}",
        *found.notes,
    ]


def about_skipped(kind: str, names: Sequence[str]) -> list[str]:
    """Return a line about the files of a folder that were not read; none if there are none."""
    is_named_otherwise = kind == "csv" and not all(table.is_table(Path(name)) for name in names)
    suffixes = f"; the names of tables end in {', '.join(table.SUFFIXES)}" if is_named_otherwise else ""
    return [f"not read: {first_of(names, NAMES_SHOWN)}{suffixes}"] if names else []


def _about_target(y: Labels) -> str:
    return (
        f"{y.min():.6g} to {y.max():.6g}, mean {y.mean(dtype=np.float64):.6g}, deviation {y.std(dtype=np.float64):.6g}"
    )


def _columns(data: DataSet) -> tuple[UnderstoodColumn, ...]:
    if data.table is None or data.encoding is None:
        return ()
    schema = data.table.schema
    found = {
        column.place: _feature(column, encoded)
        for column, encoded in zip(schema.features, data.encoding.columns, strict=True)
    }
    label = schema.label or f"column {schema.place}"
    role, kind = ("target", "numbers") if schema.target else ("class", "classes")
    found[schema.place] = UnderstoodColumn(label, role, kind, schema.why)
    for place, name in schema.dropped.items():
        why = "--drop" if name else "an index without a name, or --drop"
        found[place] = UnderstoodColumn(name or f"column {place}", "left out", "", why)
    return tuple(found[place] for place in sorted(found))


def _feature(column: Column, encoded: EncodedColumn) -> UnderstoodColumn:
    gaps = f", {column.gaps} missing" * bool(column.gaps)
    name = column.name or f"column {column.place}"
    if encoded.words is None:
        digits = DIGITS_OF_LARGE if encoded.offset else DIGITS
        about = (
            f"{column.low:.{digits}g} to {column.high:.{digits}g}" if column.low <= column.high else "no value at all"
        )
        less = f", less {encoded.offset:.{digits}g}" * bool(encoded.offset)
        return UnderstoodColumn(name, "feature", "numbers", f"{about}{less}{gaps}")
    words = ", ".join(encoded.words[:WORDS_SHOWN]) + ", ..." * (len(encoded.words) > WORDS_SHOWN)
    kind = "yes and no" if encoded.is_boolean else "words"
    return UnderstoodColumn(name, "feature", kind, f"{len(encoded.words)}: {words}{gaps}")


def _notes(data: DataSet, classes: dict[str, int]) -> tuple[str, ...]:
    """Return what a user should know, and the option that helps."""
    notes = []
    least, most = (choose(classes, key=classes.__getitem__, default="") for choose in (min, max))
    if classes and classes[most] > IMBALANCE * classes[least]:
        counts = f"class {least} has {classes[least]} rows and {most} {classes[most]}"
        notes.append(f"{counts}: --weighting balanced counts them alike")
    if data.table is not None:
        empty = [str(c) for c in data.table.schema.features if c.low > c.high and not c.is_words]
        constant = [str(c) for c in data.table.schema.features if c.low == c.high and not c.is_words]
        notes += [f"{each} has no value at all: it is 0 everywhere" for each in empty]
        notes += [f"{each} has one value only" for each in constant[:WORDS_SHOWN]]
    return tuple(notes)
