"""A rule: FedYogi (Reddi et al., Adaptive federated optimization, ICLR 2021, algorithm 2)."""

import numpy as np

from roundelay.federation.rules.vectors import pack, unpack

BETA1, BETA2, TAU = 0.9, 0.99, 1e-3


def fedyogi(base, mean, state, tuning):
    """Follow the mean change of a round as Yogi does; the state holds both moments."""
    first, second = unpack(state, 2, base.size)
    if not state:
        second = second + TAU**2
    change = mean.astype(np.float64) - base
    square = change * change
    first = BETA1 * first + (1 - BETA1) * change
    second = second - (1 - BETA2) * square * np.sign(second - square)
    state = pack(first, second)
    first, second = unpack(state, 2, base.size)  # rounded, as the next driver reads them
    return (base + tuning.server_eta * first / (np.sqrt(second) + TAU)).astype(np.float32), state
