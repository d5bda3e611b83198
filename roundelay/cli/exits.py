"""Exit codes, as in sysexits.h, and how an error becomes one line and a code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import TextIOWrapper
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from roundelay.cli.loading import is_checkout
from roundelay.client.errors import (
    BadInput,
    CannotWrite,
    ClientError,
    InputNotFound,
    InvalidRequest,
    MissingExtra,
    RequestRefused,
    RingUnavailable,
)
from roundelay.ml.choices import most_similar
from roundelay.node import operating_system, shown

if TYPE_CHECKING:
    from pathlib import Path

FAILED = 1
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
USAGE, DATA, NO_INPUT, UNAVAILABLE, SOFTWARE, CANNOT_CREATE, REFUSED = 64, 65, 66, 69, 70, 73, 77


CODES = {
    InvalidRequest: USAGE,
    InputNotFound: NO_INPUT,
    BadInput: DATA,
    RingUnavailable: UNAVAILABLE,
    MissingExtra: UNAVAILABLE,
    RequestRefused: REFUSED,
    CannotWrite: CANNOT_CREATE,
    ClientError: FAILED,
}


SCRIPTS = {"client": "roundelay", "supernode": "roundelay supernode", "compute_node": "roundelay node"}
SCRIPT = r"(?<![\w./-])(python3 )?(client|supernode|compute_node)\.py\b"
EXTRA, EXTRA_OF_CHECKOUT = "pip install 'roundelay[", "pip install '.["


def as_typed_here(text: str) -> str:
    """Return a text with commands that work here: in a checkout, or where `roundelay` is installed."""
    return text.replace(EXTRA, EXTRA_OF_CHECKOUT) if is_checkout() else as_console_script(text)


def as_console_script(text: str) -> str:
    """Return a text in which the scripts of a checkout are replaced by `roundelay`."""
    import re

    return re.sub(SCRIPT, lambda found: SCRIPTS[found[2]], text)


class Exit(Exception):
    """End the program with this code, after this line on standard error."""

    def __init__(self, code: int, line: str) -> None:
        super().__init__(as_typed_here(line))
        self.code = code


def from_client(error: ClientError) -> Exit:
    """Return the Exit for a client's error."""
    return Exit(next(code for kind, code in CODES.items() if isinstance(error, kind)), str(error))


class Interrupted(BaseException):
    """A signal asked the program to end. Not an Exception: nothing may take it for the failure of what was going on."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


def make_folder(path: Path, option: str) -> None:
    """Make the folder that an option names, unless it is there. Raises Exit."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = "is a file, expected a folder" if path.is_file() else f"cannot be made: {error.strerror}"
        raise Exit(CANNOT_CREATE, f"{option}: {path} {problem}; name another folder with {option} DIR") from error


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """Return a question that names the most similar of the known words, after this prefix; or nothing."""
    near = most_similar(word, known)
    return f"; did you mean {prefix}{near}?" if near else ""


class _Form:
    """How lines are written: as they are, unless an option says otherwise."""

    of_lines: Callable[[str], str] = staticmethod(str)


def run(main: Callable[[list[str]], int]) -> None:
    """Run a program, and exit with its code. SIGINT and SIGTERM shut it down cleanly, a second one at once."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    replace_closed_streams()
    escape_unencodable()
    operating_system.print_stacks_on_signal()
    try:
        _check_failpoints()
        code = _run_flushed(main)
    except Exit as end:
        print(shown.text(end), file=sys.stderr)
        code = end.code
    except Interrupted as end:
        code = end.code
        _end(code)
    except BrokenPipeError:
        _silence()
        code = 0
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print(f"cannot write {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
        _silence()
        code = CANNOT_CREATE
    sys.exit(code)


def _run_flushed(main: Callable[[list[str]], int]) -> int:
    """Run a program and write all of its output; return its code. Raises OSError where the output has no room."""
    try:
        code = main(sys.argv[1:])
    except SystemExit as end:  # after --help
        sys.stdout.flush()
        raise end
    sys.stdout.flush()
    return code


def replace_closed_streams() -> None:
    """Open what the caller has closed (`>&-`), before a connection takes its number and is written to."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def escape_unencodable() -> None:
    """Let standard output escape what its encoding cannot express; names of files come from all over the world."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """Print a line on standard output; if its reader has gone, go on without."""
    try:
        print(_Form.of_lines(shown.line(as_typed_here(line))), flush=True)
    except OSError:
        _silence()


def write_lines_as(form: Callable[[str], str]) -> None:
    """From now on write the lines of `say` in this form."""
    _Form.of_lines = form


def _check_failpoints() -> None:
    """Raise Exit for malformed failpoints; without any, import nothing."""
    if "ROUNDELAY_FAILPOINTS" in os.environ:
        from roundelay.node import failpoints

        try:
            failpoints.from_environment()
        except failpoints.BadFailpoints as error:
            raise Exit(USAGE, str(error)) from error


def _silence() -> None:
    """Discard further output: its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end(code: int) -> NoReturn:
    """End without waiting for threads that wait for an answer of another process."""
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def _interrupt(number: int, _: FrameType | None) -> None:
    again = operating_system.handler_of_later_signals()
    signal.signal(signal.SIGINT, again)
    signal.signal(signal.SIGTERM, again)
    raise Interrupted(number)
