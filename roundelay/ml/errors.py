"""The errors of ml/, one class for each reaction of a caller. Every message is one line; ml/ retries nothing.

An error crosses the pipe from trainer to node as a dictionary and is the same class there (to_dict, from_dict).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NAMES_SHOWN = 4  # in a message
_BEGIN, _END = "\x02", "\x03"  # around a private value; `printable` leaves none in a value
_PRIVATE = re.compile(f"{_BEGIN}([^{_END}]*){_END}")


class MLError(Exception):
    """Base of all errors of this package.

    A message marks with `private` what it may quote of a row: only the owner of the data sees that.
    """

    def __init__(self, marked: str = "") -> None:
        self.marked = marked
        super().__init__(_shown(marked))

    def without_values(self) -> str:
        """Return the message as others than the owner of the data may see it."""
        return _PRIVATE.sub("...", self.marked)


class DataError(MLError):
    """Bad data: the user has to correct FILE at line N (exit 65)."""

    def __init__(self, file: str, line: int | None, marked: str) -> None:
        """Name the place of the error; a line of None means the whole file or folder."""
        where = printable(file) if line is None else f"{printable(file)}, line {line}"
        super().__init__(f"{where}: {marked}")
        self.file, self.line, self.marked, self.message = file, line, marked, _shown(marked)

    def without_values(self) -> str:
        """Return the message as others than the owner of the data may see it: names of columns, but no value."""
        where = self.file.rpartition("/")[2] + (f", line {self.line}" if self.line is not None else "")
        return f"{printable(where)}: {super().without_values()}"


class InputMissing(MLError):
    """A file or folder does not exist or cannot be read (exit 66)."""


class BadOption(MLError):
    """An option that the chosen method does not have (exit 64)."""


class CannotWrite(MLError):
    """A file or folder for the results cannot be written (exit 73)."""


def writing_failed(error: OSError, place: object = "") -> CannotWrite:
    """Return the error for a file that could not be written: at this place or, without one, a temporary file."""
    reason = f"{error.strerror or error}"
    if place:
        return CannotWrite(f"cannot write {printable(str(error.filename or place))}: {reason}")
    return CannotWrite(f"cannot write temporary files: {reason}; TMPDIR names a folder for them with more room")


class NotFinite(MLError):
    """A value that must enter an exact sum is NaN or infinite: the training has diverged."""


class StepTooLarge(MLError):
    """A local training has left the range of numbers; with a smaller step it may not."""


class OutOfRange(MLError):
    """A value is too large for its exact sum, or a sum would overflow."""


class BadTask(MLError):
    """A task that no trainer can carry out: its numbers are out of range or contradict each other."""


class PluginUnknown(MLError):
    """This process lacks a plugin that the job names, or may not import it; another process may have it."""


class ClientFault(MLError):
    """A node's Flower client cannot be created, has failed, or returned something invalid."""


class FileUnknown(MLError):
    """A task names a file that this worker does not have: add it and ask again."""


class CacheFull(MLError):
    """A file is larger than the whole cache of this worker."""


class FrameError(MLError):
    """The other side of the pipe sent something that is not a frame: close the pipe."""


class EndOfFrames(MLError):
    """The other side closed the pipe between two frames, as it does at the end."""


class TrainerFault(MLError):
    """An unexpected failure of the trainer; its log has the details."""


_KINDS: dict[str, type[MLError]] = {
    kind.__name__: kind
    for kind in (
        InputMissing,
        CannotWrite,
        NotFinite,
        StepTooLarge,
        OutOfRange,
        BadTask,
        PluginUnknown,
        ClientFault,
        FileUnknown,
        CacheFull,
        FrameError,
        EndOfFrames,
    )
}


def to_dict(error: MLError) -> dict[str, object]:
    """Return the error as the header of an answer: {"error": kind, "message": ...}."""
    if isinstance(error, DataError):
        return {"error": "DataError", "message": error.marked, "file": error.file, "line": error.line}
    return {"error": type(error).__name__, "message": error.marked}


def from_dict(header: dict[str, object]) -> MLError:
    """Return the error that to_dict wrote; an unknown kind becomes TrainerFault."""
    kind, message, line = str(header.get("error")), str(header.get("message")), header.get("line")
    if kind == "DataError":
        return DataError(str(header.get("file")), line if isinstance(line, int) else None, message)
    return _KINDS.get(kind, TrainerFault)(message)


def fields_text(count: int) -> str:
    """Return how many fields a line has, in words."""
    return f"{count} field{'s' * (count != 1)}"


def first_of(names: Sequence[str], most: int = NAMES_SHOWN) -> str:
    """Return the first of some names for a message, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + f" and {more} more" * (more > 0)


def private(value: object, characters_max: int = 200) -> str:
    """Return a value of a row as the message of an error quotes it: marked, so that others see dots instead."""
    return f"{_BEGIN}{printable(str(value), characters_max)}{_END}"


def _shown(marked: str) -> str:
    """Return a message as the owner of the data sees it."""
    return _PRIVATE.sub(lambda found: found[1], marked)


def printable(text: str, characters_max: int = 200) -> str:
    """Return text for one line of an error message: control characters escaped, the end cut off."""
    shown = text[: characters_max + 1]  # a stranger's text may have millions of characters
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in shown)
    return escaped if len(escaped) <= characters_max else escaped[: characters_max - 3] + "..."
