"""The learner of a design, by its name; MODULE:NAME is imported only if it is allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from inspect import signature

from roundelay.ml.errors import BadTask, ModelUnknown, printable
from roundelay.ml.models.allowed import SHIPPED, allowed
from roundelay.ml.models.cnn import Cnn
from roundelay.ml.models.dense import Dense
from roundelay.ml.models.learner import Learner
from roundelay.ml.models.model import ModelLearner
from roundelay.ml.task import Design

NAMES = ("mlp", "softmax", "cnn")


def learner(design: Design) -> Learner:
    """Return the learner. Raises ModelUnknown if this process lacks the model, BadTask for impossible sizes."""
    if design.model in ("mlp", "softmax"):
        if design.model == "softmax" and len(design.sizes) != 2:
            raise BadTask("softmax has no hidden layers")
        return Dense(design)
    if design.model == "cnn":
        return ModelLearner(design, lambda: Cnn(design))
    if ":" not in design.model:
        raise BadTask(f"unknown model {printable(design.model)}: expected {', '.join(NAMES)} or MODULE:NAME")
    made = _named(*design.model.split(":"))
    return ModelLearner(design, lambda: _model(design, made))


def _named(module: str, name: str) -> Callable[[Design], object]:
    if module not in SHIPPED and module not in allowed():
        raise ModelUnknown(f"model {module}:{name} is not allowed here: start the node with --models {module}")
    try:
        found = getattr(import_module(SHIPPED.get(module, module)), name)
    except (ImportError, AttributeError) as error:
        hint = "; install PyTorch: python3 -m pip install '.[torch]'" if getattr(error, "name", "") == "torch" else ""
        raise ModelUnknown(f"cannot import model {module}:{name}: {printable(str(error))}{hint}") from error
    if not callable(found):
        raise ModelUnknown(f"{module}:{name} is not a model: it cannot be called")
    return found  # type: ignore[no-any-return]


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
