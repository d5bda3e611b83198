"""Parse the fields of a table's row, one by one: slow, but every fault is named with its line."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from roundelay.ml.errors import DataError, fields_text, printable, private
from roundelay.ml.readers.dialect import Dialect, is_missing
from roundelay.ml.readers.schema import CLASSES_MAX, Column, Layout, Schema

LARGEST = float(np.finfo(np.float32).max)
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|\d{1,2}:\d\d(:\d\d.*)?")
_SIGN, _GROUPED = r"[$€£¥%]", r"[+-]?\d{1,3}([ ,.'\u00a0]\d{3})+([.,]\d+)?"
_AMOUNT = re.compile(rf"[+-]?{_SIGN}\s*[+-]?[\d.,']*\d|[+-]?[\d.,']*\d\s*{_SIGN}|{_GROUPED}")


class RowParser:
    """Parses rows of one file."""

    def __init__(self, path: Path, schema: Schema, layout: Layout, dialect: Dialect) -> None:
        self._path, self._schema, self._layout, self._dialect = path, schema, layout, dialect

    def parse(self, line: int, row: list[str]) -> tuple[list[float], int]:
        """Return a row's numbers and the number of its class, or -1 without one. Raises DataError."""
        if len(row) != self._layout.width:
            raise self._fault(line, f"has {fields_text(len(row))}, expected {self._layout.width}")
        values, code = [0.0] * len(self._schema.columns), -1
        if self._schema.target and not self._layout.has_target:
            values[-1] = math.nan
        for place, text in enumerate(row):
            number = self._layout.columns[place]
            if place == self._layout.label:
                code = self._class(line, place, text)
            elif number >= 0:
                values[number] = self._value(line, place, self._schema.columns[number], text)
        return values, code

    def _class(self, line: int, place: int, text: str) -> int:
        if is_missing(text):
            raise self._fault(line, f"{self._gap(place, text)}: it is the class of the row, so leave the row out")
        if not text.strip().isprintable():
            raise self._fault(line, f"{self._layout.name(place)} is {_quote(text)}, not a class: write it on one line")
        try:
            return self._schema.classes.number(text)
        except ValueError:
            advice = "check --label, or say --task regression"
            raise self._fault(line, f"has more than {CLASSES_MAX} classes: {advice}") from None

    def _value(self, line: int, place: int, column: Column, text: str) -> float:
        """Return the number that stands for a field; NaN if it is missing."""
        if is_missing(text) and column.is_target:
            raise self._fault(line, f"{self._gap(place, text)}: it is the target of the row, so leave the row out")
        if is_missing(text):
            if self._schema.options.missing == "refuse":
                advice = "fill it in, or train with --missing mean or --missing zero"
                raise self._fault(line, f"{self._gap(place, text)}: {advice}")
            return float("nan")
        value = self._dialect.number(text)
        if column.is_words is None:
            column.is_words = value is None
            if value is None:
                self._refuse_amounts(line, place, text)
        if column.is_words:
            return self._word(line, place, column, text, value)
        if value is None:
            advice = f"--categorical {_option(self._layout, place)} reads it as words"
            if column.is_target:
                advice = "--task classification trains classes"
            raise self._fault(line, f"{self._layout.name(place)} is {_quote(text)}, not a number ({advice})")
        if not abs(value) <= LARGEST:
            advice = "scale the column, or leave the row out"
            raise self._fault(line, f"{self._layout.name(place)} is {_quote(text)}, not finite or too large: {advice}")
        return value

    def _refuse_amounts(self, line: int, place: int, text: str) -> None:
        """Raise DataError for a column that begins with a date or an amount: read as words, it would lose its order."""
        name, option = self._layout.name(place), _option(self._layout, place)
        if _looks_like_date(text):
            advice = f"make it a number, or leave it out: --drop {option}"
            raise self._fault(line, f"{name} holds dates or times such as {_quote(text)}: {advice}")
        if _looks_like_amount(text):
            advice = (
                f"write digits alone, or leave it out (--drop {option}), or --categorical {option} reads it as words"
            )
            raise self._fault(line, f"{name} holds amounts such as {_quote(text)}: {advice}")

    def _word(self, line: int, place: int, column: Column, text: str, value: float | None) -> float:
        try:
            return column.words.number(text)
        except ValueError:
            name, option = self._layout.name(place), _option(self._layout, place)
        if value is not None and not column.is_forced:
            advice = f"--categorical {option} reads it as words"
            raise self._fault(line, f"{name} holds words, but here {_quote(text)}: {advice}")
        if not text.strip().isprintable():
            raise self._fault(line, f"{name} is {_quote(text)}, not a number or a word: leave it out, --drop {option}")
        advice = f"leave it out (--drop {option}), or raise --words"
        raise self._fault(line, f"{name} has more than {column.words.most} different words: {advice}")

    def _gap(self, place: int, text: str) -> str:
        """Say that a field has no value."""
        written = f"is {_quote(text)}, which marks a missing value" if text.strip() else "is empty"
        return f"{self._layout.name(place)} {written}"

    def _fault(self, line: int, message: str) -> DataError:
        return DataError(str(self._path), line, message)


def _option(layout: Layout, place: int) -> str:
    if not layout.header:
        return str(place)
    return (private if layout.is_doubtful else printable)(layout.header[place], 40)


def _quote(text: str) -> str:
    return f"'{private(text, 20)}'"


def _looks_like_date(text: str) -> bool:
    return _DATE.fullmatch(text.strip()) is not None


def _looks_like_amount(text: str) -> bool:
    """Return whether a text is a number with a sign of money or percent, or with marks between thousands."""
    return _AMOUNT.fullmatch(text.strip()) is not None
