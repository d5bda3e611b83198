"""The rules by name, as functions of the mean or as rules of single updates; others are plugins (roundelay.rules)."""

from __future__ import annotations

from functools import partial
from typing import Protocol, get_args

import numpy as np

from roundelay.federation.errors import BadSpec, WorkFailed
from roundelay.federation.rules import RULES, Needs, Tuning
from roundelay.federation.rules.bulyan import Bulyan
from roundelay.federation.rules.each import EachRule
from roundelay.federation.rules.fedadagrad import fedadagrad
from roundelay.federation.rules.fedadam import fedadam
from roundelay.federation.rules.fedavg import fedavg
from roundelay.federation.rules.fedavgm import fedavgm
from roundelay.federation.rules.fedprox import fedprox
from roundelay.federation.rules.fedyogi import fedyogi
from roundelay.federation.rules.fltrust import FLTrust
from roundelay.federation.rules.geometric_median import GeometricMedian
from roundelay.federation.rules.krum import Krum
from roundelay.federation.rules.median import Median
from roundelay.federation.rules.multikrum import MultiKrum
from roundelay.federation.rules.norm_clipping import NormClipping
from roundelay.federation.rules.qfedavg import QFedAvg
from roundelay.federation.rules.scaffold import scaffold
from roundelay.federation.rules.trimmed_mean import TrimmedMean
from roundelay.federation.rules.vectors import Floats
from roundelay.ml import plugins
from roundelay.ml.errors import printable


class Step(Protocol):
    """A rule of the sum (`needs = "sum"`, which need not be written).

    It must be a pure function: another driver may have to repeat it, bit for bit.
    """

    def __call__(self, base: Floats, mean: Floats, state: bytes, tuning: Tuning, /) -> tuple[Floats, bytes]:
        """Return the weights after a round, and the rule's state for the next one.

        `base` and `mean` (parameters,) are the weights before the round and the mean of all files' weights by rows;
        `state` is what the rule returned in the round before, at first b"" (`vectors` packs arrays into it);
        `tuning` holds --server-eta and --server-momentum.
        """
        ...


MEANS = ("fedavg", "fedprox", "fednova")  # whose step leads to the mean itself, which need not be whole in memory
STEPS: dict[str, Step] = {
    "fedavg": lambda base, mean, state, tuning: fedavg(mean),
    "fedprox": lambda base, mean, state, tuning: fedprox(mean),
    "fedavgm": lambda base, mean, state, tuning: fedavgm(base, mean, state, tuning.server_eta, tuning.server_momentum),
    "fedadam": lambda base, mean, state, tuning: fedadam(base, mean, state, tuning.server_eta),
    "fedyogi": lambda base, mean, state, tuning: fedyogi(base, mean, state, tuning.server_eta),
    "fedadagrad": lambda base, mean, state, tuning: fedadagrad(base, mean, state, tuning.server_eta),
    "fednova": lambda base, mean, state, tuning: fedavg(mean),  # the mean is of normalised updates
    "scaffold": lambda base, mean, state, tuning: scaffold(base, mean),  # the mean goes on with that of the gradients
}
EACH: dict[str, EachRule] = {
    "median": Median(),
    "trimmed-mean": TrimmedMean(),
    "krum": Krum(),
    "multikrum": MultiKrum(),
    "bulyan": Bulyan(),
    "geometric-median": GeometricMedian(),
    "norm-clipping": NormClipping(),
    "fltrust": FLTrust(),
    "qfedavg": QFedAvg(),
}


def needs_of(rule: str) -> Needs:
    """Return what a rule is computed from; a plugin says it by its attribute `needs`. Raises PluginUnknown, BadSpec."""
    if rule in RULES:
        return RULES[rule].needs
    needs = getattr(plugins.load("rules", rule), "needs", "sum")
    if needs not in get_args(Needs):
        raise BadSpec(f"--rule {rule} has needs = {printable(repr(needs), 40)}, expected 'sum' or 'each'")
    return "each" if needs == "each" else "sum"


def require_needs(rule: str, needs: Needs) -> None:
    """Raise WorkFailed if a rule is computed from something else here than where the job was started."""
    if needs_of(rule) != needs:
        raise WorkFailed(f"rule {rule} has needs = {needs_of(rule)!r} here, and {needs!r} where the job was started")


def each_rule_of(rule: str) -> EachRule:
    """Return a rule of single updates by its name. Raises PluginUnknown; WorkFailed if it is not one."""
    if rule in EACH:
        return EACH[rule]
    made = plugins.instance("rules", rule)
    if not isinstance(made, EachRule):
        raise WorkFailed(f"rule {rule} has needs = 'each' and is not a subclass of {EachRule.__name__} ({__package__})")
    return made


def step_of(rule: str) -> Step:
    """Return the step of a rule by its name. Raises PluginUnknown."""
    return STEPS.get(rule) or partial(_checked, rule, plugins.instance("rules", rule))


def _checked(rule: str, step: Step, base: Floats, mean: Floats, state: bytes, tuning: Tuning) -> tuple[Floats, bytes]:
    """Take the step of a plugin's rule. Raises WorkFailed for an error in it, or if it returns something else."""
    try:
        weights, kept = step(base.copy(), mean, state, tuning)  # it may change what it is given
        weights = np.asarray(weights, np.float32)
    except Exception as error:
        raise WorkFailed(f"rule {rule} failed: {type(error).__name__}: {printable(str(error))}") from error
    if weights.shape != base.shape or not isinstance(kept, bytes):
        raise WorkFailed(
            f"rule {rule} returned weights of {weights.shape} and a {type(kept).__name__}, "
            f"expected weights of {base.shape} and bytes"
        )
    return weights, kept
