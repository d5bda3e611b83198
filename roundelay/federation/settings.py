"""What a user chooses for a job: every setting's default, range and meaning stand in its field.

Command lines, checks and forms are made from them. Imports nothing that --help would have to wait for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from roundelay.federation.errors import BadSpec
from roundelay.federation.rules import RULES, Tuning
from roundelay.federation.topologies import TOPOLOGIES
from roundelay.ml.choices import DROPOUT_MAX, ETA_MIN, MODEL, Optimizer

# Who trains a file: the names of what roundelay.federation.placement does.
PLACEMENTS = ("hash", "replicas", "bounded", "round-robin", "random", "least-loaded")
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
    placement: str = _choice(
        "hash",
        PLACEMENTS,
        "who trains a file: its owner; the least loaded of its copies; "
        "the next node that is not full; in turn; anybody; whoever will be done first",
    )
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
