"""FedAvg: the mean of all weights by rows is the new model.

McMahan, Moore, Ramage, Hampson, Agüera y Arcas, Communication-efficient learning of deep networks from
decentralized data, AISTATS 2017.
"""

from __future__ import annotations

from roundelay.federation.rules.vectors import Floats


def fedavg(mean: Floats) -> tuple[Floats, bytes]:
    """Return the mean; there is no state."""
    return mean, b""
