"""How the columns of a table become features: the same for every file, and part of the saved model.

A column of numbers is one feature, of which an offset is subtracted in float64 where float32 would lose its digits. A
column of words becomes one feature for each of its words (one-hot), or a single one if it holds yes and no. Missing
values and offsets come from the rows that train.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from roundelay.ml.errors import BadTask
from roundelay.ml.readers.packed import FEATURES_MAX
from roundelay.ml.training_plan import ENCODING_CHARACTERS_MAX

Doubles = npt.NDArray[np.float64]

PRECISION = 256  # an offset is subtracted where numbers are this many times larger than their range
FLOAT32_INTEGERS = 1 << 24  # up to which float32 holds all integers
BOOLEANS = (("false", "true"), ("no", "yes"))


@dataclass(frozen=True)
class EncodedColumn:
    """A column as the model reads it."""

    name: str  # empty: the table has no header, or the array no names
    words: tuple[str, ...] | None = None  # None: a column of numbers
    offset: float = 0.0  # subtracted from numbers
    fill: float | None = None  # replaces a missing value: a number, or the place of a word; -1: no word

    @property
    def is_boolean(self) -> bool:
        return self.words is not None and tuple(sorted(word.lower() for word in self.words)) in BOOLEANS

    @property
    def truth(self) -> int:
        """The place of the word that is 1, of a column of yes and no."""
        return next(place for place, word in enumerate(self.words or ()) if word.lower() in ("true", "yes"))

    @property
    def features(self) -> int:
        return 1 if self.words is None or self.is_boolean else len(self.words)


@dataclass(frozen=True)
class Encoding:
    """All columns of a table but its classes, in the order of the features."""

    columns: tuple[EncodedColumn, ...]
    label: str = ""  # the name of the column of classes; empty: it has none
    place: int = -1  # the place of the column of classes in the first file; -1: the rows were in memory
    dropped: tuple[int, ...] = ()  # the places of the columns that are left out

    @cached_property
    def features(self) -> int:
        """The number of features of a row."""
        return sum(column.features for column in self.columns)

    @cached_property
    def offsets(self) -> Doubles:
        """What is subtracted from each feature: (features,)."""
        return np.repeat([column.offset for column in self.columns], [column.features for column in self.columns])

    @cached_property
    def are_numbers(self) -> bool:
        """Whether every column holds numbers."""
        return all(column.words is None for column in self.columns)

    @cached_property
    def is_plain(self) -> bool:
        """Whether every feature is the number of its column."""
        return all(c.words is None and not c.offset and c.fill is None for c in self.columns)

    def encode(self, rows: Doubles) -> npt.NDArray[np.float32]:
        """Encode rows (n, columns), in which words are numbers and missing values NaN: (n, features)."""
        if self.is_plain:
            return rows.astype(np.float32)
        out = np.empty((len(rows), self.features), np.float32)
        at = 0
        for column, values in zip(self.columns, rows.T, strict=True):
            if column.fill is not None:
                values = np.where(np.isnan(values), column.fill, values)
            end = at + column.features
            if column.words is None:
                out[:, at] = values - column.offset
            elif column.is_boolean:
                out[:, at] = values == column.truth
            else:
                out[:, at:end] = values[:, None] == np.arange(len(column.words))
            at = end
        return out

    def to_json(self) -> str:
        """Encode all columns; those that are a number and a feature as they are, by their names only."""
        special = {
            str(place): [column.words, column.offset, column.fill]
            for place, column in enumerate(self.columns)
            if column != EncodedColumn(column.name)
        }
        names = [column.name for column in self.columns]
        return json.dumps(
            {
                "columns": names if any(names) else len(names),
                "special": special,
                "label": self.label,
                "place": self.place,
                "dropped": self.dropped,
            }
        )


def offsets_encoding(low: Doubles, high: Doubles) -> Encoding | None:
    """Return the encoding of columns of numbers between these limits (d,); None if float32 keeps them apart."""
    spread, largest = high - low, np.maximum(np.abs(low), np.abs(high))  # (d,)
    loses = (spread * PRECISION < largest) & ((spread > 0) | (largest > FLOAT32_INTEGERS))  # (d,)
    if not loses.any():
        return None
    return Encoding(tuple(EncodedColumn("", None, offset) for offset in np.where(loses, low, 0.0).tolist()))


def named_encoding(encoding: Encoding | None, names: Sequence[str], label: str) -> Encoding | None:
    """Return an encoding whose columns have these names, (): none; without an encoding, columns are numbers.

    label: the name of the column of classes, empty: unknown.
    """
    if not names:
        return encoding
    columns = encoding.columns if encoding is not None else [EncodedColumn("")] * len(names)
    named = tuple(replace(column, name=name) for column, name in zip(columns, names, strict=True))
    return Encoding(named, "" if label in names else label)


def encoding_from_json(text: str) -> Encoding:
    """Decode what Encoding.to_json wrote. Raises BadTask."""
    try:
        if len(text) > ENCODING_CHARACTERS_MAX:
            raise ValueError(f"{len(text)} characters")
        raw = json.loads(text)
        names = raw["columns"]
        names = [""] * min(names, FEATURES_MAX) if isinstance(names, int) else list(map(_text, names))
        columns = [EncodedColumn(name) for name in names]
        for place, (words, offset, fill) in raw["special"].items():
            columns[int(place)] = EncodedColumn(
                names[int(place)],
                None if words is None else tuple(map(_text, words)),
                _finite(offset),
                None if fill is None else _finite(fill),
            )
        if not columns:
            raise ValueError("it has no columns")
        label, place, dropped = _text(raw["label"]), raw["place"], tuple(raw["dropped"])
        _check_places(place, dropped, len(columns))
        return Encoding(tuple(columns), label, place, dropped)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError) as error:
        raise BadTask(f"malformed encoding of columns: {error}") from error


def _check_places(place: object, dropped: tuple[object, ...], columns: int) -> None:
    """Raise ValueError unless the columns that are no features lie in a table with these features."""
    width = columns + len(dropped) + 1
    taken = [*dropped, columns if place == -1 else place]
    if not all(type(each) is int and 0 <= each < width for each in taken) or len(set(taken)) < len(taken):
        raise ValueError(f"place {place!r} and dropped {dropped!r} in {width} columns")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _finite(value: object) -> float:
    if not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)
