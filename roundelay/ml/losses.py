"""What training minimises: the cross-entropy of classes, the squared error of a target, or the loss of a plugin.

A loss is the one place that knows how a task's scores are compared with labels; models, kernels and evaluation ask it.
Targets are standardised (data.py), so that a mean squared error of 1 is that of guessing their mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from roundelay.ml import plugins
from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.choices import TASK_LOSS, TASKS, Task
from roundelay.ml.data import Array, Doubles, Labels
from roundelay.ml.errors import BadTask, printable, private

Precision = type[np.floating[Any]] | np.dtype[Any]


class Loss(Protocol):
    """Compares scores (n, outputs) with labels (n,)."""

    def of_rows(self, scores: Array, y: Labels, arithmetic: Arithmetic = NATIVE) -> Array:
        """Return each row's loss: (n,)."""
        ...

    def gradient(self, scores: Array, y: Labels, dtype: Precision, arithmetic: Arithmetic = NATIVE) -> Array:
        """Return the gradient of each row's loss by its scores: (n, outputs)."""
        ...

    def count_errors(self, scores: Array, y: Labels) -> int:
        """Return how many rows are predicted wrongly; 0 where a prediction is never right or wrong."""
        ...


class CrossEntropy:
    """Classification: the mean negative logarithm of the probability of the true class, in nats."""

    def of_rows(self, scores: Array, y: Labels, arithmetic: Arithmetic = NATIVE) -> Array:
        return cross_entropy(scores, y, arithmetic)[0]

    def gradient(self, scores: Array, y: Labels, dtype: Precision, arithmetic: Arithmetic = NATIVE) -> Array:
        back: Array = probabilities(scores, arithmetic).astype(dtype)  # (n, classes)
        back[np.arange(len(y)), y] -= 1
        return back

    def count_errors(self, scores: Array, y: Labels) -> int:
        return int(np.count_nonzero(scores.argmax(axis=1) != y))


class SquaredError:
    """Regression: the mean squared difference between the only score and the target."""

    def of_rows(self, scores: Array, y: Labels, arithmetic: Arithmetic = NATIVE) -> Array:
        return np.square(scores[:, 0] - y)

    def gradient(self, scores: Array, y: Labels, dtype: Precision, arithmetic: Arithmetic = NATIVE) -> Array:
        back: Array = (2 * (scores - y[:, None])).astype(dtype)  # (n, 1)
        return back

    def count_errors(self, scores: Array, y: Labels) -> int:
        return 0


LOSSES: dict[Task, Loss] = {"classification": CrossEntropy(), "regression": SquaredError()}


class OwnLoss(Protocol):
    """A loss of a plugin (--loss MODULE:NAME): a class that is made without arguments.

    It must be a pure function of each row: rows come in any number, and in any order.
    """

    tasks: tuple[Task, ...]  # ("classification",), unless it says otherwise

    def of_rows(self, scores: Array, y: Labels) -> Array:
        """Return each row's loss (n,), 0 or more, from its scores (n, outputs) and its class or target (n,)."""
        ...

    def gradient(self, scores: Array, y: Labels) -> Array:
        """Return the gradient of each row's loss by its scores: (n, outputs)."""
        ...


class PluginLoss:
    """The loss of a plugin, of which nothing is believed. Errors are those of its task."""

    def __init__(self, name: str, task: Task) -> None:
        """Import it. Raises PluginUnknown, BadTask."""
        self.name, self.task = name, task
        self._own: OwnLoss = plugins.instance("losses", name)
        tasks = getattr(self._own, "tasks", TASKS[:1])
        if task not in tasks:
            raise BadTask(f"loss {name} is for {printable(' and '.join(map(str, tasks)), 80)}, not for a {task}")

    def of_rows(self, scores: Array, y: Labels, arithmetic: Arithmetic = NATIVE) -> Array:
        return self._checked(lambda: self._own.of_rows(scores.copy(), y), "of_rows", y.shape)

    def gradient(self, scores: Array, y: Labels, dtype: Precision, arithmetic: Arithmetic = NATIVE) -> Array:
        return self._checked(lambda: self._own.gradient(scores.copy(), y), "gradient", scores.shape).astype(dtype)

    def count_errors(self, scores: Array, y: Labels) -> int:
        return LOSSES[self.task].count_errors(scores, y)

    def _checked(self, call: Callable[[], Array], method: str, shape: tuple[int, ...]) -> Array:
        """Return what a method returns. Raises BadTask for an error in it, or for something of another shape."""
        try:
            made = np.asarray(call(), np.float64)
        except Exception as error:
            raise BadTask(f"loss {self.name} failed: {type(error).__name__}: {private(error)}") from error
        if made.shape != shape:
            raise BadTask(f"loss {self.name}: {method} returned {made.shape}, expected {shape}")
        return made


def loss_of(task: Task, name: str = TASK_LOSS) -> Loss:
    """Return the loss of a task, or that of a plugin. Raises PluginUnknown, BadTask."""
    return LOSSES[task] if name == TASK_LOSS else PluginLoss(name, task)


def summed(by: Loss, scores: Array, y: Labels, arithmetic: Arithmetic = NATIVE) -> float:
    """Return the sum of all rows' losses."""
    return float(arithmetic.total(by.of_rows(scores, y, arithmetic).astype(np.float64)))


def cross_entropy(scores: Array, y: Labels, arithmetic: Arithmetic = NATIVE) -> tuple[Array, Array]:
    """Return each row's loss in nats (n,) and its probabilities (n, k), the softmax of its scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)  # (n, k) so that exp() stays finite
    label = shifted[np.arange(len(y)), y]  # (n,)
    p = arithmetic.exp(shifted)  # (n, k)
    total = arithmetic.total(p, 1)  # (n,)
    return arithmetic.log(total) - label, p / total[:, None]


def probabilities(scores: Array, arithmetic: Arithmetic = NATIVE) -> Doubles:
    """Return the softmax of each row: (n, k) -> (n, k)."""
    doubles = scores.astype(np.float64)  # (n, k)
    p = arithmetic.exp(doubles - doubles.max(axis=1, keepdims=True))  # (n, k)
    made: Doubles = p / arithmetic.total(p, 1)[:, None]
    return made
