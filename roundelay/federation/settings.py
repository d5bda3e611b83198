"""The settings of a job. Each field has its setting's default, range and meaning.

Command lines, checks and forms are generated from the fields. Imports nothing that would slow --help down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from roundelay.federation.errors import BadSpec
from roundelay.federation.job_name import JOB_NAME, JOB_NAME_EXPECTED
from roundelay.federation.rules import RULES, Tuning, rule_of
from roundelay.federation.topologies import TOPOLOGIES
from roundelay.ml.accountant import ACCOUNTANTS, epsilon, rounds_within
from roundelay.ml.choices import (
    ARITHMETICS,
    DROPOUT_MAX,
    ETA_MIN,
    KEPT_WEIGHTS,
    MODEL,
    MODELS,
    MODELS_WITH_HEAD,
    OPTIMIZERS,
    PERSONAL_METHODS,
    TASK_LOSS,
    UPDATE_CLIP_MAX,
    UPDATE_NOISE_MAX,
    ArithmeticName,
    OpenChoices,
    PersonalMethod,
)

HALVINGS_MAX = 20  # of eta, in one job
SITES_MAX = 100_000.0  # of a quorum
WAIT_FOR_S, WEEK_S = 60.0, 7 * 24 * 3600.0
SUMMED_SITES_MAX = 100  # each site sends each other one share for each pair: the bytes grow with the square of it
SUMMED_SITES_MIN = 3  # with two, each could compute the other's update
REQUIRE_CHARACTERS_MAX = 1 << 16
PRIORITY, PRIORITY_MIN, PRIORITY_MAX = 1.0, 0.1, 10.0  # of a job: the default and the range
EVALUATE_CHOICES = ("client", "sites", "both")  # where a job on private data is validated
COMPRESSIONS = ("auto", "lossless", "int8", "int4", "topk")
# The policies of roundelay.federation.placement.
PLACEMENTS = ("hash", "replicas", "bounded", "round-robin", "random", "least-loaded", "near")
_KINDS = {int: "a whole number", float: "a number", tuple: "whole numbers", str: "a word", bool: "yes or no"}


def _number(default: float, least: float, most: float, about: str, above: bool = False) -> Any:
    """Return the field of a number in a range; with `above`, `least` itself is excluded."""
    return field(default=default, metadata={"least": least, "most": most, "about": about, "above": above})


def _choice(default: str, choices: tuple[str, ...], about: str) -> Any:
    return field(default=default, metadata={"choices": choices, "about": about})


def _plugin(kind: str, default: str, choices: tuple[str, ...], about: str) -> Any:
    """Return the field of a name: one that ships, or MODULE:NAME of a plugin of this kind (roundelay.ml.plugins)."""
    about = f"{about}: {', '.join(choices)}, or MODULE:NAME"
    return field(default=default, metadata={"choices": OpenChoices(choices), "about": about, "plugin": kind})


@dataclass(frozen=True)
class Settings:
    """The settings of a job, as the user chose them."""

    rounds: int = _number(50, 1, 10_000, "rounds, at most: each trains every file once and averages")
    patience: int = field(
        default=0,
        metadata={
            "least": 0,
            "most": 10_000,
            "flag": "stop-when-no-better",
            "about": "end the job when the validation error has not fallen for this many rounds; 0: run all rounds",
        },
    )
    keep: str = _choice("last", ("best", "last"), "the round whose model is kept: that of the lowest validation error")
    keep_weights: str = field(
        default="2",
        metadata={
            "about": "rounds whose weights stay on the ring: the last N and the kept one; best: also the best; or all",
            "pattern": KEPT_WEIGHTS,
            "expected": "all, best or a number of rounds, 2 or more",
        },
    )
    epochs: int = _number(5, 1, 10_000, "passes over a file in each round")
    hidden: tuple[int, ...] = field(
        default=(256,),
        metadata={"least": 1, "most": 16_384, "about": "sizes of the hidden layers: 256, or 512,512", "layers_max": 8},
    )
    eta: float = _number(0.2, ETA_MIN, 100.0, "learning rate; if it is not given, wide rows and adam get a smaller one")
    halvings: int = _number(0, 0, HALVINGS_MAX, "how often eta may be halved, when a round diverges; 0: eta stands")
    batch: int = _number(32, 1, 65_536, "rows in a step (gd takes all rows of a file)")
    clip: float = _number(0.0, 0.0, 1e6, "largest norm of a step's gradient: longer ones are scaled down; 0: no limit")
    momentum: float = _number(0.9, 0.0, 1.0, "momentum of sgd and gd")
    optimizer: str = _plugin("optimizers", "sgd", OPTIMIZERS, "steps of local training (gd takes all rows at once)")
    loss: str = _plugin(
        "losses", TASK_LOSS, (TASK_LOSS,), "what training minimises (the cross-entropy of classes, or squared error)"
    )
    seed: int = _number(0, 0, 2**63 - 1, "the job's only source of randomness")
    name: str = field(
        default="",
        metadata={"about": "a name for the job, beside its id", "pattern": JOB_NAME, "expected": JOB_NAME_EXPECTED},
    )
    quorum: float = _number(
        1.0,
        0.0,
        SITES_MAX,
        "what a round needs if files are missing: a fraction of the rows or, of private data, a number of sites (2...)",
        above=True,
    )
    wait_for: float = field(
        default=WAIT_FOR_S,
        metadata={
            "least": 0.0,
            "most": WEEK_S,
            "about": "private data: how long a site is waited for before rounds go on without it (90, 10m, 2h)",
            "unit": "duration",
        },
    )
    require: str = field(
        default="", metadata={"about": "private data: sites without which no round ends, with commas between them"}
    )
    model: str = field(
        default="mlp",
        metadata={
            "about": f"{', '.join(MODELS)}, or MODULE:NAME on the nodes",
            "pattern": MODEL,
            "expected": "a name, or MODULE:NAME",
            "plugin": "models",
        },
    )
    dropout: float = _number(0.0, 0.0, DROPOUT_MAX, "fraction of the hidden units that each step leaves out")
    weighting: str = _choice("none", ("none", "balanced"), "balanced: rare classes count as much as frequent ones")
    placement: str = _plugin(
        "placements",
        "hash",
        PLACEMENTS,
        "which node trains a file (its owner; the fastest with a copy; the first with room; "
        "in turn; at random; the fastest of all; the fastest with a copy, by its round trip too)",
    )
    topology: str = _plugin(
        "topologies",
        "star",
        TOPOLOGIES,
        "where updates are aggregated (at the driver, along a tree over the fingers, nowhere, "
        "or at the driver as they come)",
    )
    exchanges: int = _number(8, 1, 1000, "gossip: exchanges of each node in a round")
    tiers: str = field(default="", metadata={"about": "tree: names of its levels in reports: top,middle,edge"})
    buffer: int = _number(
        0, 0, 100_000, "buffered: fewest files whose updates a round takes; 0: a quarter of all files"
    )
    max_staleness: int = _number(
        100, 0, 10_000, "buffered: an update that started more rounds ago than this is thrown away"
    )
    fraction: float = _number(1.0, 0.0, 1.0, "client sampling: fraction of the files in each round", above=True)
    rule: str = _plugin("rules", "fedavg", tuple(RULES), "the server's step with a round's updates")
    mu: float = _number(0.01, 0.0, 1000.0, "fedprox: weight of the proximal term")
    server_eta: float = _number(
        0.0, 0.0, 100.0, "fedavgm, fedadam, fedyogi, fedadagrad: the server's learning rate (0: the rule's default)"
    )
    server_momentum: float = _number(0.9, 0.0, 1.0, "fedavgm: the server's momentum")
    priority: float = _number(
        PRIORITY,
        PRIORITY_MIN,
        PRIORITY_MAX,
        "the job's share of each node's time beside other jobs: 2 gets twice as much as 1",
    )
    fairness: float = _number(0.1, 0.0, 10.0, "qfedavg: its q; the larger, the more files with a large loss count")
    malicious: float = _number(
        0.2, 0.0, 0.5, "trimmed-mean, krum, multikrum, bulyan: share of the files that may be malicious"
    )
    norm_limit: float = _number(
        0.0, 0.0, 1e6, "norm-clipping: largest norm of a file's update (0: the median of the round's norms)"
    )
    trusted: str = field(
        default="", metadata={"about": "fltrust: name of the training file whose update the others are compared with"}
    )
    verify: float = _number(
        0.0, 0.0, 1.0, "share of the orders that a second node trains as well, to find nodes that return wrong results"
    )
    standardise: str = _choice(
        "training",
        ("training", "validation"),
        "private data: rows whose means and deviations scale the inputs: training, for which sites tell sums; or those "
        "of the validation file",
    )
    dp_noise: float = _number(
        0.0, 0.0, UPDATE_NOISE_MAX, "differential privacy: standard deviation of a round's noise, in --dp-clip; 0: none"
    )
    dp_clip: float = _number(0.0, 0.0, UPDATE_CLIP_MAX, "differential privacy: largest L2 norm of a file's update")
    dp_delta: float = _number(1e-5, 0.0, 0.1, "differential privacy: the delta of (epsilon, delta)", above=True)
    dp_epsilon: float = _number(0.0, 0.0, 1e6, "end the job before more than this epsilon is spent; 0: only report it")
    dp_accountant: str = _choice(
        "prv",
        ACCOUNTANTS,
        "differential privacy: computes epsilon from the distribution of the privacy loss (prv, the tighter one) or "
        "from Rényi divergences (rdp)",
    )
    dp_where: str = _choice("central", ("central", "local"), "who adds the noise: the driver, or each site to its sum")
    secure_aggregation: bool = field(
        default=False,
        metadata={"about": "private data: only the sum of the sites' updates can be seen, also by the driver"},
    )
    secure_threshold: int = _number(
        0, 0, SUMMED_SITES_MAX, "secure aggregation: fewest sites in a sum, more than half of all; 0: the fewest"
    )
    arithmetic: ArithmeticName = _choice(
        "native",
        ARITHMETICS,
        "native: as fast as each machine computes, equal bits on equal processors and numpy; "
        "portable: equal bits on every processor, at less than half the speed",
    )
    compress: str = _choice(
        "auto",
        COMPRESSIONS,
        "how weights and updates travel: auto, packed without loss on slow links; lossless, on all; int8, int4, topk: "
        "updates are rounded at random, to integers of about 8 or 4 bits or to few entries",
    )
    hide_below: int = _number(
        10, 1, 1_000_000, "sites that hold out fewer rows than this are not shown by themselves, only in the sums"
    )
    personal: PersonalMethod = _choice(
        "none",
        PERSONAL_METHODS,
        "private data: each site's own model: it keeps its last layer (head), or trains the shared model on, "
        "pulled back towards it (ditto) or not (fine-tune)",
    )
    personal_epochs: int = _number(10, 1, 10_000, "--personal: passes over a site's rows that make its own model")
    ditto_lambda: float = _number(0.1, 0.0, 1000.0, "--personal ditto: strength of the pull towards the shared model")
    course: bool = field(
        default=False,
        metadata={"flag": "course-trainer", "about": "the course trainer's arithmetic, in float64: gd on raw inputs"},
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            check(each.name, getattr(self, each.name))
            if isinstance(each.default, float):  # 1 and 1.0 are one setting: also in a job's id
                object.__setattr__(self, each.name, float(getattr(self, each.name)))
        if self.course and (self.optimizer != "gd" or len(self.hidden) != 1):
            raise BadSpec("--course-trainer is a mode of --optimizer gd with one hidden layer")
        self._check_model()
        if self.tiers and self.topology != "tree":
            raise BadSpec(f"--tiers names the levels of --topology tree, not of {self.topology}")
        if self.tiers and not (self.tiers.isprintable() and all(self.tiers.split(",")) and len(self.tiers) <= 256):
            raise BadSpec(f"--tiers is {self.tiers[:80]!r}, expected names with commas between them")
        self._check_sites()
        self._check_gossip()
        self._check_buffered()
        self._check_verify()
        self._check_rule()
        self._check_secure_aggregation()
        self._check_differential_privacy()
        self._check_personal()
        self._check_compression()
        for each in fields(self):
            self._check_belongs(each.name, each.default)
        if self.course and self.proximal_mu:
            raise BadSpec("--course-trainer cannot be combined with --rule fedprox: its arithmetic is fixed")

    @property
    def required(self) -> tuple[str, ...]:
        """The sites without which no round ends."""
        return tuple(filter(None, self.require.split(",")))

    @property
    def proximal_mu(self) -> float:
        """The weight of the proximal term in local training: 0 unless the rule has one."""
        return self.mu if rule_of(self.rule).is_proximal else 0.0

    @property
    def tuning(self) -> Tuning:
        """The settings of the rule's step."""
        eta = self.server_eta or rule_of(self.rule).server_eta
        return Tuning(eta, self.server_momentum, self.malicious, self.norm_limit, self.fairness)

    def _check_model(self) -> None:
        """Raise BadSpec unless the model can be trained like this."""
        if self.course and (self.model != "mlp" or self.dropout or self.clip or self.weighting != "none"):
            raise BadSpec("--course-trainer trains an mlp, without --dropout, --clip and --weighting")
        if self.optimizer == "gd" and self.model not in ("mlp", "softmax"):
            raise BadSpec(f"--optimizer gd trains mlp and softmax, not {self.model}")
        if self.arithmetic == "portable" and self.course:
            raise BadSpec("--arithmetic portable cannot be combined with --course-trainer, whose arithmetic is fixed")
        if self.arithmetic == "portable" and ":" in self.model:
            raise BadSpec(
                f"--arithmetic portable computes mlp, softmax and cnn, not {self.model}, which does it itself"
            )
        self._check_own_steps()
        if self.proximal_mu and ":" in self.model:
            raise BadSpec(f"--rule fedprox trains mlp, softmax and cnn, not {self.model}, which makes its own steps")

    def _check_own_steps(self) -> None:
        """Raise BadSpec for an optimizer or a loss of a plugin that could not be used, or not be relied on."""
        for option_name, name in (("optimizer", self.optimizer), ("loss", self.loss)):
            if ":" in name and self.arithmetic == "portable":
                raise BadSpec(
                    f"--arithmetic portable cannot be combined with --{option_name} {name}: it computes itself"
                )
        if self.loss != TASK_LOSS and self.course:
            raise BadSpec("--course-trainer cannot be combined with --loss: its arithmetic is fixed")
        if self.loss != TASK_LOSS and ":" in self.model:
            raise BadSpec(f"--loss {self.loss} is for mlp, softmax and cnn, not for {self.model}, which has its own")

    def _check_sites(self) -> None:
        """Raise BadSpec for what says nothing about sites."""
        if self.quorum > 1.0 and not self.quorum.is_integer():
            raise BadSpec(f"--quorum is {self.quorum:g}, expected a fraction of the rows or a whole number of sites")
        if not (self.require.isprintable() or not self.require) or len(self.require) > REQUIRE_CHARACTERS_MAX:
            raise BadSpec(f"--require is {self.require[:80]!r}, expected names of sites with commas between them")

    def _check_gossip(self) -> None:
        """Raise BadSpec for settings that need a server, which gossip does not have."""
        if self.topology != "gossip":
            if self.exchanges != next(f.default for f in fields(self) if f.name == "exchanges"):
                raise BadSpec(f"--exchanges is for --topology gossip, not for {self.topology}")
        elif self.rule not in ("fedavg", "fedprox"):
            raise BadSpec(f"--topology gossip cannot be combined with --rule {self.rule}: no server holds its state")
        elif self.quorum != 1.0:
            raise BadSpec("--topology gossip cannot be combined with --quorum: it always goes on without lost nodes")

    def _check_buffered(self) -> None:
        """Raise BadSpec for what updates that are taken as they come exclude, or for their settings without them."""
        if self.topology != "buffered":
            defaults = {f.name: f.default for f in fields(self) if f.name in ("buffer", "max_staleness")}
            if given := [name for name, default in defaults.items() if getattr(self, name) != default]:
                raise BadSpec(f"{option(given[0])} is for --topology buffered, not for {self.topology}")
            return
        rule = rule_of(self.rule)
        reasons = {
            "--verify": "other nodes would repeat updates that the next rounds already build on" if self.verify else "",
            "--quorum": "its rounds wait for no file" if self.quorum != 1.0 else "",
            "--fraction": "--buffer says how many files a round takes" if self.fraction < 1.0 else "",
            "--halvings": "updates with the larger step are under way" if self.halvings else "",
            f"--placement {self.placement}": "a file is trained by its owner" if self.placement != "hash" else "",
            f"--rule {self.rule}": "" if rule.is_plain or rule.needs == "each" else "its updates are not plain sums",
            "--secure-aggregation": "each update enters its round by itself" if self.secure_aggregation else "",
            "--dp-noise": "its accountant counts whole rounds" if self.dp_noise else "",
        }
        for other, reason in reasons.items():
            if reason:
                raise BadSpec(f"--topology buffered cannot be combined with {other}: {reason}")

    def _check_verify(self) -> None:
        """Raise BadSpec for verification of what cannot be repeated, or is added up by other nodes."""
        if not self.verify:
            return
        if self.topology == "gossip":
            raise BadSpec("--verify cannot be combined with --topology gossip: its rounds cannot be repeated")
        if self.topology != "star":
            raise BadSpec(
                f"--verify needs --topology star, not {self.topology}: in a tree, nodes add up the sums of others, "
                "and it cannot be told which of them has added wrongly"
            )
        if self.quorum != 1.0:
            raise BadSpec("--verify cannot be combined with --quorum: a round without some files cannot be repeated")

    def _check_rule(self) -> None:
        """Raise BadSpec for a rule that cannot be had with the other settings."""
        rule = rule_of(self.rule)
        check_topology(self.rule, rule.needs, self.topology)
        has_plain_steps = self.optimizer in ("sgd", "gd") and not self.course and ":" not in self.model
        if rule.is_normalised and not has_plain_steps:
            raise BadSpec(
                f"--rule {self.rule} counts the steps of --optimizer sgd and gd in mlp, softmax and cnn, no others"
            )
        if rule.needs_gradients and not has_plain_steps:
            raise BadSpec(
                f"--rule {self.rule} corrects the steps of --optimizer sgd and gd in mlp, softmax and cnn, no others"
            )
        if "trusted" in rule.takes and not self.trusted:
            raise BadSpec(f"--rule {self.rule} needs --trusted NAME, the training file whose update is trusted")
        if "trusted" in rule.takes and self.fraction < 1.0:
            raise BadSpec(f"--rule {self.rule} cannot be combined with --fraction: each round needs the trusted file")

    def _check_secure_aggregation(self) -> None:
        """Raise BadSpec for what needs the updates of single sites."""
        if not self.secure_aggregation:
            if self.secure_threshold:
                raise BadSpec("--secure-threshold is for --secure-aggregation")
            return
        if self.verify:
            raise BadSpec("--secure-aggregation cannot be combined with --verify, which compares single updates")
        if self.fraction < 1.0:
            raise BadSpec("--secure-aggregation cannot be combined with --fraction: every site is in every sum")
        if self.topology == "gossip":
            raise BadSpec("--secure-aggregation cannot be combined with --topology gossip: nodes exchange models there")

    def _check_differential_privacy(self) -> None:
        """Raise BadSpec for settings of differential privacy that contradict each other, or others."""
        defaults = {f.name: f.default for f in fields(self) if f.name.startswith("dp_")}
        if not self.dp_noise:
            given = [name for name, default in defaults.items() if getattr(self, name) != default]
            if given:
                raise BadSpec(f"{option(given[0])} is for --dp-noise")
            return
        if not self.dp_clip:
            raise BadSpec("--dp-noise needs --dp-clip: noise is measured in the largest norm of an update")
        if self.dp_clip * self.dp_noise > UPDATE_CLIP_MAX:
            raise BadSpec(f"--dp-noise times --dp-clip is more than {UPDATE_CLIP_MAX:g}: it leaves the range of sums")
        if self.verify:
            raise BadSpec("--dp-noise cannot be combined with --verify: nobody can repeat secret noise")
        if self.topology != "star":
            raise BadSpec(f"--dp-noise needs --topology star, not {self.topology}")
        if self.halvings:
            raise BadSpec("--dp-noise cannot be combined with --halvings: each attempt would spend privacy")
        if self.weighting != "none":
            raise BadSpec("--dp-noise cannot be combined with --weighting: counts of classes tell of the rows")
        if self.course:
            raise BadSpec("--dp-noise cannot be combined with --course-trainer: its arithmetic is fixed")
        if self.dp_epsilon and not self.rounds_allowed:
            spent = self.epsilon_after(1)
            raise BadSpec(f"--dp-epsilon is {self.dp_epsilon:g}, and one round spends {spent:.4g}: use more --dp-noise")

    def _check_personal(self) -> None:
        """Raise BadSpec for models of sites that cannot be made, and for settings of those that are not."""
        takers = {"personal_epochs": PERSONAL_METHODS[1:], "ditto_lambda": ("ditto",)}
        for name, methods in takers.items():
            default = next(f.default for f in fields(self) if f.name == name)
            if getattr(self, name) != default and self.personal not in methods:
                raise BadSpec(f"{option(name)} is for --personal {' or '.join(methods)}, not for {self.personal}")
        if self.personal == "none":
            return
        if self.course:
            raise BadSpec("--personal cannot be combined with --course-trainer: its arithmetic is fixed")
        if self.personal == "head" and self.model not in MODELS_WITH_HEAD:
            raise BadSpec(
                f"--personal head is for {' and '.join(MODELS_WITH_HEAD)}: {self.model} cannot keep one layer"
            )
        if self.personal == "head" and rule_of(self.rule).needs_losses:
            raise BadSpec(
                f"--personal head cannot be combined with --rule {self.rule}, which compares losses: the shared model "
                "has no trained last layer"
            )
        if self.personal == "head" and rule_of(self.rule).needs_gradients:
            raise BadSpec(
                f"--personal head cannot be combined with --rule {self.rule}, which corrects steps by gradients of the "
                "whole model"
            )
        if self.personal == "ditto" and ":" in self.model:
            raise BadSpec(f"--personal ditto trains mlp, softmax and cnn, not {self.model}, which makes its own steps")

    @property
    def compresses(self) -> bool:
        """Whether what travels is packed on every link."""
        return self.compress != "auto"

    @property
    def rounds_updates(self) -> bool:
        """Whether updates are rounded to small integers."""
        return self.compress not in ("auto", "lossless")

    def _check_compression(self) -> None:
        """Raise BadSpec for what has no use for rounded updates, or contradicts them."""
        if not self.rounds_updates:
            return
        rule, named = rule_of(self.rule), f"--compress {self.compress} cannot be combined with"
        if self.secure_aggregation:
            raise BadSpec(f"{named} --secure-aggregation: masked integers are as long as any")
        if self.dp_noise:
            raise BadSpec(f"{named} --dp-noise: its noise is measured in the units of exact updates")
        if self.topology == "gossip":
            raise BadSpec(f"{named} --topology gossip: nodes exchange models there, and no updates")
        if self.topology == "buffered":
            raise BadSpec(f"{named} --topology buffered: late updates have the units of an earlier round")
        if not rule.is_plain:
            raise BadSpec(f"{named} --rule {self.rule}, which needs more than a sum of updates")
        if self.course:
            raise BadSpec(f"{named} --course-trainer: its arithmetic is fixed")

    @property
    def rounds_allowed(self) -> int:
        """The most rounds of the job: within its epsilon, if it has a limit."""
        if not self.dp_epsilon:
            return self.rounds
        return rounds_within(self.dp_epsilon, self.epsilon_after, self.rounds)

    @property
    def amplifying_fraction(self) -> float:
        """The probability that a file is in a round, where who observes the noise does not know which are."""
        return self.fraction if self.dp_where == "central" else 1.0

    def epsilon_after(self, rounds: int) -> float:
        """Return the epsilon that some rounds spend."""
        return epsilon(self.dp_accountant, self.dp_noise, rounds, self.dp_delta, self.amplifying_fraction)

    def _check_belongs(self, name: str, default: object) -> None:
        """Raise BadSpec for a setting of another rule: it would have no effect."""
        takers = [rule for rule, about in RULES.items() if name in about.takes]
        if takers and name not in rule_of(self.rule).takes and getattr(self, name) != default:
            raise BadSpec(f"{option(name)} is for --rule {' or '.join(takers)}, not for {self.rule}")


