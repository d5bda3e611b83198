"""Files of an authority: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from roundelay.trust.errors import CannotWrite

SECRET, PUBLIC = 0o600, 0o666  # permissions; those of a public file are reduced by the umask


@contextmanager
def whole_file(path: Path, content: bytes, mode: int = PUBLIC) -> Iterator[None]:
    """Write a file, which takes its place, and that of an earlier one, at the end of the block; not after an error.

    Raises CannotWrite.
    """
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield
        new.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            new.unlink()


def write_whole(path: Path, content: bytes) -> None:
    """Write a public file. Raises CannotWrite."""
    with whole_file(path, content):
        pass


def append(path: Path, content: bytes) -> None:
    """Append to a file, or leave it as it was. Raises CannotWrite."""
    try:
        with path.open("ab", buffering=0) as file:
            before = file.tell()
            try:
                written = file.write(content)
                if written < len(content):
                    file.write(content[written:])  # raises what there was no room for
                os.fsync(file.fileno())
            except OSError:
                file.truncate(before)
                raise
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    return CannotWrite(f"cannot write {path}: {error.strerror}; nothing has changed: make room, or name another folder")
