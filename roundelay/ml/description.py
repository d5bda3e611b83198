"""Describe the columns of training data: counts, means, deviations, quantiles and histograms, before any training.

Everything is a sum of integers over the rows: exact sums for means and deviations (exact.py), counts of digits for
quantiles (order_statistics.py). So a description does not depend on how the rows are divided, and those of
parts could be added. Counts below a limit are hidden, and no quantile is told that fewer rows than that lie beyond
(statistical disclosure control: Hundepool et al. 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil, prod

import numpy as np

from roundelay.ml import exact_moments
from roundelay.ml.cells import Cells, Range, common_histogram, ranges
from roundelay.ml.choices import HIDE_BELOW_DEFAULT
from roundelay.ml.data import Doubles, Ints
from roundelay.ml.order_statistics import DIGITS, high_digits, keys_of, select
from roundelay.ml.readers.column_summary import loses_digits
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.source import DataSet, DatasetPart

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
BINS_MAX = 10
ROWS_A_BIN = 4  # times the count below which a bin is hidden, on average at least
COLUMNS_AT_ONCE = 32  # whose digits are counted in one pass
COLUMNS_MAX = 1_000
VALUES_MAX = 100  # of a column of words, or classes, that are listed


@dataclass(frozen=True)
class NumbersDescription:
    """A column of numbers; None stands for what is hidden."""

    name: str
    count: int  # rows with a value
    missing: int | None  # None: not told, of private data, whose missing values are filled in
    mean: float | None
    deviation: float | None
    quantiles: tuple[float | None, ...]  # at QUANTILES: the smallest value that this share of the rows does not exceed
    edges: tuple[float, ...]  # of the histogram's bins, at most BINS_MAX; or none
    histogram: tuple[int | None, ...]  # rows; the outer bins also hold what lies beyond them
    ranges: tuple[Range | None, ...] = ()  # of private data, instead of quantiles: each lies in one


@dataclass(frozen=True)
class WordsDescription:
    """A column of words, or the classes; None stands for a count that is hidden."""

    name: str
    count: int
    missing: int | None
    counts: tuple[tuple[str, int | None], ...]  # of words the most frequent first, of classes in their order
    others: int = 0  # values that are not listed


@dataclass(frozen=True)
class Description:
    """What is told of a data set."""

    kind: str
    rows: int
    hide_below: int
    numbers: tuple[NumbersDescription, ...]
    words: tuple[WordsDescription, ...]
    left: int = 0  # columns that were not described
    uncounted: int = 0  # columns of private numbers, the last ones, whose values some site has not counted

    def to_json(self) -> dict[str, object]:
        """Return what `client.py describe --json` prints."""
        return {**asdict(self), "quantiles_at": QUANTILES}


Blocks = Callable[[], Iterator[Doubles]]  # (rows, columns) each; NaN is a missing value


def describe(data: DataSet, hide_below: int = HIDE_BELOW_DEFAULT, columns_max: int = COLUMNS_MAX) -> Description:
    """Describe the training rows of a data set, at most `columns_max` columns of numbers."""
    names, offsets, words, blocks = _columns(data)
    places = [place for place, known in enumerate(words) if known is None]
    shown = places[:columns_max]
    numbers: list[NumbersDescription] = []
    for start in range(0, len(shown), COLUMNS_AT_ONCE):
        group = shown[start : start + COLUMNS_AT_ONCE]
        numbers += describe_numbers(
            [names[place] for place in group],
            offsets[group],
            lambda group=group: (block[:, group] for block in blocks()),  # type: ignore[misc]
            hide_below,
        )
    found = [
        _words(names[place], known, blocks, place, hide_below) for place, known in enumerate(words) if known is not None
    ]
    return Description(
        data.kind,
        sum(part.rows for part in data.training),
        hide_below,
        tuple(numbers),
        (*found, *_classes(data, hide_below)),
        len(places) - len(shown),
    )


def describe_numbers(
    names: Sequence[str], offsets: Doubles, blocks: Blocks, hide_below: int
) -> list[NumbersDescription]:
    """Describe columns of numbers; `offsets` are subtracted before float32 rounds them: (columns,)."""
    sums, missing, high = _first_pass(len(names), offsets, blocks)
    counts = [0 if each is None else each.rows for each in sums]
    ranks = [[max(1, ceil(share * count)) for share in QUANTILES] if count else [] for count in counts]
    values = select(ranks, high, lambda: (keys_of(block - offsets) for block in blocks()))
    shown = [[_is_shown(share, count, hide_below) for share in QUANTILES] if count else [] for count in counts]
    bins = [max(1, min(BINS_MAX, count // (ROWS_A_BIN * hide_below))) for count in counts]
    edges = [_edges(*each) for each in zip(values, shown, bins, strict=True)]
    histograms = _histograms(edges, offsets, blocks)
    made = []
    for place, name in enumerate(names):
        mean, deviation = (None, None) if (each := sums[place]) is None else _moments(each, hide_below)
        made.append(
            NumbersDescription(
                name,
                counts[place],
                missing[place],
                None if mean is None else mean + float(offsets[place]),
                deviation,
                tuple(
                    _digits(value) + float(offsets[place]) if visible else None
                    for value, visible in zip(values[place], shown[place], strict=True)
                ),
                tuple(_digits(edge) + float(offsets[place]) for edge in edges[place]),
                hide(histograms[place], hide_below),
            )
        )
    return made


def describe_sums(
    kind: str,
    sums: exact_moments.FeatureSums,
    hide_below: int,
    encoding: Encoding | None = None,
    files: Sequence[Sequence[Cells]] = (),
) -> Description:
    """Describe columns of which only exact sums are known, and counts in cells: private data.

    encoding: of a table's columns; a word has one feature, whose sum is the number of its rows. files: the cells of the
    columns of numbers of each file, of which a site with many files counts only the first.
    """
    columns = encoding.columns if encoding is not None else ()
    by_column = [list(each) for each in zip(*files, strict=False)]
    counted = iter(by_column)
    missing = None if columns else 0  # only tables have gaps
    numbers, words, at = [], [], 0
    for column in columns:
        if column.words is None:
            numbers.append(
                _summed(column.name, sums.columns(at, at + 1), missing, hide_below, next(counted, []), column.offset)
            )
        elif not column.is_boolean:
            counts = np.array([exact_moments.whole(total) for total in sums.sums[at : at + column.features]])
            words.append(_counted(column.name, column.words, counts, None, hide_below, range(len(counts))))
        else:
            counts = np.full(2, exact_moments.whole(sums.sums[at]))
            counts[1 - column.truth] = sums.rows - counts[column.truth]
            words.append(_counted(column.name, column.words, counts, None, hide_below, range(2)))
        at += column.features
    for place in range(at, len(sums.sums)):  # without a table, or the target of a regression
        name = "target" if columns else f"column {place}"
        numbers.append(_summed(name, sums.columns(place, place + 1), missing, hide_below, next(counted, [])))
    uncounted = max(0, len(numbers) - len(by_column)) if files else 0
    return Description(kind, sums.rows, hide_below, tuple(numbers), tuple(words), uncounted=uncounted)


def _summed(
    name: str,
    sums: exact_moments.FeatureSums,
    missing: int | None,
    hide_below: int,
    files: list[Cells],
    offset: float = 0.0,
) -> NumbersDescription:
    mean, deviation = _moments(sums, hide_below)
    told_mean = None if mean is None else mean + offset
    if mean is None or not files:  # two numbers, or too few rows: then nothing is told of the values either
        return NumbersDescription(name, sums.rows, missing, told_mean, deviation, (), (), ())
    rows = sum(each.rows for each in files)
    found = ranges(files, [max(1, ceil(share * rows)) for share in QUANTILES])
    shown = [each if _is_shown(share, rows, hide_below) else None for share, each in zip(QUANTILES, found, strict=True)]
    told = [each for each in shown if each is not None]
    bins = max(1, min(BINS_MAX, rows // (ROWS_A_BIN * hide_below)))
    edges, counts = common_histogram(files, (told[0][0], told[-1][1]), bins) if told else ((), ())
    histogram = hide(counts, hide_below)
    return NumbersDescription(name, sums.rows, missing, told_mean, deviation, (), edges, histogram, tuple(shown))


def hide(counts: Sequence[int], least: int) -> tuple[int | None, ...]:
    """Return counts without those from 1 to `least` - 1, and without more where the total would tell of these.

    For all that the total tells, each count that is hidden may be `least` or larger.
    """
    hidden = {place for place, count in enumerate(counts) if 0 < count < least}
    others = sorted((-count, -place) for place, count in enumerate(counts) if count and place not in hidden)
    while hidden and others and sum(counts[place] for place in hidden) < len(hidden) + least - 1:
        hidden.add(-others.pop()[1])  # the smallest
    return tuple(None if place in hidden else count for place, count in enumerate(counts))


def _columns(data: DataSet) -> tuple[list[str], Doubles, list[tuple[str, ...] | None], Blocks]:
    """Return names, offsets, words (None: numbers) and rows of the columns of a data set."""
    if data.table is not None:
        table, columns = data.table, data.table.schema.columns
        offsets = np.array([each.low if loses_digits(each.low, each.high) else 0.0 for each in columns])  # (columns,)
        parts = table.parts[: len(data.training)]
        return (
            [each.name or f"column {each.place}" for each in columns],
            offsets,
            [tuple(each.words.numbers) if each.is_words else None for each in columns],
            lambda: (block for part in parts for block in table.spool.blocks(part.start, part.end)),
        )
    if data.shape:
        channels = data.shape[0]
        names = [f"channel {number}" for number in range(channels)] if channels > 1 else ["pixels"]
        return names, np.zeros(channels), [None] * channels, lambda: _pixels(data)
    names = [f"column {number}" for number in range(data.features)]
    if data.task == "regression":
        names.append("target")
    offsets = np.zeros(len(names))  # (columns,)
    if data.encoding is not None:
        offsets[: data.features] = data.encoding.offsets
    return names, offsets, [None] * len(names), lambda: _rows(data, offsets)


def _pixels(data: DataSet) -> Iterator[Doubles]:
    """Yield the pixels of images by channel: (rows * pixels, channels)."""
    channels, size = data.shape[0], prod(data.shape[1:])
    for part in data.training:
        for block in part.blocks():
            pixels = block.reshape(len(block), channels, size).transpose(0, 2, 1)  # (rows, pixels, channels)
            yield pixels.reshape(-1, channels).astype(np.float64)


def _rows(data: DataSet, offsets: Doubles) -> Iterator[Doubles]:
    for part in data.training:
        yield from (block + offsets for block in _rows_of(part, data.task == "regression"))


def _rows_of(part: DatasetPart, with_target: bool) -> Iterator[Doubles]:
    start = 0
    for block in part.blocks():
        rows = block.astype(np.float64)  # (rows, d)
        yield np.column_stack([rows, part.y[start : start + len(rows)]]) if with_target else rows
        start += len(rows)


def _classes(data: DataSet, hide_below: int) -> list[WordsDescription]:
    """Describe the classes of the training rows, if they are such."""
    if not data.labels:
        return []
    counts = sum(np.bincount(part.y, minlength=data.classes) for part in data.training)
    name = (data.table.schema.label if data.table is not None else "") or "class"
    return [_counted(name, data.labels, np.asarray(counts), 0, hide_below, range(data.classes))]


def _words(name: str, words: tuple[str, ...], blocks: Blocks, place: int, hide_below: int) -> WordsDescription:
    counts, missing = np.zeros(len(words), np.int64), 0  # (words,)
    for block in blocks():
        known = block[~np.isnan(block[:, place]), place].astype(np.int64)
        counts += np.bincount(known, minlength=len(words))
        missing += len(block) - len(known)
    order = sorted(range(len(words)), key=lambda number: (-counts[number], number))
    return _counted(name, words, counts, missing, hide_below, order)


def _counted(
    name: str, words: Sequence[str], counts: Ints, missing: int | None, hide_below: int, order: Sequence[int]
) -> WordsDescription:
    shown = hide([int(counts[place]) for place in order], hide_below)
    told = tuple((words[place], count) for place, count in zip(order, shown, strict=True))
    return WordsDescription(name, int(counts.sum()), missing, told[:VALUES_MAX], max(0, len(told) - VALUES_MAX))


def _moments(total: exact_moments.FeatureSums, hide_below: int) -> tuple[float, float] | tuple[None, None]:
    """Return mean and standard deviation of a column, unless they tell of fewer rows than `hide_below`."""
    two_values = exact_moments.counts_of_two(total)
    if total.rows < hide_below or (two_values and None in hide(two_values, hide_below)):
        return None, None
    mean, deviation = total.deviations()
    return _digits(mean[0]), _digits(deviation[0])


def _first_pass(
    columns: int, offsets: Doubles, blocks: Blocks
) -> tuple[list[exact_moments.FeatureSums | None], list[int], list[Ints]]:
    """Return exact sums, missing values, and how often each high digit occurs (DIGITS,), of each column."""
    sums: list[exact_moments.FeatureSums | None] = [None] * columns
    missing, high = [0] * columns, [np.zeros(DIGITS, np.int64) for _ in range(columns)]
    for block in blocks():
        for place, values in enumerate((block - offsets).T):
            known = values[~np.isnan(values)].astype(np.float32)  # (known,)
            missing[place] += len(values) - len(known)
            if not len(known):
                continue
            added, before = exact_moments.feature_sums(known[:, None]), sums[place]
            sums[place] = added if before is None else before + added
            high[place] += high_digits(known)
    return sums, missing, high


def _is_shown(share: float, count: int, hide_below: int) -> bool:
    """Return whether enough rows lie on both sides of a quantile."""
    return hide_below <= 1 or min(share, 1 - share) * count >= hide_below


def _edges(values: Sequence[float], visible: Sequence[bool], bins: int) -> Doubles:
    """Return the edges of a histogram between the outermost quantiles that are shown; none if there is no room."""
    shown = [value for value, is_shown in zip(values, visible, strict=True) if is_shown]
    if not shown or shown[0] == shown[-1]:
        return np.zeros(0)
    return np.linspace(shown[0], shown[-1], bins + 1)  # (bins + 1,)


def _histograms(edges: Sequence[Doubles], offsets: Doubles, blocks: Blocks) -> list[list[int]]:
    """Return how many rows each bin of each column holds."""
    counts = [np.zeros(max(0, len(each) - 1), np.int64) for each in edges]
    for block in blocks() if any(map(len, edges)) else ():
        for place, values in enumerate((block - offsets).T):
            if len(edges[place]):
                known = values[~np.isnan(values)].astype(np.float32)
                last = len(counts[place]) - 1
                bins = np.clip(np.searchsorted(edges[place], known, "right") - 1, 0, last)
                counts[place] += np.bincount(bins, minlength=last + 1)
    return [each.tolist() for each in counts]


def _digits(value: float) -> float:
    """Return a number with the digits that float32 holds."""
    return float(f"{value:.7g}")
