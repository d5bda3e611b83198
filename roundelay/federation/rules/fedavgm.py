"""FedAvgM: the mean change of a round is a gradient, which the server follows with momentum.

Hsu, Qi, Brown, Measuring the effects of non-identical data distribution for federated visual
classification, 2019 (arXiv 1909.06335).
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.vectors import Floats, pack, unpack


def fedavgm(base: Floats, mean: Floats, state: bytes, eta: float, momentum: float) -> tuple[Floats, bytes]:
    """Return base + eta * velocity, and the velocity: momentum * velocity + (mean - base)."""
    (velocity,) = unpack(state, 1, base.size)  # (parameters,)
    change = mean.astype(np.float64) - base.astype(np.float64)  # (parameters,)
    kept = pack(momentum * velocity + change)
    (velocity,) = unpack(kept, 1, base.size)  # (parameters,) rounded as in the state
    return (base.astype(np.float64) + eta * velocity).astype(np.float32), kept  # (parameters,)
