"""The rows of a table in a spool: what they say of each column, and the features that they become."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Doubles, Floats
from roundelay.ml.float_sums import exact_sum
from roundelay.ml.readers.column_summary import ColumnSummary, encoded_columns, is_narrow
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.schema import Column, Schema
from roundelay.ml.readers.source import Rows, check_targets
from roundelay.ml.readers.spool import Spool

Bools = npt.NDArray[np.bool_]


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
