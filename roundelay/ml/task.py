"""What a trainer is told to do. Frozen values, JSON-able both ways; imports no numpy.

Everything that decides the result of a local training is in here or in the weights sent along with it.
"""

import base64
import binascii
import hashlib
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from math import prod
from typing import get_args

from roundelay.ml.choices import DROPOUT_MAX, ETA_MIN, MODEL, Optimizer
from roundelay.ml.errors import BadTask

CLASSES_DEFAULT = 26
EPOCHS_MAX = 1_000_000
BATCH_MAX = 65_536
WIDTH_MAX = 1 << 20
LAYERS_MAX = 32
PARAMETERS_MAX = 1 << 27  # 512 MiB of float32
FILES_MAX = 100_000
ROWS_MAX = 1 << 40
ROUNDS_MAX = 1 << 32
FRACTION_BITS_MAX = 40
MU_MAX = 1e3
CLASS_WEIGHT_MAX = 1e6
ETA_MAX = 1e6


@dataclass(frozen=True)
class TrainConfig:
    """How one file is trained, once."""

    optimizer: Optimizer = "sgd"
    epochs: int = 5  # passes over the file's rows
    eta: float = 0.1  # learning rate
    batch: int = 32  # rows a step; "gd" takes all rows
    momentum: float = 0.9  # of "sgd" and "gd"
    dropout: float = 0.0  # part of the hidden activations that each step leaves out
    class_weights: tuple[float, ...] = ()  # factors of each row's part in the gradient, by class; nothing: all 1
    mu: float = 0.0  # FedProx: how strongly the weights are pulled back to where they began

    def __post_init__(self) -> None:
        _check(self.optimizer in get_args(Optimizer), f"optimizer {self.optimizer!r}: expected sgd, adam or gd")
        _check_integer("epochs", self.epochs, 1, EPOCHS_MAX)
        _check_integer("batch", self.batch, 1, BATCH_MAX)
        _check_number("eta", self.eta, ETA_MIN, ETA_MAX)
        _check_number("momentum", self.momentum, 0.0, 1.0)
        _check_number("dropout", self.dropout, 0.0, DROPOUT_MAX)
        _check(isinstance(self.class_weights, tuple), "class_weights must be numbers")
        for weight in self.class_weights:
            _check_number("a class's weight", weight, 0.0, CLASS_WEIGHT_MAX)
        _check_number("mu", self.mu, 0.0, MU_MAX)


@dataclass(frozen=True)
class FileTask:
    """One file to train on: the digest names its content, the seed is local_seed's."""

    digest: str
    rows: int
    seed: int

    def __post_init__(self) -> None:
        _check(isinstance(self.digest, str) and 0 < len(self.digest) <= 128, "a file's digest must be a short text")
        _check_integer("rows", self.rows, 1, ROWS_MAX)
        _check_integer("seed", self.seed, 0, (1 << 64) - 1)


@dataclass(frozen=True)
class Design:
    """Which model, and of which sizes: what a learner is made from (models.catalogue)."""

    sizes: tuple[int, ...]  # features, hidden layers, classes
    model: str = "mlp"
    shape: tuple[int, ...] = ()  # channels, height, width, where a row is an image
    course: bool = False  # the course's network (course.py)

    def __post_init__(self) -> None:
        check_sizes(self.sizes)
        _check(isinstance(self.model, str) and MODEL.fullmatch(self.model) is not None, f"model {self.model!r}")
        _check(isinstance(self.shape, tuple) and len(self.shape) in (0, 3), f"images of the shape {self.shape}")
        for side in self.shape:
            _check_integer("a side of an image", side, 1, WIDTH_MAX)
        _check(not self.shape or prod(self.shape) == self.sizes[0], f"images of {self.shape}: {self.sizes[0]} features")

    @property
    def features(self) -> int:
        return self.sizes[0]

    @property
    def classes(self) -> int:
        return self.sizes[-1]


