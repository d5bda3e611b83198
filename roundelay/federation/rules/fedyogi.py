"""FedYogi: FedAdam whose second moment moves by additions, so that one large change does not fade all at once.

Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar, McMahan, Adaptive federated optimization, ICLR 2021,
algorithm 2; beta1, beta2 and tau are the paper's.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.vectors import Floats, pack, unpack

BETA1, BETA2, TAU = 0.9, 0.99, 1e-3


def fedyogi(base: Floats, mean: Floats, state: bytes, eta: float) -> tuple[Floats, bytes]:
    """Return base + eta * first / (sqrt(second) + tau), and both moments; the second starts at tau^2.

    second = second - (1 - beta2) * change^2 * sign(second - change^2).
    """
    first, second = unpack(state, 2, base.size)  # (parameters,)
    if not state:
        second = second + TAU**2
    change = mean.astype(np.float64) - base.astype(np.float64)  # (parameters,)
    square = change * change  # (parameters,)
    second = second - (1 - BETA2) * square * np.sign(second - square)
    kept = pack(BETA1 * first + (1 - BETA1) * change, second)
    first, second = unpack(kept, 2, base.size)  # (parameters,) rounded as in the state
    step = eta * first / (np.sqrt(second) + TAU)  # (parameters,)
    return (base.astype(np.float64) + step).astype(np.float32), kept  # (parameters,)
