"""Tables that exist, for the benchmark of defaults: scikit-learn's, MNIST's test images and the letters."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.compare import Peer
from bench.generated_tables import Doubles, Ints
from bench.machine import ROOT
from roundelay.ml.readers import dataset
from roundelay.ml.readers.source import DatasetPart

SEED = 0  # of the order of the rows: some tables are sorted by class


@dataclass(frozen=True)
class SklearnTable:
    """A table that scikit-learn ships."""

    name: str
    rows: int
    features: int

    def make(self) -> tuple[Doubles, Ints]:
        """Return the features (n, d) and the class (n,) of each row. Raises PeerMissing."""
        with ExitStack() as stack:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "table.npz"
            Peer("sklearn_tables", stack).ask(name=self.name, path=str(path))
            arrays = stack.enter_context(np.load(path))
            return _shuffled(arrays["x"], arrays["y"])


@dataclass(frozen=True)
class DataSetTable:
    """All rows of a data set that is on this machine."""

    name: str
    rows: int
    features: int
    path: Path

    def make(self) -> tuple[Doubles, Ints]:
        """Return the features (n, d) and the class (n,) of each row. Raises MLError."""
        found = dataset.read(self.path)
        return _shuffled(*_joined((*found.training, *found.test)))


@dataclass(frozen=True)
class LettersTable:
    """Files of letters with their own validation file, and the error that is promised for them."""

    name: str
    rows: int
    features: int
    path: Path
    validation: str
    limit: float
    held_out: int = 3_500  # rows of the validation file

    @property
    def validation_file(self) -> Path:
        """The validation file, in the folder of the training files or beside it."""
        inside = self.path / self.validation
        return inside if inside.exists() else self.path.parent / self.validation

    def make(self) -> tuple[Doubles, Ints]:
        """Return the rows of the training files, then those of the validation file. Raises MLError."""
        held_out = self.validation_file
        training = dataset.read(self.path, dataset.ReadOptions(without=held_out)).training
        x, y = _joined((*training, *dataset.read(held_out, dataset.ReadOptions("letters")).training))
        return x, y


SKLEARN_TABLES = (
    SklearnTable("iris", 150, 4),
    SklearnTable("wine", 178, 13),
    SklearnTable("breast_cancer", 569, 30),
    SklearnTable("digits", 1_797, 64),
)
SHIPPED_LETTERS = LettersTable("letters (shipped)", 20_000, 16, ROOT / "letters", "validate_letters.txt", 0.040)


def on_this_machine(data: Path | None) -> tuple[DataSetTable | LettersTable, ...]:
    """Return MNIST's test images and the UCI letters, as far as this folder has them."""
    if data is None:
        return ()
    found: list[DataSetTable | LettersTable] = []
    if (data / "mnist").is_dir():
        found.append(DataSetTable("MNIST's test images", 10_000, 784, data / "mnist"))
    if (data / "letters").is_dir() and (data / "validate_letters.txt").is_file():
        found.append(LettersTable("letters (UCI)", 20_000, 16, data / "letters", "validate_letters.txt", 0.045))
    return tuple(found)


def _joined(parts: tuple[DatasetPart, ...]) -> tuple[Doubles, Ints]:
    x = np.concatenate([block for part in parts for block in part.blocks()])  # (n, d)
    return x.reshape(len(x), -1).astype(np.float64), np.concatenate([part.y for part in parts]).astype(np.int64)


def _shuffled(x: Doubles, y: Ints) -> tuple[Doubles, Ints]:
    order = np.random.default_rng(SEED).permutation(len(x))  # (n,)
    return x[order], y[order]
