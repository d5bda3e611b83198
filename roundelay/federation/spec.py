"""A job's spec: its settings and its files. The same spec gives the same model, bit for bit."""

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
    detached: bool = False  # no client waits for it: the owner of its key drives it from the start
    fingerprint: str = ""  # of the arithmetic at the job's shapes: roundelay.ml.fingerprint
    shape: tuple[int, ...] = ()  # channels, height, width of a row that is an image
    labels: tuple[str, ...] = ()  # names of the classes; empty: their numbers
    class_rows: tuple[int, ...] = ()  # training rows of each class, if weighting needs them
    pinned: str = ""  # name of the private data that it trains on; empty: files are placed
    homes: tuple[str, ...] = ()  # of private files: the address of the node that has each
    raw: bool = False  # inputs are not standardised: nodes train by Flower clients, whose rows no other node sees

    def __post_init__(self) -> None:
        if self.pinned and self.settings.placement != "hash":
            raise BadSpec(
                f"--private cannot be combined with --placement {self.settings.placement}: "
                "private files stay on their node"
            )
        if self.pinned and self.settings.weighting != "none":
            raise BadSpec(
                f"--private cannot be combined with --weighting {self.settings.weighting}: "
                "the classes of private files are not published"
            )
        if len(self.homes) != (len(self.files) if self.pinned else 0):
            raise BadSpec(f"{len(self.homes)} homes for {len(self.files)} files")

    @cached_property
    def job(self) -> str:
        """The job's id: a digest of the whole spec."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    @property
    def repro(self) -> str:
        """The job's promise: `bits`, the same model whatever fails, or `recorded`, a chain that can be audited."""
        may_leave_out = self.settings.quorum < 1.0 or self.pinned != ""  # files of nodes that are away
        return "recorded" if may_leave_out or self.settings.topology == "gossip" else "bits"

    @property
    def bits(self) -> str:
        """The fingerprint that a node must have to train this job; empty if any will do."""
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
        """The weight of each class's rows, so that all classes count the same; empty if all rows do."""
        if self.settings.weighting == "none":
            return ()
        present = sum(rows > 0 for rows in self.class_rows)
        return tuple(sum(self.class_rows) / (present * rows) if rows else 0.0 for rows in self.class_rows)


def spec_from_bytes(content: bytes) -> JobSpec:
    """Parse a spec, which may come from an untrusted node. Raises BadRecord, BadSpec."""
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
        raise BadRecord(f"malformed spec: {error}") from error


def _file(raw: dict[str, Any]) -> TrainingFile:
    file = TrainingFile(**raw)
    check_name(file.name)
    if not all(isinstance(n, int) for n in (file.index, file.size_bytes, file.rows)) or file.rows < 1:
        raise TypeError(f"{file.name}: index, size and rows must be whole numbers, with at least one row")
    if len(bytes.fromhex(file.digest)) != DIGEST_BYTES:
        raise ValueError(f"{file.name}: {file.digest} is not a digest")
    return file


def _check_classes(spec: JobSpec) -> None:
    """Check a spec's classes and images. Raises TypeError, ValueError, MLError."""
    Design(spec.sizes, spec.settings.model, spec.shape, spec.settings.course)
    if not all(isinstance(label, str) and label.isprintable() for label in spec.labels):
        raise TypeError("labels must be printable texts")
    if len(spec.labels) not in (0, spec.classes) or len(spec.class_rows) not in (0, spec.classes):
        raise ValueError(f"{len(spec.labels)} labels and {len(spec.class_rows)} counts for {spec.classes} classes")
    if not all(isinstance(rows, int) and rows >= 0 for rows in spec.class_rows):
        raise TypeError("rows of classes must be numbers, not negative")
    if spec.settings.weighting != "none" and not any(spec.class_rows):
        raise ValueError("weighting needs the rows of each class")


def _check_numbers(spec: JobSpec) -> None:
    if not isinstance(spec.features, int) or not isinstance(spec.classes, int):
        raise TypeError("features and classes must be numbers")
    if not spec.files or [f.index for f in spec.files] != list(range(len(spec.files))):
        raise ValueError("files must be numbered from 0 on, and there must be at least one")
    if not isinstance(spec.pinned, str):
        raise TypeError("pinned, the name of private data, must be a text")
    if not isinstance(spec.raw, bool):
        raise TypeError("raw must be true or false")
    if not isinstance(spec.detached, bool) or not isinstance(spec.nonce, str):
        raise TypeError("detached must be true or false, and nonce a text")
    for digest in (spec.initial, spec.fingerprint):
        if len(bytes.fromhex(digest)) not in (0, DIGEST_BYTES):
            raise ValueError(f"{digest} is not a digest")
