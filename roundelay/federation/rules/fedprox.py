"""FedProx: FedAvg over local trainings that minimise loss + mu / 2 |w - w_global|^2.

Li, Sahu, Zaheer, Sanjabi, Talwalkar, Smith, Federated optimization in heterogeneous networks, MLSys 2020.
The proximal term is the trainer's (ml/optimizers.py); the server's step is FedAvg's.
"""

from __future__ import annotations

from roundelay.federation.rules.vectors import Floats


def fedprox(mean: Floats) -> tuple[Floats, bytes]:
    """Return the mean; there is no state."""
    return mean, b""