def check_topology(rule: str, needs: str, topology: str) -> None:
    """Raise BadSpec unless the topology gives what the rule needs."""
    if needs == "each" and topology != "star":
        raise BadSpec(
            f"--rule {rule} needs --topology star, not {topology}: it is computed from each file's update, "
            "and there nodes pass on only sums"
        )


def why_not_repeatable(topology: str, quorum: float, private: str, noise: float = 0.0) -> str:
    """Return why nobody can repeat such a job's rounds; empty if anybody can. private: the name of its private data."""
    reasons = {
        "private files never leave their node": private != "",
        "the noise of differential privacy is secret": noise > 0.0,
        "the additions of gossip have no order": topology == "gossip",
        f"with quorum {quorum:g} a round depends on which nodes were up": quorum < 1.0,
    }
    reason = next((reason for reason, holds in reasons.items() if holds), "")
    return f"the rounds of this job cannot be repeated: {reason}" if reason else ""


def plugin_names(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what these settings name that may be a plugin."""
    return tuple(given[each.name] for each in fields(Settings) if "plugin" in each.metadata and each.name in given)


def option(name: str) -> str:
    """Return the command-line option of a setting."""
    about = next(f for f in fields(Settings) if f.name == name).metadata
    return "--" + str(about.get("flag", name.replace("_", "-")))


def check(name: str, value: Any) -> None:
    """Raise BadSpec unless the value is allowed for this setting."""
    setting = next(f for f in fields(Settings) if f.name == name)
    about = setting.metadata
    if not _is_like(value, setting.default):
        raise BadSpec(f"{option(name)} is {value!r}, expected {_KINDS[type(setting.default)]}")
    if "pattern" in about and not about["pattern"].fullmatch(value):
        raise BadSpec(f"{option(name)} is {value[:80]!r}, expected {about['expected']}")
    if "choices" in about and value not in about["choices"]:
        more = ", MODULE:NAME" if "plugin" in about else ""
        raise BadSpec(f"{option(name)} is {value[:80]}, expected one of {', '.join(about['choices'])}{more}")
    if "layers_max" in about and not 1 <= len(value) <= about["layers_max"]:
        raise BadSpec(f"{option(name)} names {len(value)} layers, expected 1 to {about['layers_max']}")
    if "least" in about:
        for number in value if isinstance(value, tuple) else (value,):
            low = number <= about["least"] if about.get("above") else number < about["least"]
            if low or not number <= about["most"]:
                instead = "; --model softmax has no hidden layer" if (name, number) == ("hidden", 0) else ""
                allowed = f"more than {about['least']}, at most" if about.get("above") else f"{about['least']} to"
                raise BadSpec(f"{option(name)} is {number}, expected {allowed} {about['most']}{instead}")


def _is_like(value: Any, default: Any) -> bool:
    """Return whether the value is of the default's kind: an int may stand for a float, a bool for neither."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(_is_like(each, default[0]) for each in value)
    kinds: tuple[type, ...] = (int, float) if isinstance(default, float) else (type(default),)
    return isinstance(value, kinds) and isinstance(value, bool) == isinstance(default, bool)
