"""Repartitioning of a folder of training files, with a chosen degree of skew between the new files.

Rows keep their bytes. How they are divided is in `partitioners`. `client.py partition` uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roundelay.ml.choices import PARTITION_FILES_DEFAULT
from roundelay.ml.data import Ints
from roundelay.ml.errors import BadOption, CannotWrite, DataError
from roundelay.ml.partitioners import PARAMETER_OF, assign_rows, partitioner_of
from roundelay.ml.readers import folder, letters
from roundelay.ml.task import CLASSES_DEFAULT

FILES_MAX = 100_000
FILE_PREFIX = "part-"
SHADES = " .:-=+*#%@"


@dataclass(frozen=True)
class PartitionRequest:
    """Which rows to split, how, and where to write the new files."""

    source: Path  # folder of training files
    out: Path | None = None  # folder for the new files; None: write nothing
    files: int = PARTITION_FILES_DEFAULT
    method: str = "iid"  # a key of METHODS, or MODULE:NAME
    seed: int = 0
    classes: int = CLASSES_DEFAULT
    validation: str = ""  # a file of the folder that is not training data
    alpha: float | None = None  # of dirichlet, quantity-skew and inner-dirichlet
    each: int | None = None  # of shards and label-skew
    power: float | None = None  # of size

    def __post_init__(self) -> None:
        for name in self.parameters:
            if PARAMETER_OF.get(self.method) != name:
                *others, last = (method for method, parameter in PARAMETER_OF.items() if parameter == name)
                methods = f"{', '.join(others)} and {last}" if others else last
                raise BadOption(f"--{name} is for {methods}, not for {self.method}")

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of the method that are set."""
        values = {"alpha": self.alpha, "each": self.each, "power": self.power}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, eq=False)
class Partition:
    """The rows of a folder, split."""

    labels: Ints  # (n,)
    parts: Sequence[Ints]  # the rows of each file

    @property
    def rows(self) -> int:
        return len(self.labels)

    def __str__(self) -> str:
        """Draw the classes of each file: the darker, the larger the class's share of the file."""
        classes = int(self.labels.max()) + 1
        lines = [f"{'file':<10}{'rows':>7}  classes 0 to {classes - 1}, from none ' ' to all '{SHADES[-1]}'"]
        for number, part in enumerate(self.parts):
            share = np.bincount(self.labels[part], minlength=classes) / len(part)  # (classes,)
            shades = np.ceil(share * (len(SHADES) - 1)).astype(np.int64)  # (classes,)
            drawing = "".join(SHADES[shade] for shade in shades)
            lines.append(f"{file_name(number, len(self.parts)):<10}{len(part):>7}  |{drawing}|")
        return "\n".join(lines)


def partition_folder(request: PartitionRequest) -> Partition:
    """Read a folder of training files, split its rows, and write the new files if the request names a folder.

    Raises InputMissing and DataError for the source, CannotWrite for the output.
    """
    lines, labels = read(request.source, request.classes, request.source / request.validation)
    parts = split(labels, request.files, request.method, request.seed, **request.parameters)
    if request.out is not None:
        try:
            _write(request.out, lines, parts)
        except OSError as error:
            raise CannotWrite(f"cannot write {error.filename}: {error.strerror}") from error
    return Partition(labels, parts)


def read(directory: Path, classes: int, validation: Path | None = None) -> tuple[list[bytes], Ints]:
    """Return the bytes and the class of every row of a folder's training files. Raises InputMissing, DataError."""
    lines: list[bytes] = []
    labels: list[Ints] = []
    features = None
    for path in folder.list_training_files(directory, validation).files:
        content = folder.read_file(path)
        samples = letters.parse(str(path), content, features, classes)
        features = samples.features
        lines += content.replace(b"\r\n", b"\n").rstrip().split(b"\n")
        labels.append(samples.y)
    return lines, np.concatenate(labels)


def split(labels: Ints, files: int, method: str, seed: int, **parameters: float) -> Sequence[Ints]:
    """Return the rows of every file. Raises DataError if there are fewer rows than files."""
    if not 1 <= files <= min(len(labels), FILES_MAX):
        raise DataError(
            "--files", None, f"{files} files of {len(labels)} rows: expected 1 to {FILES_MAX}, and a row for each"
        )
    client_of_row = assign_rows(partitioner_of(method, **parameters), labels, files, seed)  # (n,)
    return [np.flatnonzero(client_of_row == client) for client in range(files)]


def file_name(number: int, count: int) -> str:
    """Return a name such as part-007: names sort in the order of their numbers."""
    return f"{FILE_PREFIX}{number:0{len(str(count - 1))}d}"


def _write(out: Path, lines: list[bytes], parts: Sequence[Ints]) -> None:
    """Write a file for each part, replacing those of an earlier partition.

    Raises OSError; CannotWrite for a folder with other files in it.
    """
    if out.exists() and any(not entry.name.startswith(FILE_PREFIX) for entry in out.iterdir()):
        raise CannotWrite(f"{out} has other files in it: name an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    for number, part in enumerate(parts):
        (out / file_name(number, len(parts))).write_bytes(b"".join(lines[row] + b"\n" for row in part))
