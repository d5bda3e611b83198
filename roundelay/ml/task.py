"""What a trainer computes: frozen values, checked when they are made, and their JSON form for the trainer's pipe.

Everything that decides the result of a local training is in a task, with its plan (training_plan.py), or in the weights
sent along with it. Imports no numpy. Values out of range raise BadTask, which names the field.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from roundelay.ml.choices import SINGLE_UPDATES, UPDATES, Updates
from roundelay.ml.design import PARAMETERS_MAX
from roundelay.ml.errors import BadTask
from roundelay.ml.field_checks import check, check_integer, fields_of
from roundelay.ml.training_plan import TrainingPlan, parse_plan

STEP_VALUES_MAX = 1 << 28  # rows of a step x width of the widest layer: 1 GiB of float32
UNITS_MAX = PARAMETERS_MAX >> 8  # one for each 256 weights
FILES_MAX = 100_000
SERVER = FILES_MAX  # stands for a file's index where a driver draws random numbers
ROWS_MAX = 1 << 40
ROUNDS_MAX = 1 << 32
RECEIPT_BYTES = 32  # SHA-256


@dataclass(frozen=True)
class FileTask:
    """One file to train on: the digest names its content, the seed is local_seed's."""

    digest: str
    rows: int
    seed: int

    def __post_init__(self) -> None:
        check(isinstance(self.digest, str) and 0 < len(self.digest) <= 128, "digest: expected a short text")
        check_integer("rows", self.rows, 1, ROWS_MAX)
        check_integer("seed", self.seed, 0, (1 << 64) - 1)


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
        check(len(self.files) <= FILES_MAX, f"files: {len(self.files)}, at most {FILES_MAX}")
        check_integer("round", self.round, 0, ROUNDS_MAX)
        check(isinstance(self.receipts, bool), f"receipts {self.receipts!r}: expected true or false")
        check_moments(self.plan, self.moments)

    def check_memory(self) -> None:
        """Raise BadTask if a step of the training would take more memory than a trainer may use."""
        rows = max((file.rows for file in self.files), default=0)
        step = rows if self.plan.config.optimizer == "gd" else min(rows, self.plan.config.batch)
        values = step * max(self.plan.design.sizes)
        check(values <= STEP_VALUES_MAX, f"batch: {step} rows of {max(self.plan.design.sizes)} values are too large")

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


def task_from_dict(data: object) -> TrainerTask:
    """Return the task that to_dict wrote. Raises BadTask for anything else."""
    try:
        return _task(data)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise BadTask(f"malformed task: {type(error).__name__}: {error}") from error


def check_moments(plan: TrainingPlan, moments: bytes) -> None:
    """Raise BadTask unless these can be the moments of the plan's features."""
    check(
        len(moments) in (0, 8 * plan.design.summed),
        f"moments: {len(moments)} bytes for {plan.design.summed} columns of 8",
    )
    check(not (plan.design.course and moments), "moments: the course's trainer takes raw inputs")


def check_updates(plan: TrainingPlan, updates: str) -> None:
    """Raise BadTask unless this is a form in which updates of the plan may be returned."""
    check(updates in UPDATES, f"updates {updates!r}: expected {', '.join(UPDATES)}")
    if updates == "sum-with-gradient":
        config, design = plan.config, plan.design
        is_corrected = config.optimizer in ("sgd", "gd") and not design.course and ":" not in design.model
        check(is_corrected, "updates: only steps of sgd and gd in mlp, softmax and cnn can be corrected")
        check(not config.update_clip, "update_clip: gradients are not clipped")
        check(not plan.personal.keeps_head, "personal head: a last layer of its own has another gradient")


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
    check(not units or updates == "sum", "units: only sums can be rounded")
    check(not units or not plan.config.update_clip, "units: clipped updates cannot be rounded")
    check(len(units) <= UNITS_MAX, f"units: {len(units)}, at most {UNITS_MAX}")
    finest = 256 - plan.fraction_bits  # as a signed byte: with a finer one, sums would leave the range of 64 bits
    check(all(unit < 128 or unit >= finest for unit in units), f"units: expected 2^-{plan.fraction_bits} or more")


def local_seed(job_seed: int, round_number: int, index: int) -> int:
    """Return the 64-bit seed of one local training. `index` is the file's place in the job's sorted list."""
    text = f"{job_seed}:{round_number}:{index}"
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big")


def _task(data: object) -> TrainerTask:
    raw = fields_of(TrainerTask, data)
    return TrainerTask(
        parse_plan(raw["plan"]),
        tuple(FileTask(digest, rows, seed) for digest, rows, seed in raw["files"]),
        base64.b64decode(raw["moments"], validate=True),
        raw["round"],
        raw["receipts"],
        raw["updates"],
        base64.b64decode(raw["units"], validate=True),
    )
