"""The rules as functions, by name; those that do not ship are plugins, of the group roundelay.rules."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np

from roundelay.federation.errors import WorkFailed
from roundelay.federation.rules import Tuning
from roundelay.federation.rules.fedadam import fedadam
from roundelay.federation.rules.fedavg import fedavg
from roundelay.federation.rules.fedavgm import fedavgm
from roundelay.federation.rules.fedprox import fedprox
from roundelay.federation.rules.vectors import Floats
from roundelay.ml import plugins
from roundelay.ml.errors import printable


class Step(Protocol):
    """A server aggregation rule. It must be a pure function: another driver may have to repeat it, bit for bit."""

    def __call__(self, base: Floats, mean: Floats, state: bytes, tuning: Tuning, /) -> tuple[Floats, bytes]:
        """Return the weights after a round, and the rule's state for the next one.

        `base` and `mean` (parameters,) are the weights before the round and the mean of all files' weights by rows;
        `state` is what the rule returned in the round before, at first b"" (`vectors` packs arrays into it);
        `tuning` holds --server-eta and --server-momentum.
        """
        ...


STEPS: dict[str, Step] = {
    "fedavg": lambda base, mean, state, tuning: fedavg(mean),
    "fedprox": lambda base, mean, state, tuning: fedprox(mean),
    "fedavgm": lambda base, mean, state, tuning: fedavgm(base, mean, state, tuning.server_eta, tuning.server_momentum),
    "fedadam": lambda base, mean, state, tuning: fedadam(base, mean, state, tuning.server_eta),
}


def step_of(rule: str) -> Step:
    """Return the step of a rule by its name. Raises PluginUnknown."""
    return STEPS.get(rule) or partial(_checked, rule, plugins.instance("rules", rule))


def _checked(rule: str, step: Step, base: Floats, mean: Floats, state: bytes, tuning: Tuning) -> tuple[Floats, bytes]:
    """Take the step of a plugin's rule. Raises WorkFailed for an error in it, or if it returns something else."""
    try:
        weights, kept = step(base, mean, state, tuning)
        weights = np.asarray(weights, np.float32)
    except Exception as error:
        raise WorkFailed(f"rule {rule} failed: {type(error).__name__}: {printable(str(error))}") from error
    if weights.shape != base.shape or not isinstance(kept, bytes):
        raise WorkFailed(
            f"rule {rule} returned weights of {weights.shape} and a {type(kept).__name__}, "
            f"expected weights of {base.shape} and bytes"
        )
    return weights, kept
