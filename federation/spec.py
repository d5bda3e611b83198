"""What a job is: the settings that a user chooses, and the files that they apply to.

Every setting's default, range and meaning stand in its field; command lines, checks and forms
are made from them. A spec is a value: the same spec trains the same model, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from chord.errors import Malformed
from chord.names import check_name
from federation.errors import BadRecord, BadSpec
from federation.placement import POLICIES
from federation.rules import RULES, Tuning
from federation.topologies import TOPOLOGIES
from federation.work import TrainingFile
from ml.errors import MLError
from ml.task import DROPOUT_MAX, ETA_MIN, MODEL, Design, Optimizer

DIGEST_BYTES = 32
_KINDS = {int: "a whole number", float: "a number", tuple: "whole numbers", str: "a word", bool: "yes or no"}


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
    eta: float = _number(0.2, ETA_MIN, 100.0, "learning rate")
    batch: int = _number(32, 1, 65_536, "rows in a step (gd takes all rows of a file)")
    momentum: float = _number(0.9, 0.0, 1.0, "momentum of sgd and gd")
    optimizer: Optimizer = _choice("sgd", ("sgd", "adam", "gd"), "minibatch sgd, adam, or full-batch gd")
    seed: int = _number(0, 0, 2**63 - 1, "everything random in a job comes from it")
    quorum: float = _number(1.0, 0.0, 1.0, "part of the rows that suffices where files are missing", above=True)
    model: str = field(
        default="mlp", metadata={"about": "mlp, softmax, cnn, or MODULE:NAME on the nodes", "pattern": MODEL}
    )
    dropout: float = _number(0.0, 0.0, DROPOUT_MAX, "part of the hidden units that each step leaves out")
    weighting: str = _choice("none", ("none", "balanced"), "balanced: rare classes count as much as frequent ones")
    placement: str = _choice("hash", tuple(POLICIES), "who trains a file: its owner; the least loaded of its copies; "
                             "the next node that is not full; in turn; anybody; whoever will be done first")
    topology: str = _choice("star", TOPOLOGIES, "who adds: the driver, the nodes on the way to it, or nobody")
    exchanges: int = _number(8, 1, 1000, "gossip: how often in a round each node gives half of what it holds away")
    tiers: str = field(default="", metadata={"about": "tree: names of its levels for the report: top,middle,edge"})
    fraction: float = _number(1.0, 0.0, 1.0, "part of the files that takes part in a round, drawn anew", above=True)
    rule: str = _choice("fedavg", tuple(RULES), "what becomes of a round's mean")
    mu: float = _number(0.01, 0.0, 1000.0, "fedprox: how strongly local weights are pulled back")
    server_eta: float = _number(0.0, 0.0, 100.0, "fedavgm, fedadam: the server's learning rate (0: the rule's own)")
    server_momentum: float = _number(0.9, 0.0, 1.0, "fedavgm: the server's momentum")
    course: bool = field(
        default=False,
        metadata={"flag": "course-trainer", "about": "the course trainer's arithmetic, in float64: gd on raw inputs"},
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            check(each.name, getattr(self, each.name))
        if self.course and (self.optimizer != "gd" or len(self.hidden) != 1):
            raise BadSpec("--course-trainer is a mode of --optimizer gd with one hidden layer")
        self._check_model()
        if self.tiers and self.topology != "tree":
            raise BadSpec(f"--tiers names the levels of --topology tree, not of {self.topology}")
        if self.tiers and not (self.tiers.isprintable() and all(self.tiers.split(",")) and len(self.tiers) <= 256):
            raise BadSpec(f"--tiers is {self.tiers[:80]!r}, expected names with commas between them")
        self._check_gossip()
        for each in fields(self):
            self._check_belongs(each.name, each.default)
        if self.course and self.proximal_mu:
            raise BadSpec("--course-trainer and --rule fedprox exclude one another: its arithmetic is fixed")

    @property
    def proximal_mu(self) -> float:
        """How strongly local trainings are pulled towards the weights they began with: 0 unless the rule does that."""
        return self.mu if RULES[self.rule].is_proximal else 0.0

    @property
    def tuning(self) -> Tuning:
        """What the rule is told."""
        return Tuning(self.server_eta or RULES[self.rule].server_eta, self.server_momentum)

    def _check_model(self) -> None:
        """Not every model is trained in every way. Raises BadSpec."""
        if self.course and (self.model != "mlp" or self.dropout or self.weighting != "none"):
            raise BadSpec("--course-trainer trains an mlp, without --dropout and --weighting")
        if self.optimizer == "gd" and self.model not in ("mlp", "softmax"):
            raise BadSpec(f"--optimizer gd trains mlp and softmax, not {self.model}")
        if self.proximal_mu and ":" in self.model:
            raise BadSpec(f"--rule fedprox trains mlp, softmax and cnn, not {self.model}, which may step as it likes")

    def _check_gossip(self) -> None:
        """Where nobody adds, nobody can hold what a server holds, nor count how much is missing. Raises BadSpec."""
        if self.topology != "gossip":
            if self.exchanges != next(f.default for f in fields(self) if f.name == "exchanges"):
                raise BadSpec(f"--exchanges is for --topology gossip, not for {self.topology}")
        elif self.rule not in ("fedavg", "fedprox"):
            raise BadSpec(f"--topology gossip and --rule {self.rule} exclude one another: nobody holds its state")
        elif self.quorum < 1.0:
            raise BadSpec("--topology gossip and --quorum exclude one another: who is lost is always left out")

    def _check_belongs(self, name: str, default: object) -> None:
        """A setting that only some rules take is not set with another: it would do nothing. Raises BadSpec."""
        takers = [rule for rule, about in RULES.items() if name in about.takes]
        if takers and self.rule not in takers and getattr(self, name) != default:
            raise BadSpec(f"{option(name)} is for --rule {' or '.join(takers)}, not for {self.rule}")


def option(name: str) -> str:
    """The command line's word for a setting."""
    about = next(f for f in fields(Settings) if f.name == name).metadata
    return "--" + str(about.get("flag", name.replace("_", "-")))


