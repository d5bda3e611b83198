"""The columns of a table: which one is the class, which hold numbers and which words, agreed over all of its files.

The first file decides; later ones are matched by the names of their columns, or by place if there is no header.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from roundelay.ml.choices import WORDS_MAX_DEFAULT
from roundelay.ml.errors import DataError, fields_text, printable, private
from roundelay.ml.readers.dialect import LABEL_NAMES
from roundelay.ml.readers.encoding import Encoding
from roundelay.ml.readers.packed import FEATURES_MAX
from roundelay.ml.readers.words import Words

CLASSES_MAX = 4096
WORDS_KNOWN_MAX = 1 << 20  # of a file that a trained model reads
_INDEX_NAMES = ("", "Unnamed: 0")  # of the column that pandas.DataFrame.to_csv writes first


@dataclass(frozen=True)
class TableOptions:
    """How to read the columns of a table."""

    label: int | str | None = None  # name, or index from 0; default: a column called like a label, else the last
    missing: str = "refuse"
    header: str = "auto"
    decimal: str = "auto"
    drop: tuple[str, ...] = ()  # columns to leave out, by name or index
    columns: tuple[str, ...] = ()  # the only columns of features, by name or index; (): all
    categorical: tuple[str, ...] = ()  # columns of numbers to be read as words
    words_max: int = WORDS_MAX_DEFAULT
    task: str = "auto"  # regression: the label is a number
    likely_label: str = ""  # the name of the class in other data: it is the class if this file has such a column


@dataclass(eq=False)
class Column:
    """A column of features, and what has been seen of it."""

    name: str
    place: int  # in the first file
    words: Words
    is_words: bool | None = None  # None: no value has been seen
    is_forced: bool = False  # into words, by --categorical
    is_target: bool = False  # of a regression
    gaps: int = 0
    low: float = math.inf
    high: float = -math.inf

    def __str__(self) -> str:
        return column_title(self.name, self.place)


@dataclass(eq=False)
class Layout:
    """Where the columns of the schema are in one file."""

    columns: list[int]  # of each field: its column in the schema; -1: the class, or left out
    label: int | None  # the place of the class; None: the file has no classes
    header: list[str]
    has_target: bool = False
    is_doubtful: bool = False  # whether the names may be a row: see Schema.is_doubtful

    @property
    def width(self) -> int:
        """The number of fields of a row."""
        return len(self.columns)

    def name(self, place: int) -> str:
        """Return what messages call a column."""
        return column_title(self.header[place] if self.header else "", place, self.is_doubtful)


@dataclass(eq=False)
class Schema:
    """The columns of all files."""

    options: TableOptions
    columns: list[Column] = field(default_factory=list)  # of features, then the target of a regression
    classes: Words = field(default_factory=lambda: Words(CLASSES_MAX, integers=True))
    header: list[str] = field(default_factory=list)  # of the first file
    label: str = ""
    place: int = -1  # of the class, in the first file
    why: str = ""  # that column is the class
    dropped: dict[int, str] = field(default_factory=dict)  # the columns that are left out, by place
    width: int = 0
    is_known: bool = False  # from a trained model: a file may lack the class, and have more columns
    is_doubtful: bool = False  # whether names may be a row: only an option took the first row of a file for a header
    is_refuted: bool = False  # whether one did so although the file shows that it is a row
    is_unconfirmed: bool = False  # whether only an option says if a first row is a header, or what marks decimals

    def learn(self, path: Path, line: int, header: list[str], width: int) -> Layout:
        """Decide on the columns by the first file. Raises DataError."""
        self.header, self.width = header, width
        if not 2 <= width <= FEATURES_MAX:
            most = FEATURES_MAX - 1
            raise DataError(str(path), line, f"has {fields_text(width)}, expected a label and 1 to {most} features")
        left_out = self._left_out(path, line)
        self.place, self.why = self._label(path, line, left_out)
        self.label = header[self.place] if header else ""
        if self.options.columns:
            wanted = {self._find(path, line, each, "--columns") for each in self.options.columns}
            left_out = [place for place in range(width) if place not in wanted and place != self.place]
        categorical = {self._find(path, line, each, "--categorical") for each in self.options.categorical}
        for place in range(width):
            if place != self.place and place not in left_out:
                words = Words(self.options.words_max)
                name = header[place] if header else ""
                self.columns.append(Column(name, place, words, place in categorical or None, place in categorical))
        self.dropped = {place: header[place] if header else "" for place in left_out}
        if not self.columns:
            raise DataError(str(path), line, "has no column of features left")
        used = [self.label, *(column.name for column in self.columns)]
        if twice := next((name for name in used if name and used.count(name) > 1), ""):
            raise DataError(str(path), line, f"has two columns {self._title(twice)[7:]}: rename one of them")
        if self.options.task == "regression":
            self.add_target()
        return self._by_place(header)

    def add_target(self) -> None:
        """Read the label as the target of a regression: a column of numbers, after the features."""
        self.columns.append(Column(self.label, self.place, Words(0), False, is_target=True))

    @property
    def target(self) -> Column | None:
        """The target of a regression."""
        return self.columns[-1] if self.columns and self.columns[-1].is_target else None

    @property
    def features(self) -> list[Column]:
        """The columns of features."""
        return [column for column in self.columns if not column.is_target]

    def match(self, path: Path, line: int, header: list[str], width: int) -> Layout:
        """Return the layout of another file. Raises DataError if a column is missing or unknown."""
        if not self.header or not header:
            if self.is_known and width == self.width - 1:
                return self._without_class(header)
            if width != self.width:
                raise DataError(str(path), line, f"has {fields_text(width)}, expected {self.width}")
            return self._by_place(header)
        if header == self.header and not self.is_known:
            return self._by_place(header)
        features = [column.name for column in self.features]
        label = self._unnamed_label(header, features) if self.is_known and not self.label else self.label
        by_name = {label if column.is_target else column.name: number for number, column in enumerate(self.columns)}
        needed = features if self.is_known else [*features, self.label]
        missing = [name for name in needed if name not in header]
        known = {*self.header, *_INDEX_NAMES, *(header if self.is_known or self.options.columns else ())}
        unknown = [name for name in header if name not in known]
        twice = [name for name in needed if header.count(name) > 1]
        if missing or unknown or twice:
            what = (
                f"has no {self._title(missing[0])}"
                if missing
                else f"has a {self._title((unknown or twice)[0])} "
                + ("that the first file lacks" if unknown else "twice")
            )
            raise DataError(str(path), line, f"{what}; expected {self._names(self.header, 120)}")
        place = header.index(label) if label in header and not self.target else None
        has_target = self.target is not None and label in header
        return Layout([by_name.get(name, -1) for name in header], place, header, has_target, self.is_doubtful)

    def _unnamed_label(self, header: list[str], features: list[str]) -> str | None:
        """Return the name of the column of classes if training did not know it: the last, beside all features."""
        return header[-1] if len(header) == len(features) + 1 and header[-1] not in features else None

    def _by_place(self, header: list[str]) -> Layout:
        places = [-1] * self.width
        for number, column in enumerate(self.columns):
            places[column.place] = number
        return Layout(places, None if self.target else self.place, header, self.target is not None, self.is_doubtful)

    def _without_class(self, header: list[str]) -> Layout:
        places = self._by_place(header).columns
        return Layout([*places[: self.place], *places[self.place + 1 :]], None, header)

    def _left_out(self, path: Path, line: int) -> list[int]:
        """Return the places of the columns that are no features: those of --drop, and an index without a name."""
        dropped = {self._find(path, line, each, "--drop") for each in self.options.drop}
        for place, name in enumerate(self.header):
            if name in _INDEX_NAMES and place == 0:
                dropped.add(place)
            elif not name and place not in dropped:
                raise DataError(
                    str(path), line, f"column {place} has no name: name it, or leave it out: --drop {place}"
                )
        return sorted(dropped)

    def _label(self, path: Path, line: int, left_out: Sequence[int]) -> tuple[int, str]:
        """Return the place of the class, and why it is this one."""
        if self.options.label is not None:
            return self._find(path, line, str(self.options.label), "--label"), "--label"
        places = [place for place in range(self.width) if place not in left_out]
        if self.options.likely_label and self.options.likely_label in self.header:
            return self.header.index(self.options.likely_label), "as in the training data"
        named = [place for place in places if self.header and self.header[place].lower() in LABEL_NAMES]
        is_axis = "x" in self.header and [self.header[place] for place in named] == ["y"]
        if len(named) == 1 and not (is_axis and named[0] != places[-1]):
            return named[0], "by its name"
        if named and named[-1] != places[-1]:
            if is_axis:
                named.append(places[-1])
            names = self._names([self.header[place] for place in named], 80)
            first = self._names([self.header[named[0]]], 40)
            raise DataError(str(path), line, f"any of {names} may be the class: say --label {first}")
        if not places:
            raise DataError(str(path), line, "has no column left")
        return places[-1], "the last"

    def _names(self, names: Sequence[str], characters_max: int) -> str:
        """Return what messages quote of a header."""
        return (private if self.is_doubtful else printable)(", ".join(names), characters_max)

    def _title(self, name: str) -> str:
        return f"column {_quoted(name, self.is_doubtful)}"

    def _find(self, path: Path, line: int, given: str, option: str) -> int:
        """Return the place of a column that an option names."""
        if given in self.header:
            return self.header.index(given)
        try:
            place = int(given)
        except ValueError:
            names = self._names(self.header, 120) if self.header else f"numbered 0 to {self.width - 1}"
            raise DataError(
                str(path), line, f"has no column {printable(given, 40)!r} ({option}); its columns are {names}"
            ) from None
        if not -self.width <= place < self.width:
            raise DataError(str(path), line, f"has no column {place}; its columns are numbered 0 to {self.width - 1}")
        return place % self.width


def column_title(name: str, place: int, is_doubtful: bool = False) -> str:
    """Return what messages call a column; they mark a name that may be a value."""
    return f"column {_quoted(name, is_doubtful)}" if name else f"column {place}"


def _quoted(name: str, is_doubtful: bool) -> str:
    return f"'{private(name, 40)}'" if is_doubtful else repr(printable(name, 40))


def schema_of(
    encoding: Encoding, labels: Sequence[str], task: str, header: str = "auto", decimal: str = "auto"
) -> Schema:
    """Return the schema of the table that a model was trained on, to read other files alike."""
    columns = encoding.columns
    label = encoding.place if encoding.place >= 0 else len(columns)  # of arrays: the class comes last
    taken = {label, *encoding.dropped}
    places = [place for place in range(len(columns) + len(taken)) if place not in taken]
    names = [column.name for column in columns]
    if encoding.label:
        names.append(encoding.label)
    has_names = bool(encoding.label) or (encoding.place < 0 and all(names))  # a DataFrame's class may have no name
    made = Schema(
        TableOptions(None, "mean" if any(c.fill is not None for c in columns) else "refuse", header, decimal),
        classes=Words(CLASSES_MAX, labels, integers=True),
        header=names if has_names else [],
        label=encoding.label,
        place=label,
        width=len(columns) + len(taken),
        is_known=True,
    )
    for column, place in zip(columns, places, strict=True):
        words = Words(WORDS_KNOWN_MAX, column.words or ())
        made.columns.append(Column(column.name, place, words, column.words is not None, column.words is not None))
    if task == "regression":
        made.add_target()
    return made
