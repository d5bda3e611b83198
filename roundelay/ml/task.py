"""What a trainer computes: frozen values, checked when they are made, and their JSON form for the trainer's pipe.

Everything that decides the result of a local training is in here or in the weights sent along with it. Imports no
numpy. Values out of range raise BadTask, which names the field.
"""

import base64
import binascii
import hashlib
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import pairwise
from math import prod
from typing import Any

from roundelay.ml.choices import (
    ARITHMETICS,
    DROPOUT_MAX,
    ETA_MIN,
    MODEL,
    MODELS_WITH_HEAD,
    OPTIMIZERS,
    PERSONAL_METHODS,
    SINGLE_UPDATES,
    TASK_LOSS,
    TASKS,
    UPDATE_CLIP_MAX,
    UPDATE_NOISE_MAX,
    UPDATES,
    ArithmeticName,
    OpenChoices,
    PersonalMethod,
    Task,
    Updates,
)
from roundelay.ml.errors import BadTask

CLASSES_DEFAULT = 26
EPOCHS_MAX = 1_000_000
BATCH_MAX = 65_536
WIDTH_MAX = 1 << 20
LAYERS_MAX = 32
ENCODING_CHARACTERS_MAX = 8 << 20  # of how a table's columns become features
READING_CHARACTERS_MAX = 1 << 20  # of how sites read private data: it travels with every order
PARAMETERS_MAX = 1 << 27  # whose sum in a round, 8 bytes each, is 1 GiB: with receipts, the largest content
STEP_VALUES_MAX = 1 << 28  # rows of a step x width of the widest layer: 1 GiB of float32
UNITS_MAX = PARAMETERS_MAX >> 8  # one for each 256 weights
FILES_MAX = 100_000
SERVER = FILES_MAX  # stands for a file's index where a driver draws random numbers
ROWS_MAX = 1 << 40
ROUNDS_MAX = 1 << 32
FRACTION_BITS_MAX = 40
RECEIPT_BYTES = 32  # SHA-256
MU_MAX = 1e3
CLIP_MAX = 1e6
CLASS_WEIGHT_MAX = 1e6
ETA_MAX = 1e6
FINGERPRINT_EPOCHS, FINGERPRINT_ETA = 2, 0.2


@dataclass(frozen=True)
class TrainConfig:
    """How one file is trained, once."""

    optimizer: str = "sgd"  # one of OPTIMIZERS, or MODULE:NAME
    epochs: int = 5  # passes over the file's rows
    eta: float = 0.1  # learning rate
    batch: int = 32  # rows per step; "gd" takes all rows
    momentum: float = 0.9  # for "sgd" and "gd"
    dropout: float = 0.0  # fraction of the hidden activations that each step leaves out
    class_weights: tuple[float, ...] = ()  # per class, the factor of its rows' gradients; empty: all 1
    mu: float = 0.0  # FedProx: strength of the pull towards the initial weights
    clip: float = 0.0  # largest norm of a step's gradient: a longer one is scaled down; 0: no limit
    update_clip: float = 0.0  # differential privacy: largest norm of a file's change, which then counts once; 0: none
    update_noise: float = 0.0  # of a site's own: standard deviation of the noise in its sum, in clips

    def __post_init__(self) -> None:
        is_known = self.optimizer in OpenChoices(OPTIMIZERS)
        _check(is_known, f"optimizer {self.optimizer!r}: expected sgd, adam, gd or MODULE:NAME")
        _check_integer("epochs", self.epochs, 1, EPOCHS_MAX)
        _check_integer("batch", self.batch, 1, BATCH_MAX)
        _check_number("eta", self.eta, ETA_MIN, ETA_MAX)
        _check_number("momentum", self.momentum, 0.0, 1.0)
        _check_number("dropout", self.dropout, 0.0, DROPOUT_MAX)
        _check(isinstance(self.class_weights, tuple), "class_weights: expected numbers")
        for weight in self.class_weights:
            _check_number("class_weights", weight, 0.0, CLASS_WEIGHT_MAX)
        _check_number("mu", self.mu, 0.0, MU_MAX)
        _check_number("clip", self.clip, 0.0, CLIP_MAX)
        _check_number("update_clip", self.update_clip, 0.0, UPDATE_CLIP_MAX)
        _check_number("update_noise", self.update_noise, 0.0, UPDATE_NOISE_MAX)
        _check(self.update_clip * self.update_noise <= UPDATE_CLIP_MAX, "update_noise: too large for the range of sums")
        for name in (
            "eta",
            "momentum",
            "dropout",
            "mu",
            "clip",
            "update_clip",
            "update_noise",
        ):  # 1 and 1.0 are one configuration: also in a ticket
            object.__setattr__(self, name, float(getattr(self, name)))


