"""Translate the command lines of the systems that this one replaces."""

from __future__ import annotations

import re
from collections.abc import Sequence

VALIDATION = "validate_letters.txt"
FOLDER = "letters"
COURSE_MOMENTUM = 0.7  # fixed in the course's trainer
LOAD = re.compile(r"0?\.[0-9]+|[01](\.0*)?")


def translate(arguments: Sequence[str]) -> list[str]:
    """Translate `HOST PORT [DIR [ROUNDS EPOCHS H ETA]]` into options; return anything else unchanged.

    The four numbers are those of the coordinator system and select its arithmetic, the course trainer's. Options
    after them are kept.
    """
    words = list(_leading_words(arguments))
    if len(words) < 2 or not words[1].isdecimal() or len(words) not in (2, 3, 7):
        return list(arguments)
    host, port, folder, *numbers = (*words, FOLDER) if len(words) == 2 else words
    translated = [folder, VALIDATION, "--supernode", f"{host}:{port}"]
    if numbers:
        rounds, epochs, hidden, eta = numbers
        translated += [
            "--rounds",
            rounds,
            "--epochs",
            epochs,
            "--hidden",
            hidden,
            "--eta",
            eta,
            "--momentum",
            str(COURSE_MOMENTUM),
            "--course-trainer",
        ]
    return translated + list(arguments[len(words) :])


def translate_node(arguments: Sequence[str]) -> list[str]:
    """Translate `PORT LOAD` of the coordinator system's nodes into --load: a number from 0 to 1 is not a host."""
    words = _leading_words(arguments)
    if len(words) < 2 or not LOAD.fullmatch(words[1]):
        return list(arguments)
    return [words[0], *arguments[2:], "--load", words[1]]


def _leading_words(arguments: Sequence[str]) -> Sequence[str]:
    """Return the words before the first option."""
    for place, word in enumerate(arguments):
        if word.startswith("-"):
            return arguments[:place]
    return arguments
