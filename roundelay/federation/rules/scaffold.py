"""SCAFFOLD: FedAvg of trainings whose steps are corrected for the drift of each file.

Karimireddy, Kale, Mohri, Reddi, Stich, Suresh, SCAFFOLD: stochastic controlled averaging for federated learning, ICML
2020, algorithm 1 with option I and a global rate of 1; roundelay.ml.control_variates has the trainer's side. The server
keeps c, the mean gradient by rows at the weights before the round, and these weights, at which a trainer computes c_i
again. If files are missing in a round, c is the mean of those that took part in it.
"""

from __future__ import annotations

import numpy as np

from roundelay.federation.rules.vectors import Floats, pack


def scaffold(base: Floats, mean: Floats) -> tuple[Floats, bytes]:
    """Return the weights after a round, and its state: the weights before it, and c.

    mean: (2 * parameters,) of the files' weights, then of their gradients at `base`.
    """
    weights, gradient = np.split(mean, 2)  # (parameters,) each
    return weights, pack(base.astype(np.float64), gradient.astype(np.float64))
