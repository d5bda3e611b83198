"""A module as a user would write it, for `bench defaults`: needs the extra `torch`."""

from __future__ import annotations

from typing import Any

from torch import nn


def network(design: Any) -> Any:
    """Return a network with batch normalisation, and a hidden layer of its own size."""
    return nn.Sequential(
        nn.Linear(design.features, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, design.classes)
    )
