"""What rows say of how a table's column becomes features. Summaries of disjoint rows merge exactly.

Placed files are summarised together, private ones at their sites: equal rows give equal features either way. A
summary holds the words of a column with their counts, and of numbers only what its encoding needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from roundelay.ml.float_sums import from_units
from roundelay.ml.readers.encoding import PRECISION, EncodedColumn

MARGIN = 2  # so that the summaries of parts never miss a column whose whole is that narrow


@dataclass(frozen=True)
class ColumnSummary:
    """One column. low and high are those of all rows; the others, of the rows that train."""

    name: str  # empty: the table has no header
    is_words: bool | None  # None: no value has been seen
    words: Mapping[str, int] = field(default_factory=dict)  # with their counts, if the most frequent is needed; else 1
    count: int = 0  # numbers, if their mean is needed
    total: int = 0  # of them, exact (float_sums.py)
    low: float | None = None  # None: the range is wide
    high: float | None = None
    lowest: float | None = None

    def merged(self, other: ColumnSummary) -> ColumnSummary:
        """Return the summary of the rows of both. They agree on whether the column holds words."""
        if self.is_words is None or other.is_words is None:
            return other if self.is_words is None else self
        counts = {word: self.words.get(word, 0) + other.words.get(word, 0) for word in {*self.words, *other.words}}
        count, total = self.count + other.count, self.total + other.total
        lowest = min((each for each in (self.lowest, other.lowest) if each is not None), default=None)
        low = high = None
        if self.low is not None and other.low is not None and self.high is not None and other.high is not None:
            low, high = min(self.low, other.low), max(self.high, other.high)
        return ColumnSummary(self.name, self.is_words, counts, count, total, low, high, lowest)

    @property
    def loses_digits(self) -> bool:
        """Whether float32 would merge numbers that differ."""
        return self.low is not None and self.high is not None and loses_digits(self.low, self.high)


def loses_digits(low: float, high: float) -> bool:
    """Return whether float32 would merge numbers in a range that differ."""
    return 0 < (high - low) * PRECISION < max(abs(low), abs(high))


def is_narrow(low: float, high: float) -> bool:
    """Return whether a range, of a part of the rows, is so narrow that float32 may lose digits of the whole."""
    return low <= high and (high - low) * PRECISION < MARGIN * max(abs(low), abs(high))


def encoded_columns(summaries: Sequence[ColumnSummary], missing: str) -> tuple[EncodedColumn, ...]:
    """Return how columns become features; missing: what becomes of missing values."""
    return tuple(_encoded(each, missing) for each in summaries)


def _encoded(column: ColumnSummary, missing: str) -> EncodedColumn:
    if column.is_words:
        counts = dict(sorted(column.words.items()))
        most = max(range(len(counts)), key=list(counts.values()).__getitem__, default=-1)
        fill = float(most if missing == "mean" else -1)
        return EncodedColumn(column.name, tuple(counts), fill=None if missing == "refuse" else fill)
    mean = from_units(column.total, max(1, column.count)) if missing == "mean" else 0.0
    offset = column.lowest if column.loses_digits and column.lowest is not None else 0.0
    return EncodedColumn(column.name, None, offset, None if missing == "refuse" else mean)