def check(name: str, value: Any) -> None:
    """Is this value allowed for the setting of that name? Raises BadSpec."""
    setting = next(f for f in fields(Settings) if f.name == name)
    about = setting.metadata
    if not _is_like(value, setting.default):
        raise BadSpec(f"{option(name)} is {value!r}, expected {_KINDS[type(setting.default)]}")
    if "pattern" in about and not about["pattern"].fullmatch(value):
        raise BadSpec(f"{option(name)} is {value[:80]!r}, expected a name, or MODULE:NAME")
    if "choices" in about and value not in about["choices"]:
        raise BadSpec(f"{option(name)} is {value}, expected one of {', '.join(about['choices'])}")
    if "layers_max" in about and not 1 <= len(value) <= about["layers_max"]:
        raise BadSpec(f"{option(name)} names {len(value)} layers, expected 1 to {about['layers_max']}")
    if "least" in about:
        for number in value if isinstance(value, tuple) else (value,):
            low = number <= about["least"] if about.get("above") else number < about["least"]
            if low or not number <= about["most"]:
                bound = "more than" if about.get("above") else "from"
                raise BadSpec(f"{option(name)} is {number}, expected {bound} {about['least']} to {about['most']}")


def _is_like(value: Any, default: Any) -> bool:
    """Is it of the same kind? A whole number will do for a number; a yes or no is none."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(_is_like(each, default[0]) for each in value)
    kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
    return isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)


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
    fingerprint: str = ""  # of the arithmetic that the job began with: ml.fingerprint at its shapes
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
            raise BadSpec(f"--pinned and --weighting {self.settings.weighting} exclude one another: "
                          "nobody is told which classes the files hold")
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
