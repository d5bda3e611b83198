"""Layout of rows in files: 33 training files of 500 rows with opaque names, and a validation file.

Line ends are those of the original course's files: CRLF in training files, LF in the validation file.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Mapping, Sequence
from pathlib import Path

from letters_generator.command import FolderRefused

TRAINING_FILES = 33
ROWS_PER_FILE = 500
VALIDATION_ROWS = 3_500
ROWS = TRAINING_FILES * ROWS_PER_FILE + VALIDATION_ROWS

VALIDATION_NAME = "validate_letters.txt"
TRAINING_END, VALIDATION_END = "\r\n", "\n"

NAME_CHARACTERS = string.digits + string.ascii_letters
NAME_LENGTH = 10
OTHERS_SHOWN_MAX = 3

Row = Sequence[int]  # 16 attributes, then the class


def lay_out(rows: Sequence[Row], salt: str) -> dict[str, bytes]:
    """Cut the rows into files without reordering them: name -> content. The names depend only on the salt."""
    assert len(rows) == ROWS
    *training, validation = file_names(salt)
    contents = {
        name: _encode(rows[index * ROWS_PER_FILE : (index + 1) * ROWS_PER_FILE], TRAINING_END)
        for index, name in enumerate(training)
    }
    return contents | {validation: _encode(rows[-VALIDATION_ROWS:], VALIDATION_END)}


def file_names(salt: str) -> list[str]:
    """Return 33 opaque names, whose hashes spread the files evenly, then the name of the validation file."""
    names = [_opaque_name(f"{salt}/{index}") for index in range(TRAINING_FILES)]
    assert len(set(names)) == TRAINING_FILES
    return [*names, VALIDATION_NAME]


def refuse_other_files(folder: Path, names: Sequence[str]) -> None:
    """Raise FolderRefused if the folder holds files other than these names."""
    try:
        found = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise FolderRefused(f"{folder}: {error.strerror}") from error
    others = [path.name for path in found if path.name not in names]
    if others:
        more = len(others) - OTHERS_SHOWN_MAX
        named = ", ".join(others[:OTHERS_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
        raise FolderRefused(
            f"{folder} holds {named}, which would mix with the letters: empty it, or choose another --out"
        )


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write the files; overwrite files of the same names. Raises FolderRefused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise FolderRefused(f"{error.filename or folder}: {error.strerror}") from error


def _encode(rows: Sequence[Row], end: str) -> bytes:
    return "".join(",".join(map(str, row)) + end for row in rows).encode("ascii")


def _opaque_name(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    digits = []
    for _ in range(NAME_LENGTH):
        number, digit = divmod(number, len(NAME_CHARACTERS))
        digits.append(NAME_CHARACTERS[digit])
    return "".join(digits)
