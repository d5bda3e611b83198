"""Listing of a folder's training files, and bounded reads of a file.

Subfolders and symbolic links are skipped, so no data outside the folder is read. A file's name becomes part of keys,
tables and messages on other machines, so names with characters that cannot be printed are refused here.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from roundelay.ml.errors import DataError, InputMissing, first_of, printable
from roundelay.ml.readers.limits import DEFAULT, Limits

DATA_SUFFIXES = ("", ".txt", ".csv")
JUNK = ("__MACOSX", "Thumbs.db", "desktop.ini")
ABOUT = ("readme", "license", "licence", "copying", "notice", "changelog")  # that people read, also as .txt
FILES_MAX = 100_000


@dataclass(frozen=True)
class Listing:
    """The files of a folder, each list sorted by name."""

    files: tuple[Path, ...]
    skipped: tuple[str, ...]  # names of visible files that are not training data


def list_training_files(
    folder: Path, validation: Path | None, is_data: Callable[[Path], bool] | None = None
) -> Listing:
    """List the training files of a folder, without the validation file or any file of its name.

    By default, those of DATA_SUFFIXES are. Raises DataError, InputMissing.
    """
    is_data = is_data or _has_data_suffix
    files: list[Path] = []
    skipped: list[str] = []
    for entry in _entries(folder):
        _check_name(folder, entry.name)
        if is_junk(entry.name) or entry.is_dir(follow_symlinks=False):
            continue
        if validation is not None and _is_validation(entry, validation):
            continue
        if entry.is_file(follow_symlinks=False) and is_data(Path(entry.name)) and not _is_about(Path(entry.name)):
            files.append(folder / entry.name)
        else:
            skipped.append(f"{entry.name} (a symbolic link)" if entry.is_symlink() else entry.name)
    if not files:
        only = f": only {first_of([printable(name, 40) for name in skipped])}" if skipped else ""
        raise DataError(str(folder), None, f"holds no training file (*.txt, *.csv, or without extension){only}")
    return Listing(tuple(files), tuple(skipped))


def is_junk(name: str) -> bool:
    """Return whether a name is of what systems leave in folders: hidden files, __MACOSX, thumbnails."""
    return name.startswith(".") or name in JUNK


def names_in(folder: Path) -> list[str]:
    """Return the sorted names in a folder. Raises InputMissing, and DataError if one cannot be printed."""
    entries = _entries(folder)
    for entry in entries:
        _check_name(folder, entry.name)
    return [entry.name for entry in entries]


def find_validation(given: str, folder: Path) -> Path:
    """Return the validation file: at the given path or else inside the folder. Raises InputMissing."""
    for path in (Path(given), folder / given):
        with contextlib.suppress(OSError):  # the name is too long
            if path.is_file():
                return path
    if not folder.exists():
        raise InputMissing(f"no such file or folder: {printable(str(folder))}")
    raise InputMissing(f"no validation file {printable(given)} here or in {printable(str(folder))}")


def require_data(path: Path) -> None:
    """Raise InputMissing unless there is a file or folder."""
    if not path.exists():
        raise InputMissing(f"no such file or folder: {printable(str(path))}")


def read_file(path: Path, limits: Limits = DEFAULT) -> bytes:
    """Read a regular file, unless it is too large. Raises DataError, InputMissing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # opening a pipe must not block
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DataError(str(path), None, "is not a regular file")
            limits.check_file(str(path), status.st_size)
            return file.read(limits.file_bytes)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise InputMissing(f"cannot read {printable(str(path))}: {_reason(error)}") from error


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except (OSError, ValueError) as error:
        raise InputMissing(f"cannot read folder {printable(str(folder))}: {_reason(error)}") from error
    if len(entries) > FILES_MAX:
        raise DataError(str(folder), None, f"holds more than {FILES_MAX} entries")
    return entries


def _has_data_suffix(path: Path) -> bool:
    return path.suffix.lower() in DATA_SUFFIXES


def _is_about(path: Path) -> bool:
    return path.stem.lower() in ABOUT and path.suffix.lower() in ("", ".txt")


def _check_name(folder: Path, name: str) -> None:
    if not name.isprintable():  # undecodable bytes arrive as surrogates, which are not printable either
        raise DataError(str(folder / name), None, "has a name with unprintable characters")


def _is_validation(entry: os.DirEntry[str], validation: Path) -> bool:
    if entry.name == validation.name:
        return True
    return entry.is_file() and validation.is_file() and os.path.samestat(entry.stat(), validation.stat())


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
