"""The rules as functions, by name: weights before, mean, state, tuning -> weights after, state."""

from __future__ import annotations

from collections.abc import Callable

from roundelay.federation.rules import Tuning
from roundelay.federation.rules.fedadam import fedadam
from roundelay.federation.rules.fedavg import fedavg
from roundelay.federation.rules.fedavgm import fedavgm
from roundelay.federation.rules.fedprox import fedprox
from roundelay.federation.rules.vectors import Floats

Step = Callable[[Floats, Floats, bytes, Tuning], tuple[Floats, bytes]]

STEPS: dict[str, Step] = {
    "fedavg": lambda base, mean, state, tuning: fedavg(mean),
    "fedprox": lambda base, mean, state, tuning: fedprox(mean),
    "fedavgm": lambda base, mean, state, tuning: fedavgm(base, mean, state, tuning.server_eta, tuning.server_momentum),
    "fedadam": lambda base, mean, state, tuning: fedadam(base, mean, state, tuning.server_eta),
}
