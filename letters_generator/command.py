"""Errors, exit codes and option parser of the two commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

USAGE = 64  # this and the exit codes below are those of sysexits.h


class LettersError(Exception):
    """Base of the errors that end a command; the message is one line."""

    exit_code = 70


class BadData(LettersError):
    """The original file is not 20,000 rows of a letter and 16 integers."""

    exit_code = 65


class SourceMissing(LettersError):
    """The original file cannot be read."""

    exit_code = 66


class FontsMissing(LettersError):
    """Hershey-Fonts is not installed."""

    exit_code = 69


class FolderRefused(LettersError):
    """The folder cannot be written, or holds other files."""

    exit_code = 73


class Parser(argparse.ArgumentParser):
    """An argparse parser that reports wrong usage on one line, with exit code 64."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (--help shows the options)\n")


def report(prog: str, work: Callable[[], str]) -> int:
    """Do the work, print its result on stdout or its error on stderr, and return the exit code."""
    try:
        print(work())
    except LettersError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return error.exit_code
    return 0
