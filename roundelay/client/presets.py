"""Settings for what a user leaves open: they follow from the data and the model, or from a preset by name.

`recommended` knows what a job knows before round 1: rows in a file, features, classes, model. The format of the files
has no influence. Decision 19 and docs/results/defaults.md say how its numbers were found. The presets are settings of
published figures; those of images were tuned on the test rows that docs/datasets.md reports on, so its figures
flatter them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log2, sqrt
from typing import Any

from roundelay.client.job_input import JobInput
from roundelay.client.requests import PRESETS
from roundelay.federation.setting_texts import show
from roundelay.federation.settings import Settings, option
from roundelay.federation.spec import BUFFERED_SHARE

FEATURES_OF_DEFAULT = 16  # of the letters, on which the default learning rate was chosen
FEATURES_MAX = 500  # up to which the learning rate falls: wider rows learn less with smaller steps (decision 19)
FEATURES_MAX_OF_FEW_ROWS = 128  # the same, of more features than training rows
WIDTH_OF_DEFAULT = 256  # of hidden layers that follow one another, up to which they do not limit the learning rate
ETA_OF_SGD, ETA_OF_ADAM, ETA_OF_CNN = 0.2, 0.001, 0.02
ETA_OF_REGRESSION = 0.02  # the squared error is steeper than the cross-entropy (decision 19)
CLIP = 4.0
PATIENCE, HALVINGS = 12, 10
ROUNDS = 100  # at most, of a job that stops when no better: 50 end many of them too early (decision 19)
BATCH_MIN, BATCH_MAX = 32, 128
DROPOUT = 0.2
EPOCHS = ((4_000, 5), (16_000, 2))  # up to this many rows in a file: passes in a round; 1 beyond

_OBJECTS: Mapping[str, Mapping[str, Any]] = {  # many classes, equally frequent
    "mlp": {"rounds": 12, "epochs": 3, "hidden": (128,), "eta": 0.05},
    "softmax": {"rounds": 12, "epochs": 3, "eta": 0.02},
    "cnn": {"rounds": 12, "epochs": 3, "hidden": (64,), "eta": 0.02},
}
_FINDINGS: Mapping[str, Mapping[str, Any]] = {  # few classes, one of them rare
    "mlp": {"rounds": 12, "epochs": 3, "hidden": (256,), "eta": 0.01, "dropout": 0.5, "weighting": "balanced"},
    "softmax": {"rounds": 12, "epochs": 3, "eta": 0.01, "weighting": "balanced"},
    "cnn": {"rounds": 10, "epochs": 2, "hidden": (64,), "eta": 0.01, "dropout": 0.3, "weighting": "balanced"},
}
_LETTERS = {"rounds": 50, "epochs": 5, "hidden": (256,), "eta": 0.2, "batch": 32}
_COURSE = {"rounds": 1, "epochs": 250, "hidden": (20,), "eta": 0.0001, "momentum": 0.7, "course": True}


def preset(name: str, model: str) -> Mapping[str, Any]:
    """Return the published settings of this name for a model: exactly these rounds, and the last one is kept."""
    by_model = {"mnist": _OBJECTS, "cifar10": _OBJECTS, "xray": _FINDINGS}
    if name in by_model:
        return by_model[name].get(model, by_model[name]["cnn"])  # a model that does not ship gets the settings of a cnn
    assert name in PRESETS
    return _LETTERS if name == "letters" else _COURSE


def recommended(data: JobInput, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings for a job's data, to be overridden by those that are given."""
    if given.get("course"):
        return {}  # exactly the rounds and the arithmetic that were asked for
    if data.raw:
        return {"keep": "best"} if "keep" not in given else {}  # Flower clients train in their own way
    model, optimizer = given.get("model", "mlp"), given.get("optimizer", "sgd")
    ours = model in ("mlp", "softmax")
    batch = batch_for(data) if ours else BATCH_MIN
    buffered = given.get("topology") == "buffered"  # its steps are not halved, and a round takes a part of the files
    most = ETA_OF_SGD if data.classes else ETA_OF_REGRESSION
    layers = given.get("hidden", Settings.hidden) if model == "mlp" else ()
    sgd_eta = eta_for(data.features, most, layers, features_max_for(data))
    patience = 0 if given.get("keep") == "last" else PATIENCE * (BUFFERED_SHARE if buffered else 1)
    noisy = bool(given.get("dp_noise"))  # each round, and each attempt at one, spends privacy
    stops = given.get("patience", patience) and not buffered and not noisy
    return {
        **({"rounds": ROUNDS} if stops else {}),
        "keep": "best",
        "patience": patience,
        "halvings": 0 if "eta" in given or buffered or noisy else HALVINGS,
        "eta": ETA_OF_ADAM if optimizer == "adam" else ETA_OF_CNN if model == "cnn" else sgd_eta,
        "clip": 0.0 if "eta" in given else CLIP,
        "batch": batch,
        "epochs": next((epochs for rows, epochs in EPOCHS if rows_a_file(data) <= rows), 1),
        "dropout": DROPOUT if model == "mlp" and batch > BATCH_MIN else 0.0,
    }


def features_max_for(data: JobInput) -> int:
    """Return the number of features up to which the learning rate falls."""
    return FEATURES_MAX_OF_FEW_ROWS if data.features > sum(file.rows for file in data.files) else FEATURES_MAX


def eta_for(features: int, most: float, hidden: Sequence[int], features_max: int) -> float:
    """Return the learning rate of SGD for rows of this width and these hidden layers, to three digits.

    Standardised rows have a squared length of about the number of features, and so have the steps that they cause. The
    same is true of what one wide hidden layer passes on to another. Beyond `features_max` the bound on a gradient's
    norm keeps the steps small enough.
    """
    width = max((sqrt(a * b) for a, b in pairwise(hidden)), default=0.0)
    of_rows = sqrt(FEATURES_OF_DEFAULT / min(max(features, FEATURES_OF_DEFAULT), features_max))
    of_layers = sqrt(WIDTH_OF_DEFAULT / max(width, WIDTH_OF_DEFAULT))
    return float(f"{most * of_rows * of_layers:.3g}")


def batch_for(data: JobInput) -> int:
    """Return the rows of a step: about twice the rows that a class has in a file, to the nearest power of two."""
    if not data.classes:
        return BATCH_MIN
    rows = max(1.0, 2 * rows_a_file(data) / data.classes)
    return int(min(BATCH_MAX, max(BATCH_MIN, 2 ** round(log2(rows)))))


def rows_a_file(data: JobInput) -> int:
    """Return the mean rows of a training file."""
    return sum(file.rows for file in data.files) // len(data.files) if data.files else 0


def description(settings: Settings, chosen: Mapping[str, Any], data: JobInput) -> str:
    """Say in one line which settings were chosen, and for what."""
    shown = {name: value for name, value in chosen.items() if name in ("eta", "batch", "dropout", "epochs") and value}
    parts = [f"{option(name).removeprefix('--')} {show(value)}" for name, value in shown.items()]
    rounds = f"{settings.rounds} round{'s' * (settings.rounds != 1)}"
    parts.append(f"up to {rounds}" if settings.patience else rounds)
    if settings.patience:
        parts.append(f"stops when no better for {settings.patience}")
    if settings.keep == "best":
        parts.append("keeps the best")
    rows = sum(file.rows for file in data.files)
    labels = f"{data.classes} classes" if data.classes else "a regression"
    size = f"{rows:,} rows x {data.features:,} features, {labels}"
    return f"{', '.join(parts)}: chosen for {size}; options override it, --preset NAME takes published settings"
