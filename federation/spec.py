"""What a job is: the settings that a user chooses, and the files that they apply to.

Every setting's default, range and meaning stand in its field; command lines, checks and forms
are made from them. A spec is a value: the same spec trains the same model, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from federation.errors import BadRecord, BadSpec
from federation.work import TrainingFile
from ml.task import Optimizer

COURSE_MOMENTUM = 0.7  # what the course's trainer has fixed


def _number(default: float, least: float, most: float, about: str, above: bool = False) -> Any:
    """A setting in a range; `above` excludes the least itself."""
    return field(default=default, metadata={"least": least, "most": most, "about": about, "above": above})


def _choice(default: str, choices: tuple[str, ...], about: str) -> Any:
    return field(default=default, metadata={"choices": choices, "about": about})


@dataclass(frozen=True)
class Settings:
    """What a user chooses for a job."""

    rounds: int = _number(50, 1, 10_000, "rounds: each trains every file once and averages")
    epochs: int = _number(5, 1, 10_000, "passes over a file in each round")
    hidden: tuple[int, ...] = field(
        default=(256,),
        metadata={"least": 1, "most": 4096, "about": "sizes of the hidden layers: 256, or 512,512", "layers_max": 8},
    )
    eta: float = _number(0.2, 0.0, 100.0, "learning rate", above=True)
    batch: int = _number(32, 1, 65_536, "rows in a step (gd takes all rows of a file)")
    momentum: float = _number(0.9, 0.0, 1.0, "momentum of sgd and gd")
    optimizer: Optimizer = _choice("sgd", ("sgd", "adam", "gd"), "minibatch sgd, adam, or full-batch gd")
    seed: int = _number(0, 0, 2**63 - 1, "everything random in a job comes from it")
    quorum: float = _number(1.0, 0.0, 1.0, "part of the rows that suffices where files are missing", above=True)
    course: bool = field(
        default=False, metadata={"about": "the course trainer's arithmetic, in float64: gd on raw inputs"}
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            check(each.name, getattr(self, each.name))
        if self.course and (self.optimizer != "gd" or len(self.hidden) != 1):
            raise BadSpec("--course-trainer is a mode of --optimizer gd with one hidden layer")


def check(name: str, value: Any) -> None:
    """Is this value allowed for the setting of that name? Raises BadSpec."""
    about = next(f.metadata for f in fields(Settings) if f.name == name)
    if "choices" in about and value not in about["choices"]:
        raise BadSpec(f"--{name} is {value}, expected one of {', '.join(about['choices'])}")
    if "layers_max" in about and not 1 <= len(value) <= about["layers_max"]:
        raise BadSpec(f"--{name} names {len(value)} layers, expected 1 to {about['layers_max']}")
    if "least" in about:
        for number in value if isinstance(value, tuple) else (value,):
            low = number <= about["least"] if about.get("above") else number < about["least"]
            if low or not number <= about["most"]:
                bound = "more than" if about.get("above") else "from"
                raise BadSpec(f"--{name} is {number}, expected {bound} {about['least']} to {about['most']}")


@dataclass(frozen=True)
class JobSpec:
    """A job: settings, the training files in the order of their names, and the file to validate on."""

    settings: Settings
    files: tuple[TrainingFile, ...]
    validation: TrainingFile
    features: int
    classes: int
    initial: str = ""  # digest of the weights to continue from; otherwise they come from the seed
    nonce: str = ""
    detached: bool = False  # nobody waits for it: the owner of its key drives from the start

    @property
    def job(self) -> str:
        """The job's id: a digest of the whole spec."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def rows(self) -> int:
        """All training rows: the N of the average."""
        return sum(f.rows for f in self.files)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer sizes, from the features to the classes."""
        return self.features, *self.settings.hidden, self.classes


def spec_from_bytes(content: bytes) -> JobSpec:
    """The spec that to_bytes wrote. Raises BadRecord, BadSpec."""
    try:
        raw = json.loads(content)
        settings = Settings(**raw["settings"] | {"hidden": tuple(raw["settings"]["hidden"])})
        files = tuple(TrainingFile(**file) for file in raw["files"])
        return JobSpec(**raw | {"settings": settings, "files": files, "validation": TrainingFile(**raw["validation"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRecord(f"a spec that is none: {error}") from error
