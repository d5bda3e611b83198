"""What can go wrong in ml/. Every message is one line with the facts in it; nothing here is retried here.

An error crosses the pipe to the node as a dictionary and comes back as the same class (to_dict, from_dict).
"""

from __future__ import annotations


class MLError(Exception):
    """Base of all errors of this package."""


class DataError(MLError):
    """The data is wrong: the user has to mend FILE at line N (exit 65)."""

    def __init__(self, file: str, line: int | None, message: str) -> None:
        """A line of None means the file, or the folder, as a whole."""
        where = printable(file) if line is None else f"{printable(file)}, line {line}"
        super().__init__(f"{where}: {message}")
        self.file, self.line, self.message = file, line, message


class InputMissing(MLError):
    """A folder or a file is not there, or may not be read (exit 66)."""


class BadOption(MLError):
    """An option that the chosen method does not have (exit 64)."""


class CannotWrite(MLError):
    """A file or folder for the results cannot be written (exit 73)."""


class NotFinite(MLError):
    """A value that must enter an exact sum is NaN or infinite: the training has diverged."""


class OutOfRange(MLError):
    """A value is too large for its exact sum, or a sum for its integers."""


class BadTask(MLError):
    """An order that no trainer can carry out: its numbers are out of range or contradict each other."""


class ModelUnknown(MLError):
    """This process does not have the model, or may not import it; another may."""


class ClientFault(MLError):
    """A Flower client of the node's own cannot be made, has failed, or gave what it may not."""


class FileUnknown(MLError):
    """A task names a file that this worker does not hold (any more): add it and ask again."""


class CacheFull(MLError):
    """A file alone is larger than everything this worker may keep."""


class FrameError(MLError):
    """The other side of the pipe does not speak in frames: close it."""


class EndOfFrames(MLError):
    """The other side has closed the pipe between two frames, as it does when all is done."""


class TrainerFault(MLError):
    """The trainer failed in a way that nobody foresaw; its log has the rest."""


_KINDS: dict[str, type[MLError]] = {
    kind.__name__: kind
    for kind in (
        InputMissing,
        NotFinite,
        OutOfRange,
        BadTask,
        ModelUnknown,
        ClientFault,
        FileUnknown,
        CacheFull,
        FrameError,
        EndOfFrames,
    )
}


def to_dict(error: MLError) -> dict[str, object]:
    """The error as the header of an answer: {"error": kind, "message": ...}."""
    if isinstance(error, DataError):
        return {"error": "DataError", "message": error.message, "file": error.file, "line": error.line}
    return {"error": type(error).__name__, "message": str(error)}


def from_dict(header: dict[str, object]) -> MLError:
    """The error that to_dict wrote; an unknown kind becomes TrainerFault."""
    kind, message, line = str(header.get("error")), str(header.get("message")), header.get("line")
    if kind == "DataError":
        return DataError(str(header.get("file")), line if isinstance(line, int) else None, message)
    return _KINDS.get(kind, TrainerFault)(message)


def printable(text: str, characters_max: int = 200) -> str:
    """Text that fits into one line of an error: control characters escaped, the end cut off."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
    return shown if len(shown) <= characters_max else shown[: characters_max - 3] + "..."
