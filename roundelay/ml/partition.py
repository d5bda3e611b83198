"""Repartitioning of a folder of training files, with a chosen degree of skew between the new files.

Each method is a pure function of (labels, files, generator): it assigns every row to one file, and every file at least
one row. Rows keep their bytes. The skew between clients decides how well averaging works: Hsu, Qi, Brown 2019
(Dirichlet), McMahan et al. 2017 (shards), Li et al. 2022 (label and quantity skew). `client.py partition` uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from roundelay.ml.choices import ALPHA_DEFAULT, EACH_DEFAULT, PARTITION_FILES_DEFAULT
from roundelay.ml.data import Ints
from roundelay.ml.errors import BadOption, CannotWrite, DataError
from roundelay.ml.readers import folder, letters
from roundelay.ml.task import CLASSES_DEFAULT

Rng = np.random.Generator
Parts = list[Ints]  # the rows of each file, in their order

FILES_MAX = 100_000
FILE_PREFIX = "part-"
SHADES = " .:-=+*#%@"


def iid(labels: Ints, files: int, rng: Rng) -> Parts:
    """Shuffle the rows and cut them into equal parts: all files are alike."""
    return [np.sort(part) for part in np.array_split(rng.permutation(len(labels)), files)]


def dirichlet(labels: Ints, files: int, rng: Rng, alpha: float = ALPHA_DEFAULT) -> Parts:
    """Divide each class by proportions drawn from Dirichlet(alpha): at 100 files are nearly alike, at 0.1 hardly."""
    shares = [rng.dirichlet(np.full(files, alpha)) for _ in range(labels.max() + 1)]  # (files,) of each class
    return _fill_empty(_divide_classes(labels, files, rng, shares), rng)


def shards(labels: Ints, files: int, rng: Rng, each: int = EACH_DEFAULT) -> Parts:
    """Sort by class, cut into `each` shards a file, and deal these out: most files know few classes."""
    by_class = np.argsort(labels, kind="stable")  # (n,)
    pieces = np.array_split(by_class, files * each)
    dealt = rng.permutation(files * each).reshape(files, each)  # (files, each)
    return [np.sort(np.concatenate([pieces[piece] for piece in hand])) for hand in dealt]


def label_skew(labels: Ints, files: int, rng: Rng, each: int = EACH_DEFAULT) -> Parts:
    """Give every file rows of `each` classes only, or of more if there are more classes than files * each."""
    classes = labels.max() + 1
    holders: list[list[int]] = [[] for _ in range(classes)]
    deck = np.concatenate([rng.permutation(classes) for _ in range(-(-max(files * each, classes) // classes))])
    for place, label in enumerate(deck[: max(files * each, classes)].tolist()):
        holders[label].append(place % files)
    shares = [np.bincount(hands, minlength=files) / len(hands) for hands in holders]  # (files,) of each class
    return _fill_empty(_divide_classes(labels, files, rng, shares), rng)


def quantity_skew(labels: Ints, files: int, rng: Rng, alpha: float = ALPHA_DEFAULT) -> Parts:
    """Make files that differ in size but not in classes: the proportions are drawn from Dirichlet(alpha)."""
    ends = np.rint(np.cumsum(rng.dirichlet(np.full(files, alpha))) * len(labels)).astype(np.int64)  # (files,)
    return _fill_empty([np.sort(part) for part in np.split(rng.permutation(len(labels)), ends[:-1])], rng)


METHODS: dict[str, Callable[..., Parts]] = {
    "iid": iid,
    "dirichlet": dirichlet,
    "shards": shards,
    "label-skew": label_skew,
    "quantity-skew": quantity_skew,
}
PARAMETER_OF = {"dirichlet": "alpha", "quantity-skew": "alpha", "shards": "each", "label-skew": "each"}


@dataclass(frozen=True)
class PartitionRequest:
    """Which rows to split, how, and where to write the new files."""

    source: Path  # folder of training files
    out: Path | None = None  # folder for the new files; None: write nothing
    files: int = PARTITION_FILES_DEFAULT
    method: str = "iid"  # a key of METHODS
    seed: int = 0
    classes: int = CLASSES_DEFAULT
    validation: str = ""  # a file of the folder that is not training data
    alpha: float | None = None  # of dirichlet and quantity-skew
    each: int | None = None  # of shards and label-skew

    def __post_init__(self) -> None:
        for name in self.parameters:
            if PARAMETER_OF.get(self.method) != name:
                methods = " and ".join(method for method, parameter in PARAMETER_OF.items() if parameter == name)
                raise BadOption(f"--{name} is for {methods}, not for {self.method}")

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of the method that are set."""
        values = {"alpha": self.alpha, "each": self.each}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, eq=False)
class Partition:
    """The rows of a folder, split."""

    labels: Ints  # (n,)
    parts: Parts

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


def split(labels: Ints, files: int, method: str, seed: int, **parameters: float) -> Parts:
    """Return the rows of every file. Raises DataError if there are fewer rows than files."""
    if not 1 <= files <= min(len(labels), FILES_MAX):
        raise DataError(
            "--files", None, f"{files} files of {len(labels)} rows: expected 1 to {FILES_MAX}, and a row for each"
        )
    return METHODS[method](labels, files, np.random.default_rng(seed), **parameters)


def file_name(number: int, count: int) -> str:
    """Return a name such as part-007: names sort in the order of their numbers."""
    return f"{FILE_PREFIX}{number:0{len(str(count - 1))}d}"


def _write(out: Path, lines: list[bytes], parts: Parts) -> None:
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


def _divide_classes(labels: Ints, files: int, rng: Rng, shares: Sequence[npt.NDArray[np.float64]]) -> Parts:
    """Shuffle each class's rows and divide them among the files by these proportions."""
    parts: list[list[Ints]] = [[] for _ in range(files)]
    for label, share in enumerate(shares):
        rows = rng.permutation(np.flatnonzero(labels == label))  # (rows of the class,)
        ends = np.rint(np.cumsum(share) * len(rows)).astype(np.int64)  # (files,)
        for part, piece in zip(parts, np.split(rows, ends[:-1]), strict=True):
            part.append(piece)
    return [np.sort(np.concatenate(part)) for part in parts]


def _fill_empty(parts: Parts, rng: Rng) -> Parts:
    """Move a row of the largest file to each file that has none."""
    parts = list(parts)
    for number, part in enumerate(parts):
        if not len(part):
            largest = max(range(len(parts)), key=lambda other: len(parts[other]))
            moved = int(rng.integers(len(parts[largest])))
            parts[number] = parts[largest][moved : moved + 1]
            parts[largest] = np.delete(parts[largest], moved)
    return parts
