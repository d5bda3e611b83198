"""The rows of a block of lines, one by one, by Python's csv module: slow, but every row with its line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from roundelay.ml.errors import DataError, private
from roundelay.ml.readers.dialect import BLANKS, COMMENT, Dialect
from roundelay.ml.readers.text import Block

FIELD_CHARACTERS_MAX = 1 << 20
_RUN = re.compile(r"[ \t]+")


class Rows:
    """The rows of a block; one whose quotes are open at its end continues in the blocks that follow."""

    def __init__(self, path: Path, block: Block, following: Iterator[Block], dialect: Dialect) -> None:
        self.line = block.line - 1  # the last line that was read
        self._path, self._following, self._dialect = path, following, dialect
        self._lines, self._at = _lines_of(block), 0
        self._inside = False  # a row

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the fields of each row that is not blank. Raises DataError."""
        csv.field_size_limit(FIELD_CHARACTERS_MAX)
        separator = "\t" if self._dialect.separator == BLANKS else self._dialect.separator
        reader = csv.reader(self._feed(), delimiter=separator, strict=True)
        while self._at < len(self._lines):
            self._inside = False
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise DataError(str(self._path), self.line, f"cannot be read as a table: {private(error)}") from error
            if row is not None and any(text.strip() for text in row):
                yield row

    def rest(self) -> Block:
        """Return the lines that have not been read."""
        return Block(self.line + 1, "".join(f"{line}\n" for line in self._lines[self._at :]).encode())

    def _feed(self) -> Iterator[str]:
        """Yield lines to the parser, which takes as many as the quotes of a row need."""
        while True:
            while self._at < len(self._lines):
                text = self._lines[self._at]
                self._at, self.line = self._at + 1, self.line + 1
                if not self._inside and (not text.strip() or text.startswith(COMMENT)):
                    continue
                self._inside = True
                if self._dialect.separator == BLANKS:
                    text = _RUN.sub("\t", text.strip(" \t"))
                yield f"{text}\n"
            block = next(self._following, None)
            if block is None:
                return
            self._lines, self._at = _lines_of(block), 0


def _lines_of(block: Block) -> list[str]:
    return block.text.decode().split("\n")[:-1]
