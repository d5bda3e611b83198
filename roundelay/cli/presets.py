"""Settings to begin with, for what a user leaves open: measured ones, by data and model.

They were chosen on the rows that docs/datasets.md measures on, not on rows of their own: its figures flatter them.
Letters and tables take the defaults of roundelay.federation.spec. Images have many features and need fewer rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OBJECTS: Mapping[str, Mapping[str, Any]] = {  # many classes, equally frequent
    "mlp": {"rounds": 12, "epochs": 3, "hidden": (128,), "eta": 0.05},
    "softmax": {"rounds": 12, "epochs": 3, "eta": 0.02},
    "cnn": {"rounds": 12, "epochs": 3, "hidden": (64,), "eta": 0.02},
}
_FINDINGS: Mapping[str, Mapping[str, Any]] = {  # few classes, one of them rare: X-rays
    "mlp": {"rounds": 12, "epochs": 3, "hidden": (256,), "eta": 0.01, "dropout": 0.5, "weighting": "balanced"},
    "softmax": {"rounds": 12, "epochs": 3, "eta": 0.01, "weighting": "balanced"},
    "cnn": {"rounds": 10, "epochs": 2, "hidden": (64,), "eta": 0.01, "dropout": 0.3, "weighting": "balanced"},
}
_BY_KIND = {"mnist": _OBJECTS, "cifar10": _OBJECTS, "images": _FINDINGS, "npz": _FINDINGS}


def recommended(kind: str, model: str) -> Mapping[str, Any]:
    """What to set where nothing else was asked for. A model of somebody else's is given what suits a cnn."""
    by_model = _BY_KIND.get(kind, {})
    return by_model.get(model, by_model.get("cnn", {}))
