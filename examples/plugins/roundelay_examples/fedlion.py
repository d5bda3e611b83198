"""A rule of the sum: Lion on the server (Chen et al., Symbolic discovery of optimization algorithms, 2023)."""

import numpy as np

from roundelay.federation.rules.vectors import pack, unpack

BETA1, BETA2 = 0.9, 0.99


def fedlion(base, mean, state, tuning):
    """Follow the sign of the mean changes so far; the state holds their moving average."""
    (average,) = unpack(state, 1, base.size)
    change = mean.astype(np.float64) - base
    step = np.sign(BETA1 * average + (1 - BETA1) * change)
    state = pack(BETA2 * average + (1 - BETA2) * change)
    return (base + tuning.server_eta * step).astype(np.float32), state
