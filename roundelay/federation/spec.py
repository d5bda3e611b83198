"""What a job is: the settings that a user chooses, and the files that they apply to.

A spec is a value: the same spec trains the same model, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from roundelay.chord.errors import Malformed
from roundelay.federation.errors import BadRecord, BadSpec
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.ml.errors import MLError
from roundelay.ml.task import Design
from roundelay.store.names import check_name

DIGEST_BYTES = 32


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
    fingerprint: str = ""  # of the arithmetic that the job began with: roundelay.ml.fingerprint at its shapes
    shape: tuple[int, ...] = ()  # channels, height, width, where a row is an image
    labels: tuple[str, ...] = ()  # the names of the classes, where they are not their numbers
    class_rows: tuple[int, ...] = ()  # training rows of each class, where their weighting needs them
    pinned: str = ""  # the name under which its files are published; they stay where they are
    homes: tuple[str, ...] = ()  # of pinned files: the address of the node that has each
    raw: bool = False  # inputs as they are: nodes train by clients of their own, whose rows nobody else sees

    def __post_init__(self) -> None:
        if self.pinned and self.settings.placement != "hash":
            raise BadSpec(f"--pinned and --placement {self.settings.placement} exclude one another: files stay at home")
        if self.pinned and self.settings.weighting != "none":
            raise BadSpec(
                f"--pinned and --weighting {self.settings.weighting} exclude one another: "
                "nobody is told which classes the files hold"
            )
        if len(self.homes) != (len(self.files) if self.pinned else 0):
            raise BadSpec(f"{len(self.homes)} homes for {len(self.files)} files")

    @cached_property
    def job(self) -> str:
        """The job's id: a digest of the whole spec, which is asked for many times a round."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def repro(self) -> str:
        """What it promises: `bits`, the same model whatever happens, or `recorded`, a chain that can be audited."""
        leaves_out = self.settings.quorum < 1.0 or self.pinned != ""  # files that are away, for good or for a round
        return "recorded" if leaves_out or self.settings.topology == "gossip" else "bits"

    @property
    def bits(self) -> str:
        """The fingerprint that a node must have to train this job; nothing where any will do."""
        return self.fingerprint if self.repro == "bits" else ""

    @property
    def rows(self) -> int:
        """All training rows: the N of the average."""
        return sum(f.rows for f in self.files)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Layer sizes, from the features to the classes."""
        hidden = () if self.settings.model == "softmax" else self.settings.hidden
        return self.features, *hidden, self.classes

    @property
    def design(self) -> Design:
        """The model that is trained."""
        return Design(self.sizes, self.settings.model, self.shape, self.settings.course)

    @property
    def class_weights(self) -> tuple[float, ...]:
        """Factors of each class's rows, such that all classes count the same; nothing where all rows do."""
        if self.settings.weighting == "none":
            return ()
        present = sum(rows > 0 for rows in self.class_rows)
        return tuple(sum(self.class_rows) / (present * rows) if rows else 0.0 for rows in self.class_rows)


def spec_from_bytes(content: bytes) -> JobSpec:
    """The spec that to_bytes wrote; it may come from anybody. Raises BadRecord, BadSpec."""
    try:
        raw = json.loads(content)
        settings = Settings(**raw["settings"] | {"hidden": tuple(raw["settings"]["hidden"])})
        files = tuple(_file(file) for file in raw["files"])
        lists = {name: tuple(raw[name]) for name in ("shape", "labels", "class_rows")}
        lists["homes"] = tuple(map(str, raw["homes"]))
        spec = JobSpec(**raw | lists | {"settings": settings, "files": files, "validation": _file(raw["validation"])})
        _check_numbers(spec)
        _check_classes(spec)
        return spec
    except (MLError, ValueError, TypeError, KeyError, AttributeError, RecursionError, Malformed) as error:
        raise BadRecord(f"a spec that is none: {error}") from error


def _file(raw: dict[str, Any]) -> TrainingFile:
    file = TrainingFile(**raw)
    check_name(file.name)
    if not all(isinstance(n, int) for n in (file.index, file.size_bytes, file.rows)) or file.rows < 1:
        raise TypeError(f"{file.name}: a number is none")
    if len(bytes.fromhex(file.digest)) != DIGEST_BYTES:
        raise ValueError(f"{file.name}: {file.digest} is no digest")
    return file


def _check_classes(spec: JobSpec) -> None:
    """What is said of the classes, and of the images. Raises TypeError, ValueError, MLError."""
    Design(spec.sizes, spec.settings.model, spec.shape, spec.settings.course)
    if not all(isinstance(label, str) and label.isprintable() for label in spec.labels):
        raise TypeError("labels are texts")
    if len(spec.labels) not in (0, spec.classes) or len(spec.class_rows) not in (0, spec.classes):
        raise ValueError(f"{len(spec.labels)} labels and {len(spec.class_rows)} counts for {spec.classes} classes")
    if not all(isinstance(rows, int) and rows >= 0 for rows in spec.class_rows):
        raise TypeError("rows of classes are numbers")
    if spec.settings.weighting != "none" and not any(spec.class_rows):
        raise ValueError("weighting needs the rows of each class")


def _check_numbers(spec: JobSpec) -> None:
    if not isinstance(spec.features, int) or not isinstance(spec.classes, int):
        raise TypeError("features and classes must be numbers")
    if not spec.files or [f.index for f in spec.files] != list(range(len(spec.files))):
        raise ValueError("files are counted from 0 on, and there is one at least")
    if not isinstance(spec.pinned, str):
        raise TypeError("what files are pinned under is a text")
    if not isinstance(spec.raw, bool):
        raise TypeError("raw is yes or no")
    if not isinstance(spec.detached, bool) or not isinstance(spec.nonce, str):
        raise TypeError("detached is yes or no, and a nonce is a text")
    for digest in (spec.initial, spec.fingerprint):
        if len(bytes.fromhex(digest)) not in (0, DIGEST_BYTES):
            raise ValueError(f"{digest} is no digest")
