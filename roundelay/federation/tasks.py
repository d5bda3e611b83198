"""What an order asks a node to do, as values that are checked on construction.

A task says nothing about files: an order names them once, and each file's seed follows from the job's seed, the round
and the file's index. A value out of range raises roundelay.ml.errors.BadTask, which names the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from roundelay.chord.requests import Activity
from roundelay.federation.secure_sum import RevealedSet
from roundelay.ml.choices import SINGLE_UPDATES, Updates
from roundelay.ml.errors import BadTask
from roundelay.ml.task import check_moments, check_units, check_updates, vectors_summed
from roundelay.ml.training_plan import READING_CHARACTERS_MAX, TrainingPlan

DIGEST_BYTES, COMPARED_MAX = 8, 4096  # of a row; rows of a validation file that are looked for at a site
SEED_MAX = (1 << 63) - 1
EXCHANGES_MAX = 1000


def _check_reading(reading: str) -> None:
    if len(reading) > READING_CHARACTERS_MAX:
        raise BadTask(f"reading: {len(reading)} characters, at most {READING_CHARACTERS_MAX}")


@dataclass(frozen=True)
class MomentsTask:
    """Sum the features of the order's files, and their squares, exactly."""

    plan: TrainingPlan
    activity: ClassVar[Activity] = "moments"


@dataclass(frozen=True)
class TrainTask:
    """Train each of the order's files from the order's weights, and return the exact sum of the changes, or each."""

    plan: TrainingPlan
    moments: bytes = b""  # roundelay.ml.data.Moments.to_bytes; empty: raw inputs
    seed: int = 0  # the job's
    receipts: bool = False  # return a digest of each file's change behind the sum
    updates: Updates = "sum"
    units: bytes = b""  # that updates are rounded to (roundelay.ml.rounding); empty: they are exact
    activity: ClassVar[Activity] = "train"

    def __post_init__(self) -> None:
        check_updates(self.plan, self.updates)
        check_units(self.plan, self.updates, self.units)
        check_moments(self.plan, self.moments)
        if not 0 <= self.seed <= SEED_MAX:
            raise BadTask(f"seed {self.seed}: expected 0 to {SEED_MAX}")

    @property
    def is_single(self) -> bool:
        """Return whether each file's update is returned by itself."""
        return self.updates in SINGLE_UPDATES

    @property
    def vectors(self) -> int:
        """Return how many vectors, each as long as the weights, a sum consists of."""
        return vectors_summed(self.updates)


@dataclass(frozen=True)
class EvaluateTask:
    """Evaluate weights on the order's only file."""

    plan: TrainingPlan
    moments: bytes = b""
    activity: ClassVar[Activity] = "evaluate"

    def __post_init__(self) -> None:
        check_moments(self.plan, self.moments)


@dataclass(frozen=True)
class HeldOutTask:
    """Evaluate weights on the rows that the order's files, which are private, hold out; return exact counts."""

    plan: TrainingPlan
    moments: bytes = b""
    activity: ClassVar[Activity] = "evaluate"

    def __post_init__(self) -> None:
        check_moments(self.plan, self.moments)


@dataclass(frozen=True)
class PersonalTask:
    """Make the site's own model from the order's weights and files, and evaluate it as HeldOutTask does.

    The model stays at the site. The files are all that the site has of the job.
    """

    plan: TrainingPlan
    moments: bytes = b""
    seed: int = 0  # the job's
    activity: ClassVar[Activity] = "evaluate"

    def __post_init__(self) -> None:
        check_moments(self.plan, self.moments)
        if self.plan.personal.method == "none":
            raise BadTask("personal: the plan says no method")
        if not 0 <= self.seed <= SEED_MAX:
            raise BadTask(f"seed {self.seed}: expected 0 to {SEED_MAX}")


@dataclass(frozen=True)
class DescribeTask:
    """Say what the order's files, which are private, look like when they are read so; return names, and no row."""

    reading: str  # roundelay.ml.readers.reading
    asks: ClassVar[str] = "describe"  # of the trainer
    activity: ClassVar[Activity] = "describe"

    def __post_init__(self) -> None:
        _check_reading(self.reading)


@dataclass(frozen=True)
class CompareTask:
    """Say whether the order's files, which are private and read so, hold many of these rows, and no more."""

    reading: str  # as the sites have agreed
    rows: bytes  # digests (roundelay.ml.row_digests)
    asks: ClassVar[str] = "compare"
    activity: ClassVar[Activity] = "describe"

    def __post_init__(self) -> None:
        _check_reading(self.reading)
        if len(self.rows) % DIGEST_BYTES or not 0 < len(self.rows) <= DIGEST_BYTES * COMPARED_MAX:
            raise BadTask(f"rows: {len(self.rows)} bytes, expected {DIGEST_BYTES} for each of 1 to {COMPARED_MAX} rows")


@dataclass(frozen=True)
class HistogramTask:
    """Count the values of the columns of numbers of the order's files, which are private, in cells of many rows."""

    plan: TrainingPlan
    asks: ClassVar[str] = "histogram"
    activity: ClassVar[Activity] = "describe"

    @property
    def reading(self) -> str:
        return self.plan.reading


@dataclass(frozen=True)
class MixTask:
    """Exchange halves of the weighted model with the nodes named in the order's shares (push-sum)."""

    exchanges: int
    activity: ClassVar[Activity] = "mix"

    def __post_init__(self) -> None:
        if not 0 <= self.exchanges <= EXCHANGES_MAX:
            raise BadTask(f"exchanges {self.exchanges}: expected 0 to {EXCHANGES_MAX}")


@dataclass(frozen=True)
class PromiseTask:
    """Tell this site's public key for a secure sum, and promise to answer no earlier driver of it (secure_sum.py)."""

    sum_id: str
    began: int  # when its driver began, and the driver's name: of two drivers, the later one goes on
    driver: str
    activity: ClassVar[Activity] = "aggregate"


@dataclass(frozen=True)
class RevealTask:
    """Reveal this site's shares of the masks that are left in the sum over these sites."""

    sum_id: str
    began: int
    driver: str
    chosen: RevealedSet
    boxes: tuple[bytes, ...]  # for this site, from each site in the sum
    activity: ClassVar[Activity] = "aggregate"

    def __post_init__(self) -> None:
        if len(self.boxes) != len(self.chosen.included):
            raise BadTask(f"boxes: {len(self.boxes)} of {len(self.chosen.included)} sites")


SiteTask = HeldOutTask | PersonalTask  # evaluates at a site
Task = (
    MomentsTask
    | TrainTask
    | EvaluateTask
    | HeldOutTask
    | PersonalTask
    | DescribeTask
    | CompareTask
    | HistogramTask
    | MixTask
    | PromiseTask
    | RevealTask
)
