"""Write a job's result files. One that cannot be written at its place is written to another folder.

A local ring ends with the client, and the model, the rounds and the proof of its job with it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from roundelay.client.errors import CannotWrite
from roundelay.client.model_card import write_card
from roundelay.client.report import JobReport, save_model

Write = Callable[[Path], None]


def write_files(wanted: Sequence[tuple[Path | None, Write]]) -> None:
    """Write each file whose path is given, also after one that cannot be written. Raises CannotWrite at the end."""
    problems = [problem for path, write in wanted if path is not None and (problem := _write(path, write))]
    if problems:
        raise CannotWrite("; ".join(problems))


def save_with_card(path: Path, report: JobReport) -> None:
    """Write the model and its card. Raises CannotWrite."""
    save_model(path, report.model)
    write_card(path, report)


def _write(path: Path, write: Write) -> str:
    """Write a file, if need be in another folder. Return what could not be done, and where the file is."""
    try:
        write(path)
    except CannotWrite as error:
        folders = _other_folders()
        for folder in folders:
            if place := _written_in(folder, path.name, write):
                return f"{error}; it was written to {place} instead"
        return f"{error}; nor is there room for it in {', '.join(map(str, folders))}"
    return ""


def _other_folders() -> list[Path]:
    """Return the folder of temporary files, the working directory and the home directory; each once."""
    folders: list[Path] = []
    finders: tuple[Callable[[], Path], ...] = (lambda: Path(tempfile.gettempdir()), Path.cwd, Path.home)
    for find in finders:
        with suppress(OSError, RuntimeError):  # no folder takes temporary files, or there is no home
            folders.append(find())
    return list(dict.fromkeys(folders))


def _written_in(folder: Path, name: str, write: Write) -> Path | None:
    """Write a file to a new folder in this one, which only this user can enter. Return its path if that succeeded."""
    try:
        made = Path(tempfile.mkdtemp(prefix="roundelay-results-", dir=folder))
    except OSError:
        return None
    try:
        write(made / name)
    except CannotWrite:
        shutil.rmtree(made, ignore_errors=True)
        return None
    return made / name
