"""How the columns of a table become features: the same for every file, and part of the saved model.

A column of numbers is one feature, of which an offset is subtracted in float64 where float32 would lose its digits. A
column of words becomes one feature for each of its words (one-hot), or a single one if it holds yes and no. Missing
values and offsets come from the rows that train.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.errors import DataError

Doubles = npt.NDArray[np.float64]

JSON_BYTES_MAX = 1 << 20
BOOLEANS = (("false", "true"), ("no", "yes"))


@dataclass(frozen=True)
class EncodedColumn:
    """A column as the model reads it."""

    name: str  # empty: the table has no header
    words: tuple[str, ...] | None = None  # None: a column of numbers
    offset: float = 0.0  # subtracted from numbers
    fill: float | None = None  # replaces a missing value: a number, or the place of a word; -1: no word

    @property
    def is_boolean(self) -> bool:
        return self.words is not None and tuple(sorted(word.lower() for word in self.words)) in BOOLEANS

    @property
    def features(self) -> int:
        return 1 if self.words is None or self.is_boolean else len(self.words)


@dataclass(frozen=True)
class Encoding:
    """All columns of a table but its classes, in the order of the features."""

    columns: tuple[EncodedColumn, ...]
    label: str = ""  # the name of the column of classes; empty: the table has no header
    place: int = -1  # the place of the column of classes, without a header

    @cached_property
    def features(self) -> int:
        """The number of features of a row."""
        return sum(column.features for column in self.columns)

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
                truth = next(n for n, word in enumerate(column.words) if word.lower() in ("true", "yes"))
                out[:, at] = values == truth
            else:
                out[:, at:end] = values[:, None] == np.arange(len(column.words))
            at = end
        return out

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def encoding_from_json(text: str) -> Encoding:
    """Decode what Encoding.to_json wrote. Raises ValueError, TypeError, KeyError."""
    if len(text) > JSON_BYTES_MAX:
        raise ValueError(f"an encoding of {len(text)} characters")
    raw = json.loads(text)
    columns = tuple(_column(each) for each in raw["columns"])
    if not isinstance(raw["label"], str) or not isinstance(raw["place"], int) or not columns:
        raise TypeError("an encoding without columns, or whose label is not a text")
    return Encoding(columns, raw["label"], raw["place"])


def _column(raw: dict[str, Any]) -> EncodedColumn:
    words = None if raw["words"] is None else tuple(map(str, raw["words"]))
    fill = None if raw["fill"] is None else float(raw["fill"])
    column = EncodedColumn(str(raw["name"]), words, float(raw["offset"]), fill)
    if not np.isfinite([column.offset, column.fill or 0.0]).all():
        raise ValueError(f"column {column.name!r} is malformed")
    return column
