"""The learner of a design, by its name; MODULE:NAME is imported only if it is allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import signature

from roundelay.ml import plugins
from roundelay.ml.choices import MODELS
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, printable
from roundelay.ml.models.cnn import Cnn
from roundelay.ml.models.dense import Dense
from roundelay.ml.models.learner import Learner
from roundelay.ml.models.model import ModelLearner


def learner(design: Design) -> Learner:
    """Return the learner. Raises PluginUnknown if this process lacks the model, BadTask for impossible sizes."""
    if design.model in ("mlp", "softmax"):
        if design.model == "softmax" and len(design.sizes) != 2:
            raise BadTask("softmax has no hidden layers")
        return Dense(design)
    if design.model == "cnn":
        return ModelLearner(design, lambda: Cnn(design))
    if ":" not in design.model:
        raise BadTask(f"unknown model {printable(design.model)}: expected {', '.join(MODELS)} or MODULE:NAME")
    made = plugins.load("models", design.model)
    return ModelLearner(design, lambda: _model(design, made))


def device_of(design: Design) -> str:
    """Return the kind of device on which this process trains: cpu, unless PyTorch has a faster one for the model."""
    if ":" not in design.model or "torch" not in sys.modules:
        return "cpu"
    from roundelay.ml.models.pytorch import device

    return str(device())


def _model(design: Design, made: Callable[..., object]) -> object:
    """Call the factory with the design, or with nothing if it takes nothing; wrap an nn.Module."""

    def build() -> object:
        return made(design) if _takes_one(made) else made()

    if "torch" not in sys.modules:
        return build()
    from roundelay.ml.models.pytorch import as_model

    return as_model(design, build)


def _takes_one(made: Callable[..., object]) -> bool:
    try:
        signature(made).bind(None)
    except TypeError:
        return False
    return True
