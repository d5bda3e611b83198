"""Result files that replace earlier ones: whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from roundelay.client.errors import CannotWrite

PROBE_BYTES = 4096  # a block: a full disk takes an empty file


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield where to write a file; it takes its place once it is whole, and an error leaves what was there before.

    A device or a pipe is written to. Raises CannotWrite for an OSError.
    """
    partial = path if _is_special(path) else path.with_name(f".{path.name}.part")
    try:
        yield partial
        if partial != path:
            partial.replace(path)
    except BaseException as error:
        if partial != path:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotWrite(f"cannot write {path}: {error.strerror or error}") from error
        raise


def require_writable(path: Path) -> None:
    """Require that a whole file can be written here. Raises CannotWrite, which says what to do."""
    if _is_special(path):
        return
    try:
        if path.is_dir():
            raise CannotWrite(f"cannot write {path}: it is a folder; name a file")
        if not path.parent.is_dir():
            raise CannotWrite(
                f"cannot write {path}: there is no folder {path.parent}; make it, or name a file in another"
            )
        import tempfile  # every --help imports this module

        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
    except OSError as error:
        raise CannotWrite(
            f"cannot write {path}: {error.strerror}; make room, or name a file in another folder"
        ) from error


def _is_special(path: Path) -> bool:
    """Return whether a path is a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()
