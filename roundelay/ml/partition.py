"""Repartitioning of training files, or of a table, with a chosen degree of skew between the new files.

Rows keep their text, and the files of a table its header. How they are divided is in `partitioners`. `client.py
partition` uses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.ml.choices import PARTITION_FILES_DEFAULT
from roundelay.ml.data import Ints
from roundelay.ml.design import CLASSES_DEFAULT
from roundelay.ml.errors import BadOption, CannotWrite, DataError, printable, writing_failed
from roundelay.ml.partitioners import PARAMETER_OF, assign_rows, partitioner_of
from roundelay.ml.readers import dataset, folder, letters, row_text
from roundelay.ml.readers.limits import DEFAULT, Limits
from roundelay.ml.readers.row_text import TextRows
from roundelay.ml.readers.source import number_labels
from roundelay.ml.readers.table import is_table

FILES_MAX = 100_000
FILE_PREFIX = "part-"
SHADES = " .:-=+*#%@"


@dataclass(frozen=True)
class PartitionRequest:
    """Which rows to split, how, and where to write the new files."""

    source: Path  # folder of training files, or a table
    out: Path | None = None  # folder for the new files; None: write nothing
    files: int | None = None  # None: as many as the method says, or PARTITION_FILES_DEFAULT
    method: str = "iid"  # a key of METHODS, or MODULE:NAME
    seed: int = 0
    classes: int = CLASSES_DEFAULT
    validation: str = ""  # a file of the folder that is not training data
    by: str = ""  # the column that is skewed, or kept together; default: the class
    alpha: float | None = None  # of dirichlet, quantity-skew and inner-dirichlet
    each: int | None = None  # of shards and label-skew
    power: float | None = None  # of size
    sizes: tuple[int, ...] | None = None  # of sizes
    limits: Limits = DEFAULT  # of what is read

    def __post_init__(self) -> None:
        for name in self.parameters:
            if PARAMETER_OF.get(self.method) != name:
                *others, last = (method for method, parameter in PARAMETER_OF.items() if parameter == name)
                methods = f"{', '.join(others)} and {last}" if others else last
                raise BadOption(f"--{name} is for {methods}, not for {self.method}")
        if self.method == "natural-id" and not self.by:
            raise BadOption("--how natural-id needs --by COLUMN: the column that says whose rows they are")
        if self.method == "sizes" and self.sizes is None:
            raise BadOption("--how sizes needs --sizes N,N: how many rows each file gets")

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of the method that are set."""
        values = {"alpha": self.alpha, "each": self.each, "power": self.power, "sizes": self.sizes}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, eq=False)
class Partition:
    """The rows of a folder or a table, split."""

    labels: Ints  # (n,) of the column that counts
    names: tuple[str, ...]  # of its values
    parts: Sequence[Ints]  # the rows of each file

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(map(len, self.parts))

    @property
    def left_out(self) -> str:
        """Which rows are in no file; an empty string if all are in one."""
        if self.rows == len(self.labels):
            return ""
        held = np.zeros(len(self.names), np.bool_)  # (values,)
        for part in self.parts:
            held[self.labels[part]] = True
        names = ", ".join(self.names[value] for value in np.flatnonzero(~held).tolist())
        return f"{len(self.labels) - self.rows} rows are left out" + f", all of {printable(names, 80)}" * bool(names)

    def __str__(self) -> str:
        """Draw the classes of each file: the darker, the larger the class's share of the file."""
        classes, ends = len(self.names), " to ".join(printable(name, 20) for name in (self.names[0], self.names[-1]))
        lines = [f"{'file':<10}{'rows':>7}  classes {ends}, from none ' ' to all '{SHADES[-1]}'"]
        for number, part in enumerate(self.parts):
            share = np.bincount(self.labels[part], minlength=classes) / len(part)  # (classes,)
            shades = np.ceil(share * (len(SHADES) - 1)).astype(np.int64)  # (classes,)
            drawing = "".join(SHADES[shade] for shade in shades)
            lines.append(f"{file_name(number, len(self.parts)):<10}{len(part):>7}  |{drawing}|")
        return "\n".join([*lines, *filter(None, [self.left_out])])


def partition_folder(request: PartitionRequest) -> Partition:
    """Read training files or a table, split the rows, and write the new files if the request names a folder.

    Raises InputMissing and DataError for the source, CannotWrite for the output.
    """
    kind = dataset.guess(request.source)
    if kind not in ("csv", "letters"):
        raise DataError(str(request.source), None, f"holds {kind}, not rows of text:  prepare --parts N  divides it")
    if kind == "csv":
        text = _read_table(request)
    else:
        text = read(request.source, request.classes, request.source / request.validation, request.by, request.limits)
    labels, names = number_labels(text.values)
    parts = split(labels, _count_files(request, len(names)), request.method, request.seed, **request.parameters)
    if request.out is not None:
        try:
            _write(request.out, text, parts)
        except OSError as error:
            raise writing_failed(error, request.out) from error
    return Partition(labels, names, parts)


def read(
    directory: Path, classes: int, validation: Path | None = None, by: str = "", limits: Limits = DEFAULT
) -> TextRows:
    """Return every row of a folder's training files, with its class or, with `by`, the feature of this number.

    Raises InputMissing, DataError.
    """
    lines: list[bytes] = []
    values: list[str] = []
    features = None
    for path in folder.list_training_files(directory, validation).files:
        content = folder.read_file(path, limits)
        samples = letters.parse(str(path), content, features, classes)
        features = samples.features
        added = content.replace(b"\r\n", b"\n").rstrip().split(b"\n")
        place = row_text.place_of(path, by, [], features + 1)
        values += [line.split(b",")[place].strip().decode() for line in added] if by else map(str, samples.y.tolist())
        lines += added
    return TextRows(b"", lines, values)


def _read_table(request: PartitionRequest) -> TextRows:
    """Return every row of a table, in one file or a folder. Raises InputMissing, DataError."""
    source = request.source
    held_out = source / request.validation
    files = folder.list_training_files(source, held_out, is_table).files if source.is_dir() else (source,)
    found = [row_text.read(path, request.by, request.limits) for path in files]
    other = next((n for n, each in enumerate(found) if each.header != found[0].header), None)
    if other is not None:
        raise DataError(str(files[other]), 1, f"has other columns than {files[0].name}")
    lines = [line for each in found for line in each.lines]
    return TextRows(found[0].header, lines, [value for each in found for value in each.values])


def _count_files(request: PartitionRequest, values: int) -> int:
    """Return how many files to make."""
    own = {"natural-id": values, "sizes": len(request.sizes or ())}.get(request.method, PARTITION_FILES_DEFAULT)
    return own if request.files is None else request.files


def split(labels: Ints, files: int, method: str, seed: int, **parameters: Any) -> Sequence[Ints]:
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


def _write(out: Path, text: TextRows, parts: Sequence[Ints]) -> None:
    """Write a file for each part, replacing those of an earlier partition.

    Raises OSError; CannotWrite for a folder with other files in it.
    """
    if out.exists() and any(not entry.name.startswith(FILE_PREFIX) for entry in out.iterdir()):
        raise CannotWrite(f"{out} has other files in it: name an empty folder")
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    suffix = ".csv" if text.header else ""
    for number, part in enumerate(parts):
        rows = b"".join(text.lines[row] + b"\n" for row in part)
        (out / f"{file_name(number, len(parts))}{suffix}").write_bytes(text.header + rows)