@dataclass(frozen=True)
class FileTask:
    """One file to train on: the digest names its content, the seed is local_seed's."""

    digest: str
    rows: int
    seed: int

    def __post_init__(self) -> None:
        _check(isinstance(self.digest, str) and 0 < len(self.digest) <= 128, "digest: expected a short text")
        _check_integer("rows", self.rows, 1, ROWS_MAX)
        _check_integer("seed", self.seed, 0, (1 << 64) - 1)


@dataclass(frozen=True)
class Design:
    """Which model, and of which sizes: what a learner is made from (models.catalogue)."""

    sizes: tuple[int, ...]  # features, hidden layers, classes; a regression has one output
    model: str = "mlp"
    shape: tuple[int, ...] = ()  # channels, height, width, where a row is an image
    course: bool = False  # the course's network (legacy_trainer.py)
    arithmetic: ArithmeticName = "native"  # what computes it (arithmetic.py)
    task: Task = "classification"
    loss: str = TASK_LOSS  # or MODULE:NAME

    def __post_init__(self) -> None:
        check_sizes(self.sizes)
        _check(
            isinstance(self.model, str) and MODEL.fullmatch(self.model) is not None,
            f"model {self.model!r}: expected a name or MODULE:NAME",
        )
        _check(
            isinstance(self.shape, tuple) and len(self.shape) in (0, 3),
            f"shape {self.shape}: expected nothing or 3 sides",
        )
        for side in self.shape:
            _check_integer("shape", side, 1, WIDTH_MAX)
        _check(isinstance(self.course, bool), f"course {self.course!r}: expected true or false")
        _check(self.arithmetic in ARITHMETICS, f"arithmetic {self.arithmetic!r}: expected native or portable")
        can_port = not self.course and ":" not in self.model
        _check(can_port or self.arithmetic == "native", "arithmetic portable: mlp, softmax and cnn alone have it")
        _check(not self.shape or prod(self.shape) == self.sizes[0], f"shape {self.shape}: {self.sizes[0]} features")
        _check(self.task in TASKS, f"task {self.task!r}: expected {' or '.join(TASKS)}")
        _check(self.loss in OpenChoices((TASK_LOSS,)), f"loss {self.loss!r}: expected {TASK_LOSS} or MODULE:NAME")
        can_choose = can_port and self.arithmetic == "native"
        _check(can_choose or self.loss == TASK_LOSS, "loss: mlp, softmax and cnn on native arithmetic alone take one")
        if self.task == "regression":
            _check(self.sizes[-1] == 1, f"sizes: a regression has one output, not {self.sizes[-1]}")
            _check(not self.course, "course: the course's trainer trains classifiers")

    @property
    def features(self) -> int:
        return self.sizes[0]

    @property
    def classes(self) -> int:
        """The width of the last layer."""
        return self.sizes[-1]

    @property
    def label_classes(self) -> int:
        """The number of classes of a row's label; 0 where the label is the target of a regression."""
        return 0 if self.task == "regression" else self.sizes[-1]

    @property
    def summed(self) -> int:
        """The number of columns that are standardised: the features and, in a regression, the target."""
        return self.features + (self.task == "regression")

    @property
    def connections(self) -> int:
        """The weights of a fully connected network of these sizes, biases included."""
        return _connections(self.sizes)