@dataclass(frozen=True)
class TrainerTask:
    """One node's part of one round: from the same weights, train each of these files."""

    sizes: tuple[int, ...]  # features, hidden layers, classes
    config: TrainConfig
    fraction_bits: int  # of the exact sum, fixed by the job (exact.fraction_bits)
    files: tuple[FileTask, ...] = ()
    moments: bytes = b""  # Moments.to_bytes, or nothing: raw inputs
    course: bool = False  # the course's trainer (course.py) instead of config.optimizer
    model: str = "mlp"
    shape: tuple[int, ...] = ()
    round: int = 0  # for whoever asks: it decides nothing

    def __post_init__(self) -> None:
        design = self.design
        _check(len(self.config.class_weights) in (0, design.classes), "class_weights of another number of classes")
        _check_integer("fraction_bits", self.fraction_bits, 0, FRACTION_BITS_MAX)
        _check(len(self.files) <= FILES_MAX, f"more than {FILES_MAX} files")
        _check(isinstance(self.course, bool), "course must be true or false")
        _check_integer("round", self.round, 0, ROUNDS_MAX)
        _check(len(self.moments) in (0, 8 * self.sizes[0]), f"moments of {len(self.moments)} bytes")
        if self.course:
            _check(len(self.sizes) == 3, "the course's trainer has exactly one hidden layer")
            _check(self.config.optimizer == "gd", "the course's trainer is a mode of optimizer gd")
            _check(not self.moments, "the course's trainer takes raw inputs")
            _check(not self.config.mu, "the course's trainer has no proximal term")
            _check(self.model == "mlp", "the course's trainer trains an mlp")

    @property
    def design(self) -> Design:
        """The model that is trained."""
        return Design(self.sizes, self.model, self.shape, self.course)

    @property
    def rows(self) -> int:
        """Rows of all its files."""
        return sum(file.rows for file in self.files)

    def to_dict(self) -> dict[str, object]:
        """JSON-able; task_from_dict is the inverse."""
        return {
            "sizes": list(self.sizes),
            "config": asdict(self.config),
            "fraction_bits": self.fraction_bits,
            "files": [[file.digest, file.rows, file.seed] for file in self.files],
            "moments": base64.b64encode(self.moments).decode(),
            "course": self.course,
            "model": self.model,
            "shape": list(self.shape),
            "round": self.round,
        }


def task_from_dict(data: object) -> TrainerTask:
    """The task that to_dict wrote; raises BadTask for anything else."""
    try:
        return _task(data)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise BadTask(f"a task that is none: {type(error).__name__}: {error}") from error


def local_seed(job_seed: int, round_number: int, index: int) -> int:
    """Seed of one local training, 64 bits; index is the file's place in the job's sorted list of files."""
    text = f"{job_seed}:{round_number}:{index}"
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big")


def check_sizes(sizes: tuple[int, ...]) -> None:
    """Raise BadTask unless these are the layer sizes of a network that fits into memory."""
    _check(2 <= len(sizes) <= LAYERS_MAX, f"{len(sizes)} layer sizes: expected 2 to {LAYERS_MAX}")
    for size in sizes:
        _check_integer("a layer's size", size, 1, WIDTH_MAX)
    parameters = sum((a + 1) * b for a, b in pairwise(sizes))
    _check(parameters <= PARAMETERS_MAX, f"{parameters} parameters: at most {PARAMETERS_MAX}")


def _task(data: object) -> TrainerTask:
    if not isinstance(data, dict) or not isinstance(data["config"], dict) or not isinstance(data["sizes"], list):
        raise TypeError("no dictionary with sizes and config")
    if set(data["config"]) != {field.name for field in fields(TrainConfig)}:
        raise ValueError(f"config has the fields {sorted(data['config'])}")
    return TrainerTask(
        sizes=tuple(data["sizes"]),
        config=TrainConfig(**data["config"] | {"class_weights": tuple(data["config"]["class_weights"])}),
        fraction_bits=data["fraction_bits"],
        files=tuple(FileTask(digest, rows, seed) for digest, rows, seed in data["files"]),
        moments=base64.b64decode(data["moments"], validate=True),
        course=data["course"],
        model=data["model"],
        shape=tuple(data["shape"]),
        round=data["round"],
    )


def _check(promise: bool, message: str) -> None:
    if not promise:
        raise BadTask(message)


def _check_integer(name: str, value: int, least: int, most: int) -> None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    _check(is_integer and least <= value <= most, f"{name} {value!r}: expected an integer from {least} to {most}")


def _check_number(name: str, value: float, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    _check(is_number and least <= value <= most, f"{name} {value!r}: expected a number from {least} to {most}")
