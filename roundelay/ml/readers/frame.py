"""The columns of a DataFrame as a trained model reads them: found by their names, words as their numbers."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from roundelay.ml.data import Doubles
from roundelay.ml.errors import DataError, printable, private
from roundelay.ml.readers.dialect import is_missing
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.words import describe_unknown, plain_word

NAME_CHARACTERS_MAX = 40


def columns_of(x: Any, encoding: Encoding) -> Doubles | None:
    """Return the columns in the order of the encoding, missing values as NaN: (n, columns).

    None: x is not a DataFrame, or its columns have no names but numbers. Raises DataError.
    """
    names = [column.name for column in encoding.columns]
    if not hasattr(x, "columns") or not all(names):
        return None
    given = [(str(name).strip(), name) for name in x.columns]
    found = dict(given)
    missing = [name for name in names if name not in found]
    if len(missing) == len(names) and not all(isinstance(name, str) for name in x.columns):
        return None  # its columns are taken by their places
    counts = Counter(name for name, _ in given)
    if wrong := missing or [name for name in names if counts[name] > 1]:
        how = "no column" if missing else "two columns"
        raise DataError("x", None, f"has {how} {_shown(wrong[0])}; expected {printable(', '.join(names), 120)}")
    return np.column_stack([_values(x[found[column.name]], column) for column in encoding.columns])


def _values(values: Any, column: EncodedColumn) -> Doubles:
    """Return a column's numbers, or the numbers of its words: (n,)."""
    read = _words(list(values), column) if column.words is not None else _numbers(values, column)
    gaps = np.isnan(read)  # (n,)
    if gaps.any() and column.fill is None:
        row = int(np.argmax(gaps))
        raise DataError("x", None, f"row {row} has no value in column {_shown(column.name)}: fill it in")
    return read


def _numbers(values: Any, column: EncodedColumn) -> Doubles:
    read: Doubles
    try:
        plain = np.asarray(values)  # (n,)
        numbers = plain if plain.dtype.kind in "biuf" else [_number(each) for each in values]
        read = np.asarray(numbers, np.float64)  # (n,)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError("x", None, f"column {_shown(column.name)} is not numeric: {private(error)}") from error
    if not (np.abs(read[~np.isnan(read)]) <= np.finfo(np.float32).max).all():
        raise DataError("x", None, f"column {_shown(column.name)} holds infinity or a number that exceeds float32")
    return read


def _number(value: Any) -> float:
    return float("nan") if is_missing(str(value)) else float(value)


def _words(values: Sequence[Any], column: EncodedColumn) -> Doubles:
    """Return the place of each word; one that training does not know counts as none of the words, and is told."""
    words = column.words or ()
    places = {_plain(word, column): place for place, word in enumerate(words)}
    places |= {word: place for place, word in enumerate(words)}
    read, unknown = np.full(len(values), np.nan), set[str]()
    for row, value in enumerate(values):
        word = str(value).strip()
        if not is_missing(word):
            found = places.get(word, places.get(_plain(word, column), len(words)))
            read[row] = found
            unknown |= {word} if found == len(words) else set()
    if unknown:
        warnings.warn(describe_unknown(f"column {_shown(column.name)}", min(unknown)), stacklevel=2)
    return read


def _plain(word: str, column: EncodedColumn) -> str:
    """Return a word so that 1 and 1.0 are the same, and true and True."""
    return word.lower() if column.is_boolean else plain_word(word)


def _shown(name: str) -> str:
    return repr(printable(name, NAME_CHARACTERS_MAX))
