"""The different words in a column of a table, numbered in the order in which they come."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from roundelay.ml.errors import printable
from roundelay.ml.readers.dialect import is_missing

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})(\.0*)?")


class Words:
    """Distinct words, numbered in the order in which they come."""

    def __init__(self, most: int, known: Sequence[str] = (), integers: bool = False) -> None:
        """Allow for `most` words; with `integers`, 1 and 1.0 are one word."""
        self.most, self._integers = most, integers
        self.is_number: Callable[[str], bool] = lambda text: False  # what is not a word
        self.numbers = {word: number for number, word in enumerate(known)}
        self._spelled: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def number_all(self, fields: list[bytes]) -> list[int] | None:
        """Return the number of each field, -1 if missing; or None if one is refused, and nothing is learned."""
        try:
            return [self._spelled[field] for field in fields]
        except KeyError:
            before = len(self.numbers)
            found = [self._number(field) for field in fields]
            if None in found:
                self._forget(before)
                return None
            return found  # type: ignore[return-value]

    def number(self, text: str) -> int:
        """Return the number of one word. Raises ValueError with what is wrong with it."""
        word = text.strip()
        if not word.isprintable() or self.is_number(word):
            raise ValueError("not a word")
        if self._integers:
            word = plain_word(word)
        if word not in self.numbers:
            if len(self.numbers) == self.most:
                raise ValueError(f"one of more than {self.most} different words")
            self.numbers[word] = len(self.numbers)
        return self.numbers[word]

    def _number(self, raw: bytes) -> int | None:
        text = raw.decode()
        if raw not in self._spelled:
            try:
                number = -1 if is_missing(text) else self.number(text)
            except ValueError:
                return None
            if len(self._spelled) > 2 * self.most:  # the same words, with blanks around them
                self._spelled.clear()
            self._spelled[raw] = number
        return self._spelled[raw]

    def _forget(self, size: int) -> None:
        self.numbers = dict(list(self.numbers.items())[:size])
        self._spelled.clear()


def plain_word(word: str) -> str:
    """Return a word in the spelling that all spellings of a whole number share, such as 1 and 1.0."""
    return str(int(word.partition(".")[0])) if _INTEGER.fullmatch(word) else word


def describe_unknown(column: str, word: str) -> str:
    """Say what becomes of a word that a trained model does not know."""
    what = f"{column} holds words that the training rows do not have, such as {printable(word, 40)!r}"
    return f"{what}: they count as none of its words"