@dataclass(frozen=True)
class PersonalPlan:
    """How each site makes a model of its own from the shared one."""

    method: PersonalMethod = "none"
    epochs: int = 0  # passes over the site's rows; of `head`, also before each local training
    pull: float = 0.0  # of Ditto: strength of the pull towards the shared model

    def __post_init__(self) -> None:
        _check(self.method in PERSONAL_METHODS, f"personal {self.method!r}: expected {', '.join(PERSONAL_METHODS)}")
        _check_integer("personal epochs", self.epochs, int(self.method != "none"), EPOCHS_MAX)
        _check_number("personal pull", self.pull, 0.0, MU_MAX)
        _check(not self.pull or self.method == "ditto", f"personal pull: {self.method} has none")
        object.__setattr__(self, "pull", float(self.pull))

    @property
    def keeps_head(self) -> bool:
        """Whether the last layer stays at each site."""
        return self.method == "head"


@dataclass(frozen=True)
class TrainingPlan:
    """What every trainer of a job computes: model, configuration, arithmetic. The FL plan of Bonawitz et al. 2019."""

    design: Design
    config: TrainConfig
    fraction_bits: int  # of exact sums, fixed by the job (exact.fraction_bits)
    fingerprint: str = ""  # hex digest that ml.fingerprint must give on the trainer's machine; empty: any
    reading: str = ""  # how sites read their private data (readers/reading.py); empty: files are placed
    personal: PersonalPlan = field(default_factory=PersonalPlan)

    def __post_init__(self) -> None:
        _check_integer("fraction_bits", self.fraction_bits, 0, FRACTION_BITS_MAX)
        count = len(self.config.class_weights)
        _check(
            count in (0, self.design.label_classes), f"class_weights: {count} for {self.design.label_classes} classes"
        )
        is_short = isinstance(self.reading, str) and len(self.reading) <= READING_CHARACTERS_MAX
        _check(is_short, f"reading: expected at most {READING_CHARACTERS_MAX} characters")
        is_digest = isinstance(self.fingerprint, str) and len(self.fingerprint) in (0, 64)
        _check(is_digest, f"fingerprint {self.fingerprint!r}: expected 64 hex digits")
        can_keep = self.design.model in MODELS_WITH_HEAD and len(self.design.sizes) > 2 and not self.design.course
        _check(can_keep or not self.personal.keeps_head, f"personal head: {self.design.model} cannot keep a last layer")
        if self.design.course:
            _check(self.personal.method == "none", "personal: the course's trainer makes no models of sites")
            _check(len(self.design.sizes) == 3, "sizes: the course's trainer has exactly one hidden layer")
            _check(self.config.optimizer == "gd", "optimizer: the course's trainer is a mode of gd")
            _check(not self.config.mu, "mu: the course's trainer has no proximal term")
            _check(not self.config.clip, "clip: the course's trainer does not clip gradients")
            _check(self.design.model == "mlp", "model: the course's trainer trains an mlp")

    def of_fingerprint(self) -> "TrainingPlan":
        """Return the plan of the small training whose hash is the fingerprint.

        Its step is always the same, because a job may halve its own, and because a large one could leave the range of
        numbers.
        """
        config = replace(self.config, epochs=FINGERPRINT_EPOCHS, eta=FINGERPRINT_ETA)
        return replace(self, config=config, fingerprint="", reading="", personal=PersonalPlan())

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-able form; plan_from_dict is the inverse."""
        return asdict(self)


@dataclass(frozen=True)
class TrainerTask:
    """One node's part of one round: from the same weights, train each of these files."""

    plan: TrainingPlan
    files: tuple[FileTask, ...] = ()
    moments: bytes = b""  # Moments.to_bytes; empty: raw inputs
    round: int = 0  # shown to Flower clients; the first one starts from weights alone (vectors_sent)
    receipts: bool = False  # digest each file's change
    updates: Updates = "sum"
    units: bytes = b""  # of a rounded update (rounding.py); empty: 2^-fraction_bits everywhere

    def __post_init__(self) -> None:
        check_updates(self.plan, self.updates)
        check_units(self.plan, self.updates, self.units)
        _check(len(self.files) <= FILES_MAX, f"files: {len(self.files)}, at most {FILES_MAX}")
        _check_integer("round", self.round, 0, ROUNDS_MAX)
        _check(isinstance(self.receipts, bool), f"receipts {self.receipts!r}: expected true or false")
        check_moments(self.plan, self.moments)

    def check_memory(self) -> None:
        """Raise BadTask if a step of the training would take more memory than a trainer may use."""
        rows = max((file.rows for file in self.files), default=0)
        step = rows if self.plan.config.optimizer == "gd" else min(rows, self.plan.config.batch)
        values = step * max(self.plan.design.sizes)
        _check(values <= STEP_VALUES_MAX, f"batch: {step} rows of {max(self.plan.design.sizes)} values are too large")

    @property
    def rows(self) -> int:
        """Rows of all its files."""
        return sum(file.rows for file in self.files)

    @property
    def is_single(self) -> bool:
        """Whether each file's update is returned by itself."""
        return self.updates in SINGLE_UPDATES

    @property
    def vectors(self) -> int:
        """The number of vectors, each as long as the weights, that a sum consists of."""
        return vectors_summed(self.updates)

    @property
    def start_vectors(self) -> int:
        """The number of vectors, each as long as the weights, that training starts from."""
        return vectors_sent(self.updates, self.round)

    def to_dict(self) -> dict[str, object]:
        """Return a JSON-able form; task_from_dict is the inverse."""
        return {
            "plan": self.plan.to_dict(),
            "files": [[file.digest, file.rows, file.seed] for file in self.files],
            "moments": base64.b64encode(self.moments).decode(),
            "round": self.round,
            "receipts": self.receipts,
            "updates": self.updates,
            "units": base64.b64encode(self.units).decode(),
        }


