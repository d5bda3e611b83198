"""What the two commands share: their errors, exit codes and parser. It reads and writes no data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

USAGE = 64  # the exit codes of sysexits.h, here and below


class LettersError(Exception):
    """A command cannot go on; the message is one line that says why, `exit_code` of what kind."""

    exit_code = 70


class BadData(LettersError):
    """The original file is not 20,000 rows of a letter and 16 integers; mend it or name another one."""

    exit_code = 65


class SourceMissing(LettersError):
    """The original file cannot be read; name another one."""

    exit_code = 66


class FontsMissing(LettersError):
    """Hershey-Fonts is not installed; install it, or use the files that ship."""

    exit_code = 69


class FolderRefused(LettersError):
    """The folder cannot be written, or holds what would be mixed with the letters; name another one."""

    exit_code = 73


class Parser(argparse.ArgumentParser):
    """argparse, but wrong usage is one line and exit code 64."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (--help shows the options)\n")


def report(prog: str, work: Callable[[], str]) -> int:
    """Do the work and print its one line: the result on stdout, or the error on stderr.

    Returns the exit code.
    """
    try:
        print(work())
    except LettersError as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return error.exit_code
    return 0
