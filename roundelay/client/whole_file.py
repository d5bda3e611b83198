"""Result files that replace earlier ones: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from roundelay.client.errors import CannotWrite


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write a file; it takes its place once it is whole, and an error leaves what was there before.

    Raises CannotWrite for an OSError.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        yield partial
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        raise