def plan_from_dict(data: object) -> TrainingPlan:
    """Return the plan that to_dict wrote. Raises BadTask for anything else."""
    try:
        return _plan(data)
    except (KeyError, TypeError, ValueError) as error:
        raise BadTask(f"malformed plan: {type(error).__name__}: {error}") from error


def task_from_dict(data: object) -> TrainerTask:
    """Return the task that to_dict wrote. Raises BadTask for anything else."""
    try:
        return _task(data)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise BadTask(f"malformed task: {type(error).__name__}: {error}") from error


def check_moments(plan: TrainingPlan, moments: bytes) -> None:
    """Raise BadTask unless these can be the moments of the plan's features."""
    _check(
        len(moments) in (0, 8 * plan.design.summed),
        f"moments: {len(moments)} bytes for {plan.design.summed} columns of 8",
    )
    _check(not (plan.design.course and moments), "moments: the course's trainer takes raw inputs")


def check_updates(plan: TrainingPlan, updates: str) -> None:
    """Raise BadTask unless this is a form in which updates of the plan may be returned."""
    _check(updates in UPDATES, f"updates {updates!r}: expected {', '.join(UPDATES)}")
    if updates == "sum-with-gradient":
        config, design = plan.config, plan.design
        is_corrected = config.optimizer in ("sgd", "gd") and not design.course and ":" not in design.model
        _check(is_corrected, "updates: only steps of sgd and gd in mlp, softmax and cnn can be corrected")
        _check(not config.update_clip, "update_clip: gradients are not clipped")
        _check(not plan.personal.keeps_head, "personal head: a last layer of its own has another gradient")


