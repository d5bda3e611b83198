"""A multi-layer perceptron over one flat vector of weights: any number of ReLU layers, then the scores.

The plain version, to be read beside the formulas, in the precision of the weights. kernels.py computes the same
gradient fast, with this one as the oracle of its tests. Optimizers are in optimizers.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.choices import TASK_LOSS, Task
from roundelay.ml.data import Array, Floats, Ints, Labels, Samples
from roundelay.ml.design import check_sizes
from roundelay.ml.losses import Loss, loss_of, summed

Activation = Literal["relu", "identity"]

DRAWN_AT_ONCE = 1 << 20  # numbers
EVALUATION_ROWS = 512  # rows a block: bounds the memory, and the same blocks give the same bits


@dataclass(frozen=True)
class Architecture:
    """Layer sizes from the features to the classes, e.g. (16, 256, 256, 26); a regression has one output."""

    sizes: tuple[int, ...]
    activation: Activation = "relu"  # identity: the network of the course trainer (legacy_trainer.py)
    task: Task = "classification"
    loss_name: str = TASK_LOSS

    def __post_init__(self) -> None:
        check_sizes(self.sizes)

    @property
    def features(self) -> int:
        return self.sizes[0]

    @property
    def classes(self) -> int:
        return self.sizes[-1]

    @property
    def loss(self) -> Loss:
        """What training minimises."""
        return loss_of(self.task, self.loss_name)

    @property
    def parameters(self) -> int:
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.shapes)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The (fan_in, fan_out) of each layer."""
        return list(pairwise(self.sizes))

    def views(self, flat: Array) -> list[Array]:
        """Return views of the weight matrices in `flat`, each (fan_in + 1, fan_out) with the bias as row 0."""
        assert flat.shape == (self.parameters,), f"{flat.shape} for {self.parameters} parameters"
        views, start = [], 0
        for fan_in, fan_out in self.shapes:
            end = start + (fan_in + 1) * fan_out
            views.append(flat[start:end].reshape(fan_in + 1, fan_out))  # (fan_in + 1, fan_out)
            start = end
        return views


@dataclass(frozen=True)
class Evaluation:
    """How well weights predict a set of rows."""

    errors: int  # rows predicted wrongly; 0 in a regression
    loss: float  # mean cross-entropy in nats, or mean squared error of standardised targets
    rows: int
    fit: tuple[float, ...] = ()  # of a regression: root mean square error, mean absolute error, R2 (metrics.py)

    @property
    def error_rate(self) -> float:
        return self.errors / self.rows


def init(architecture: Architecture, seed: int, arithmetic: Arithmetic = NATIVE) -> Floats:
    """Draw first weights: biases 0, the others normal with variance 2 / fan_in (He et al. 2015).

    Of a regression with variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010): what larger ones predict at first is
    noise that few rows do not unlearn (decision 19).
    """
    rng = arithmetic.generator(seed)
    flat = np.zeros(architecture.parameters, np.float32)  # (parameters,)
    for matrix in architecture.views(flat):
        fan_in, fan_out = matrix.shape[0] - 1, matrix.shape[1]
        deviation = math.sqrt(2 / (fan_in + fan_out * (architecture.task == "regression")))
        step = max(1, DRAWN_AT_ONCE // fan_out)  # rows: the draws are float64, twice as large as the weights
        for start in range(1, fan_in + 1, step):
            rows = matrix[start : start + step]  # (rows, fan_out)
            rows[:] = rng.standard_normal(rows.shape) * deviation
    return flat


def forward(architecture: Architecture, weights: Array, x: Array, arithmetic: Arithmetic = NATIVE) -> list[Array]:
    """Return the activations of every layer, from x to the scores: (n, sizes[0]) ... (n, sizes[-1])."""
    matrices = architecture.views(weights)
    layers = [x]
    for matrix in matrices[:-1]:
        layers.append(_affine(layers[-1], matrix, arithmetic))  # (n, fan_out)
        if architecture.activation == "relu":
            np.maximum(layers[-1], 0, out=layers[-1])
    layers.append(_affine(layers[-1], matrices[-1], arithmetic))  # (n, classes)
    return layers


def loss_and_gradient(architecture: Architecture, weights: Array, x: Array, y: Labels) -> tuple[float, Array]:
    """Return the mean loss, and its gradient (parameters,)."""
    assert architecture.activation == "relu", "the course trainer has a gradient of its own: see legacy_trainer.py"
    layers = forward(architecture, weights, x)
    losses, back = architecture.loss.of_rows(layers[-1], y), architecture.loss.gradient(layers[-1], y, layers[-1].dtype)
    back /= len(y)  # (n, outputs) d loss / d scores
    gradient = np.zeros_like(weights)  # (parameters,)
    matrices, parts = architecture.views(weights), architecture.views(gradient)
    for matrix, part, inputs in zip(matrices[::-1], parts[::-1], layers[-2::-1], strict=True):
        part[0] = back.sum(axis=0)  # (fan_out,)
        part[1:] = inputs.T @ back  # (fan_in, fan_out)
        back = (back @ matrix[1:].T) * (inputs > 0)  # (n, fan_in)
    return float(losses.mean()), gradient


def predict(architecture: Architecture, weights: Array, x: Array) -> Ints:
    """Return the most probable class of each row: (n, d) -> (n,)."""
    return np.concatenate([forward(architecture, weights, x[rows])[-1].argmax(axis=1) for rows in blocks_of(len(x))])


def evaluate(architecture: Architecture, weights: Array, samples: Samples) -> Evaluation:
    """Return errors and loss over all rows, computed EVALUATION_ROWS at a time."""
    return evaluate_scores(lambda x: forward(architecture, weights, x)[-1], samples, architecture.loss)


def evaluate_scores(
    scores_of: Callable[[Array], Array], samples: Samples, by: Loss, arithmetic: Arithmetic = NATIVE
) -> Evaluation:
    """Return errors and loss of a function from rows to scores, computed EVALUATION_ROWS at a time."""
    errors, loss = 0, 0.0
    with np.errstate(all="ignore"):  # predictions of diverged weights count as errors
        for rows in blocks_of(samples.rows):
            x, y = samples.x[rows], samples.y[rows]  # (rows, d), (rows,)
            scores = scores_of(x)  # (rows, classes)
            errors += by.count_errors(scores, y)
            loss += summed(by, scores, y, arithmetic)
    return Evaluation(errors, loss / samples.rows, samples.rows)


def _affine(x: Array, matrix: Array, arithmetic: Arithmetic) -> Array:
    """Return x @ weights + bias: (n, fan_in) -> (n, fan_out)."""
    out = arithmetic.product(x, matrix[1:])  # (n, fan_out)
    out += matrix[0]
    return out


def blocks_of(rows: int) -> list[slice]:
    """Return the rows that are evaluated at once."""
    return [slice(start, start + EVALUATION_ROWS) for start in range(0, rows, EVALUATION_ROWS)]
