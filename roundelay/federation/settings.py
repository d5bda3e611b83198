"""The settings of a job. Each field has its setting's default, range and meaning.

Command lines, checks and forms are generated from the fields. Imports nothing that would slow --help down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from roundelay.federation.job_name import JOB_NAME, JOB_NAME_EXPECTED
from roundelay.federation.rules import RULES, Tuning, rule_of
from roundelay.federation.setting_fields import check_value, choice, named, number, option_of, plugin
from roundelay.federation.settings_conflicts import check_together
from roundelay.federation.topologies import TOPOLOGIES
from roundelay.ml.accountant import ACCOUNTANTS, epsilon, rounds_within
from roundelay.ml.choices import (
    ARITHMETICS,
    DROPOUT_MAX,
    ETA_MIN,
    KEPT_WEIGHTS,
    MODEL,
    MODELS,
    OPTIMIZERS,
    PERSONAL_METHODS,
    TASK_LOSS,
    UPDATE_CLIP_MAX,
    UPDATE_NOISE_MAX,
    ArithmeticName,
    PersonalMethod,
)

HALVINGS_MAX = 20  # of eta, in one job
SITES_MAX = 100_000.0  # of a quorum
WAIT_FOR_S, WEEK_S = 60.0, 7 * 24 * 3600.0
SUMMED_SITES_MAX = 100  # each site sends each other one share for each pair: the bytes grow with the square of it
SUMMED_SITES_MIN = 3  # with two, each could compute the other's update
PRIORITY, PRIORITY_MIN, PRIORITY_MAX = 1.0, 0.1, 10.0  # of a job: the default and the range
EVALUATE_CHOICES = ("client", "sites", "both")  # where a job on private data is validated
COMPRESSIONS = ("auto", "lossless", "int8", "int4", "topk")
# The policies of roundelay.federation.placement.
PLACEMENTS = ("hash", "replicas", "bounded", "round-robin", "random", "least-loaded", "near")


@dataclass(frozen=True)
class Settings:
    """The settings of a job, as the user chose them."""

    rounds: int = number(50, 1, 10_000, "rounds, at most: each trains every file once and averages")
    patience: int = field(
        default=0,
        metadata={
            "least": 0,
            "most": 10_000,
            "flag": "stop-when-no-better",
            "about": "end the job when the validation error has not fallen for this many rounds; 0: run all rounds",
        },
    )
    keep: str = choice("last", ("best", "last"), "the round whose model is kept: that of the lowest validation error")
    keep_weights: str = field(
        default="2",
        metadata={
            "about": "rounds whose weights stay on the ring: the last N and the kept one; best: also the best; or all",
            "pattern": KEPT_WEIGHTS,
            "expected": "all, best or a number of rounds, 2 or more",
        },
    )
    epochs: int = number(5, 1, 10_000, "passes over a file in each round")
    hidden: tuple[int, ...] = field(
        default=(256,),
        metadata={"least": 1, "most": 16_384, "about": "sizes of the hidden layers: 256, or 512,512", "layers_max": 8},
    )
    eta: float = number(0.2, ETA_MIN, 100.0, "learning rate; if it is not given, wide rows and adam get a smaller one")
    halvings: int = number(0, 0, HALVINGS_MAX, "how often eta may be halved, when a round diverges; 0: eta stands")
    batch: int = number(32, 1, 65_536, "rows in a step (gd takes all rows of a file)")
    clip: float = number(0.0, 0.0, 1e6, "largest norm of a step's gradient: longer ones are scaled down; 0: no limit")
    momentum: float = number(0.9, 0.0, 1.0, "momentum of sgd and gd")
    optimizer: str = plugin("optimizers", "sgd", OPTIMIZERS, "steps of local training (gd takes all rows at once)")
    loss: str = plugin(
        "losses", TASK_LOSS, (TASK_LOSS,), "what training minimises (the cross-entropy of classes, or squared error)"
    )
    seed: int = number(0, 0, 2**63 - 1, "the job's only source of randomness")
    name: str = field(
        default="",
        metadata={"about": "a name for the job, beside its id", "pattern": JOB_NAME, "expected": JOB_NAME_EXPECTED},
    )
    quorum: float = number(
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
    dropout: float = number(0.0, 0.0, DROPOUT_MAX, "fraction of the hidden units that each step leaves out")
    weighting: str = choice("none", ("none", "balanced"), "balanced: rare classes count as much as frequent ones")
    placement: str = plugin(
        "placements",
        "hash",
        PLACEMENTS,
        "which node trains a file (its owner; the fastest with a copy; the first with room; "
        "in turn; at random; the fastest of all; the fastest with a copy, by its round trip too)",
    )
    topology: str = plugin(
        "topologies",
        "star",
        TOPOLOGIES,
        "where updates are aggregated (at the driver, along a tree over the fingers, nowhere, "
        "or at the driver as they come)",
    )
    exchanges: int = number(8, 1, 1000, "gossip: exchanges of each node in a round")
    tiers: str = field(default="", metadata={"about": "tree: names of its levels in reports: top,middle,edge"})
    buffer: int = number(0, 0, 100_000, "buffered: fewest files whose updates a round takes; 0: a quarter of all files")
    max_staleness: int = number(
        100, 0, 10_000, "buffered: an update that started more rounds ago than this is thrown away"
    )
    fraction: float = number(1.0, 0.0, 1.0, "client sampling: fraction of the files in each round", above=True)
    rule: str = plugin("rules", "fedavg", tuple(RULES), "the server's step with a round's updates")
    mu: float = number(0.01, 0.0, 1000.0, "fedprox: weight of the proximal term")
    server_eta: float = number(
        0.0, 0.0, 100.0, "fedavgm, fedadam, fedyogi, fedadagrad: the server's learning rate (0: the rule's default)"
    )
    server_momentum: float = number(0.9, 0.0, 1.0, "fedavgm: the server's momentum")
    priority: float = number(
        PRIORITY,
        PRIORITY_MIN,
        PRIORITY_MAX,
        "the job's share of each node's time beside other jobs: 2 gets twice as much as 1",
    )
    fairness: float = number(0.1, 0.0, 10.0, "qfedavg: its q; the larger, the more files with a large loss count")
    malicious: float = number(
        0.2, 0.0, 0.5, "trimmed-mean, krum, multikrum, bulyan: share of the files that may be malicious"
    )
    norm_limit: float = number(
        0.0, 0.0, 1e6, "norm-clipping: largest norm of a file's update (0: the median of the round's norms)"
    )
    trusted: str = field(
        default="", metadata={"about": "fltrust: name of the training file whose update the others are compared with"}
    )
    verify: float = number(
        0.0, 0.0, 1.0, "share of the orders that a second node trains as well, to find nodes that return wrong results"
    )
    standardise: str = choice(
        "training",
        ("training", "validation"),
        "private data: rows whose means and deviations scale the inputs: training, for which sites tell sums; or those "
        "of the validation file",
    )
    dp_noise: float = number(
        0.0, 0.0, UPDATE_NOISE_MAX, "differential privacy: standard deviation of a round's noise, in --dp-clip; 0: none"
    )
    dp_clip: float = number(0.0, 0.0, UPDATE_CLIP_MAX, "differential privacy: largest L2 norm of a file's update")
    dp_delta: float = number(1e-5, 0.0, 0.1, "differential privacy: the delta of (epsilon, delta)", above=True)
    dp_epsilon: float = number(0.0, 0.0, 1e6, "end the job before more than this epsilon is spent; 0: only report it")
    dp_accountant: str = choice(
        "prv",
        ACCOUNTANTS,
        "differential privacy: computes epsilon from the distribution of the privacy loss (prv, the tighter one) or "
        "from Rényi divergences (rdp)",
    )
    dp_where: str = choice("central", ("central", "local"), "who adds the noise: the driver, or each site to its sum")
    secure_aggregation: bool = field(
        default=False,
        metadata={"about": "private data: only the sum of the sites' updates can be seen, also by the driver"},
    )
    secure_threshold: int = number(
        0, 0, SUMMED_SITES_MAX, "secure aggregation: fewest sites in a sum, more than half of all; 0: the fewest"
    )
    arithmetic: ArithmeticName = choice(
        "native",
        ARITHMETICS,
        "native: as fast as each machine computes, equal bits on equal processors and numpy; "
        "portable: equal bits on every processor, at less than half the speed",
    )
    compress: str = choice(
        "auto",
        COMPRESSIONS,
        "how weights and updates travel: auto, packed without loss on slow links; lossless, on all; int8, int4, topk: "
        "updates are rounded at random, to integers of about 8 or 4 bits or to few entries",
    )
    hide_below: int = number(
        10, 1, 1_000_000, "sites that hold out fewer rows than this are not shown by themselves, only in the sums"
    )
    personal: PersonalMethod = choice(
        "none",
        PERSONAL_METHODS,
        "private data: each site's own model: it keeps its last layer (head), or trains the shared model on, "
        "pulled back towards it (ditto) or not (fine-tune)",
    )
    personal_epochs: int = number(10, 1, 10_000, "--personal: passes over a site's rows that make its own model")
    ditto_lambda: float = number(0.1, 0.0, 1000.0, "--personal ditto: strength of the pull towards the shared model")
    course: bool = field(
        default=False,
        metadata={"flag": "course-trainer", "about": "the course trainer's arithmetic, in float64: gd on raw inputs"},
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            check_value(each, getattr(self, each.name))
            if isinstance(each.default, float):  # 1 and 1.0 are one setting: also in a job's id
                object.__setattr__(self, each.name, float(getattr(self, each.name)))
        check_together(self)

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

    @property
    def compresses(self) -> bool:
        """Whether what travels is packed on every link."""
        return self.compress != "auto"

    @property
    def rounds_updates(self) -> bool:
        """Whether updates are rounded to small integers."""
        return self.compress not in ("auto", "lossless")

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
    return option_of(named(Settings, name))


def check(name: str, value: Any) -> None:
    """Raise BadSpec unless the value is allowed for this setting."""
    check_value(named(Settings, name), value)