def vectors_summed(updates: str) -> int:
    """Return how many vectors, each as long as the weights, a sum in this form consists of."""
    return 2 if updates == "sum-with-gradient" else 1


def vectors_sent(updates: str, number: int) -> int:
    """Return how many vectors, each as long as the weights, training in this round starts from.

    From the second round on, the correction of gradients needs the weights of the round before and the mean gradient at
    them, which follow the weights.
    """
    return 3 if updates == "sum-with-gradient" and number > 1 else 1


def check_units(plan: TrainingPlan, updates: str, units: bytes) -> None:
    """Raise BadTask unless updates of this form can be rounded to units. Their number is checked with the weights."""
    _check(not units or updates == "sum", "units: only sums can be rounded")
    _check(not units or not plan.config.update_clip, "units: clipped updates cannot be rounded")
    _check(len(units) <= UNITS_MAX, f"units: {len(units)}, at most {UNITS_MAX}")
    finest = 256 - plan.fraction_bits  # as a signed byte: with a finer one, sums would leave the range of 64 bits
    _check(all(unit < 128 or unit >= finest for unit in units), f"units: expected 2^-{plan.fraction_bits} or more")


def local_seed(job_seed: int, round_number: int, index: int) -> int:
    """Return the 64-bit seed of one local training. `index` is the file's place in the job's sorted list."""
    text = f"{job_seed}:{round_number}:{index}"
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big")


def check_sizes(sizes: tuple[int, ...]) -> None:
    """Raise BadTask unless these are the layer sizes of a network that fits into memory."""
    _check(2 <= len(sizes) <= LAYERS_MAX, f"sizes: {len(sizes)} layers, expected 2 to {LAYERS_MAX}")
    for size in sizes:
        _check_integer("sizes", size, 1, WIDTH_MAX)
    parameters = _connections(sizes)
    _check(
        parameters <= PARAMETERS_MAX,
        f"sizes: {parameters:,} weights, and at most {PARAMETERS_MAX:,} can be added up: try a smaller --hidden",
    )


def _connections(sizes: tuple[int, ...]) -> int:
    return sum((a + 1) * b for a, b in pairwise(sizes))


def _plan(data: object) -> TrainingPlan:
    raw = _fields(TrainingPlan, data)
    design, config = _fields(Design, raw["design"]), _fields(TrainConfig, raw["config"])
    return TrainingPlan(
        Design(**design | {name: tuple(design[name]) for name in ("sizes", "shape")}),
        TrainConfig(**config | {"class_weights": tuple(config["class_weights"])}),
        raw["fraction_bits"],
        raw["fingerprint"],
        raw["reading"],
        PersonalPlan(**_fields(PersonalPlan, raw["personal"])),
    )


def _task(data: object) -> TrainerTask:
    raw = _fields(TrainerTask, data)
    return TrainerTask(
        _plan(raw["plan"]),
        tuple(FileTask(digest, rows, seed) for digest, rows, seed in raw["files"]),
        base64.b64decode(raw["moments"], validate=True),
        raw["round"],
        raw["receipts"],
        raw["updates"],
        base64.b64decode(raw["units"], validate=True),
    )


def _fields(kind: type[Any], data: object) -> dict[str, Any]:
    """Return `data` if it is a dictionary with exactly the fields of a dataclass. Raises TypeError."""
    names = {field.name for field in fields(kind)}
    if not isinstance(data, dict) or set(data) != names:
        found = sorted(map(str, data)) if isinstance(data, dict) else type(data).__name__
        raise TypeError(f"{kind.__name__} has the fields {found}, expected {sorted(names)}")
    return data


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise BadTask(message)


def _check_integer(name: str, value: int, least: int, most: int) -> None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    _check(is_integer and least <= value <= most, f"{name} {value!r}: expected an integer from {least} to {most}")


def _check_number(name: str, value: float, least: float, most: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    _check(is_number and least <= value <= most, f"{name} {value!r}: expected a number from {least} to {most}")
