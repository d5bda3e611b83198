"""One pass over a file of a table: every field is checked, and the rows go to a spool as numbers.

A block of lines is parsed as a whole (block_parser.py). A block that cannot be, because of quoted separators, comments,
blank lines or a fault, is read once more row by row (row_parser.py), which names the line of a fault. The second way
accepts all that the first one does, and gives the same numbers.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from roundelay.ml.data import Doubles
from roundelay.ml.errors import DataError
from roundelay.ml.malloc import reuse_freed_blocks
from roundelay.ml.readers.block_parser import BlockParser
from roundelay.ml.readers.dialect import Dialect, find_dialect, has_header, sample_rows
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.row_parser import RowParser
from roundelay.ml.readers.rows import Rows
from roundelay.ml.readers.schema import Layout, Schema
from roundelay.ml.readers.source import SET_ROWS_MAX
from roundelay.ml.readers.spool import Spool
from roundelay.ml.readers.text import Block, Tell, blocks

LINES_SLOW = 128  # that are read one by one before the rest of a block is tried at once


class FileScan:
    """The scan of one file."""

    def __init__(self, path: Path, schema: Schema, fast: bool = True, limits: Limits = DEFAULT) -> None:
        self.codes = array("i")  # the class of each row
        self._path, self._schema, self._fast, self._limits = path, schema, fast, limits
        self._dialect, self._layout = Dialect(","), Layout([], None, [])

    def run(self, spool: Spool | None, tell: Tell = lambda done: None) -> Spool:
        """Add the file's rows to a spool, which is made for the first file. Raises DataError, InputMissing, OSError."""
        reuse_freed_blocks()
        following = blocks(self._path, tell, self._limits)
        for block in following:
            if not self._layout.columns:
                block = self._begin(block, following)
                if not self._layout.columns:
                    continue
                spool = spool or Spool(len(self._schema.columns))
            assert spool is not None
            lines = LINES_SLOW
            while block.text and not (self._fast and self._add_block(block, spool)):
                block, lines = self._add_rows(block, following, spool, lines), 2 * lines
            if len(self.codes) > SET_ROWS_MAX:
                raise DataError(str(self._path), block.line, f"has more than {SET_ROWS_MAX} rows")
        if spool is None or not self.codes:
            raise DataError(str(self._path), None, "holds a header but no rows" if self._layout.header else "is empty")
        return spool

    def _begin(self, block: Block, following: Iterator[Block]) -> Block:
        """Find how the file is written and which columns it has; return the block without the header."""
        options = self._schema.options
        self._dialect = find_dialect(self._path, block, options.decimal)
        rows = Rows(self._path, block, following, self._dialect)
        first = next(iter(rows), None)
        if first is None:
            return rows.rest()
        header = [name.strip() for name in first]
        line = rows.line
        is_header = self._is_header(line, header, block)
        self._compare_header(line, header, block, is_header)
        if not is_header:
            header = []
        if self._schema.width:
            self._layout = self._schema.match(self._path, line, header, len(first))
        else:
            self._layout = self._schema.learn(self._path, line, header, len(first))
        self._block_parser = BlockParser(self._schema, self._layout, self._dialect)
        self._row_parser = RowParser(self._path, self._schema, self._layout, self._dialect)
        for column in self._schema.columns:
            column.words.is_number = (lambda text: False) if column.is_forced else self._is_number
        return rows.rest() if header else block

    def _is_header(self, line: int, first: list[str], block: Block) -> bool:
        """Decide whether the first row is a header. Raises DataError."""
        options = self._schema.options
        if options.header != "auto":
            return options.header == "yes"
        if self._schema.header and sorted(first) == sorted(self._schema.header):
            return True
        if not self._schema.width and isinstance(options.label, str):
            return True
        found = has_header(self._path, line, sample_rows(block, self._dialect) or [first], self._dialect)
        if found and self._schema.width and not self._schema.header and not self._schema.is_known:
            raise DataError(str(self._path), line, "has a header, but the first file has none: say --header yes or no")
        return found

    def _compare_header(self, line: int, first: list[str], block: Block, is_header: bool) -> None:
        """Compare what options say of the first row, and of decimals, with what the file itself shows."""
        schema, options = self._schema, self._schema.options
        is_left_to_file = (options.header, options.decimal) == ("auto", "auto") and not isinstance(options.label, str)
        if schema.is_known or is_left_to_file:
            return
        dialects = self._shown_dialects(block)
        found = {self._shown_header(line, first, block, each) for each in dialects}
        shows = False if False in found else None if None in found else True
        schema.is_unconfirmed |= shows is not is_header or dialects != [self._dialect]
        schema.is_refuted |= is_header and shows is False
        schema.is_doubtful |= is_header and shows is not True and options.label not in first

    def _shown_dialects(self, block: Block) -> list[Dialect]:
        """Return how the file may be written for all that it shows itself."""
        try:
            return [find_dialect(self._path, block)]
        except DataError:
            return [replace(self._dialect, decimal_comma=each) for each in (False, True)]

    def _shown_header(self, line: int, first: list[str], block: Block, dialect: Dialect) -> bool | None:
        """Return whether the file shows that its first row is a header; None: it may be either."""
        try:
            return has_header(self._path, line, sample_rows(block, dialect) or [first], dialect)
        except DataError:
            return None

    def _is_number(self, text: str) -> bool:
        return self._dialect.number(text) is not None

    @property
    def has_target(self) -> bool:
        """Whether the file has the target of a regression."""
        return self._layout.has_target

    def are_targets(self) -> bool:
        """Return whether the classes that have been read are numbers, and not all of them whole."""
        values = [self._dialect.number(label) for label in self._schema.classes.numbers]
        numbers = [value for value in values if value is not None and math.isfinite(value)]
        return len(numbers) == len(values) and any(value != round(value) for value in numbers)

    def _add_block(self, block: Block, spool: Spool) -> bool:
        """Add a block's rows; return False, and nothing is changed, if it has to be read row by row."""
        parsed = self._block_parser.parse(block.text)
        if parsed is None:
            return False
        self._commit(*parsed, spool)
        return True

    def _add_rows(self, block: Block, following: Iterator[Block], spool: Spool, lines: int) -> Block:
        """Add rows one by one, of this many lines at least; return the rest of the block.

        Raises DataError with the line of the first fault.
        """
        made: list[list[float]] = []
        codes: list[int] = []
        rows = Rows(self._path, block, following, self._dialect)
        for row in rows:
            values, code = self._row_parser.parse(rows.line, row)
            made.append(values)
            codes.append(code)
            if rows.line >= block.line + lines - 1:
                break
        if made:
            self._commit(np.array(made, np.float64), codes, spool)
        return rows.rest()

    def _commit(self, rows: Doubles, codes: list[int], spool: Spool) -> None:
        """Add rows that are right, and note what they hold."""
        low, high = np.fmin.reduce(rows, axis=0), np.fmax.reduce(rows, axis=0)  # (columns,)
        has_gaps = bool(np.isnan(rows.sum()))
        gaps = np.isnan(rows).sum(axis=0) if has_gaps else np.zeros(rows.shape[1], np.int64)  # (columns,)
        for column, least, most, missing in zip(
            self._schema.columns, low.tolist(), high.tolist(), gaps.tolist(), strict=True
        ):
            column.gaps += missing
            if missing < len(rows):
                column.low, column.high = min(column.low, least), max(column.high, most)
                column.is_words = bool(column.is_words)
        spool.add(rows)
        self.codes.extend(codes)
