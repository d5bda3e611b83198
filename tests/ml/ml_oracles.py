"""Plain float64 versions to compare the fast code with, and samples for the tests."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.mlp import Architecture, loss_and_gradient
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from tests.hypothesis_profiles import examples

EFFORT = examples(100)
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def make_samples(rows: int, features: int = 5, classes: int = 4, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features)).astype(np.float32)
    centres = rng.standard_normal((classes, features))
    y = (x @ centres.T).argmax(axis=1)  # something that can be learnt
    return Samples(x, y.astype(np.int64))


def make_csv(samples: Samples) -> bytes:
    rows = [[*map(repr, map(float, x)), str(y)] for x, y in zip(samples.x, samples.y, strict=True)]
    return "\n".join(",".join(row) for row in rows).encode() + b"\n"


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_task(
    contents: list[bytes], rows: list[int], sizes: tuple[int, ...] = (5, 8, 4), **changes: Any
) -> TrainerTask:
    """Make a task on these files; `changes` are those of the plan, or the task's moments."""
    files = tuple(FileTask(digest_of(c), n, 100 + i) for i, (c, n) in enumerate(zip(contents, rows, strict=True)))
    plan = TrainingPlan(Design(sizes), TrainConfig(epochs=2, batch=8), 37)
    return with_changes(TrainerTask(plan, files), **changes)


def with_changes(task: TrainerTask, **changes: Any) -> TrainerTask:
    """Return the task with other values for fields of its own, of its plan, or of its plan's design."""

    def of(kind: type[Any]) -> dict[str, Any]:
        return {field.name: changes[field.name] for field in fields(kind) if field.name in changes}

    design = replace(task.plan.design, **of(Design))
    plan = replace(task.plan, design=design, **of(TrainingPlan))
    return replace(task, plan=plan, **of(TrainerTask))


def plain_train(
    architecture: Architecture, weights: np.ndarray, samples: Samples, config: TrainConfig, seed: int
) -> tuple[np.ndarray, list[float], list[float]]:
    """Train like train.py, in float64 and by the textbook formulas; return weights, losses and accuracies."""
    w = weights.astype(np.float64)
    velocity, first, second, steps = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w), 0
    rng = np.random.default_rng(seed)
    batch = samples.rows if config.optimizer == "gd" else config.batch
    losses, accuracies = [], []
    for _ in range(config.epochs):
        order = np.arange(samples.rows) if config.optimizer == "gd" else rng.permutation(samples.rows)
        loss, right = 0.0, 0
        for start in range(0, samples.rows, batch):
            rows = order[start : start + batch]
            x, y = samples.x[rows].astype(np.float64), samples.y[rows]
            batch_loss, gradient = loss_and_gradient(architecture, w, x, y)
            loss += batch_loss * len(rows)
            right += int((plain_scores(architecture, w, x).argmax(axis=1) == y).sum())
            if config.optimizer == "adam":
                steps += 1
                first = 0.9 * first + 0.1 * gradient
                second = 0.999 * second + 0.001 * gradient**2
                w = w - config.eta * (first / (1 - 0.9**steps)) / (np.sqrt(second / (1 - 0.999**steps)) + 1e-8)
            else:
                velocity = config.momentum * velocity - config.eta * gradient
                w = w + velocity
        losses.append(loss / samples.rows)
        accuracies.append(right / samples.rows)
    return w, losses, accuracies


def plain_scores(architecture: Architecture, w: np.ndarray, x: np.ndarray) -> np.ndarray:
    layer, start = x, 0
    for i, (fan_in, fan_out) in enumerate(architecture.shapes):
        if i:
            layer = np.maximum(layer, 0)
        matrix = w[start : start + (fan_in + 1) * fan_out].reshape(fan_in + 1, fan_out)
        layer = np.hstack([np.ones((len(layer), 1)), layer]) @ matrix
        start += matrix.size
    return layer


def literal_course_weights(features: int, hidden: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw W and V as the course project does: legacy seed 1, V first, uniform in +-0.01."""
    np.random.seed(1)  # the course's own generator
    v = np.random.rand(hidden + 1, classes) * 0.02 - 0.01
    w = np.random.rand(features + 1, hidden) * 0.02 - 0.01
    return w, v


def literal_course_train(
    w: np.ndarray, v: np.ndarray, samples: Samples, eta: float, epochs: int, momentum: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Translate the course project's arithmetic literally; return W, V and the number of epochs."""
    n, k = samples.rows, v.shape[1]
    x = np.hstack([np.ones((n, 1)), samples.x.astype(np.float64)])
    r = np.array([[float(label == c) for c in range(k)] for label in samples.y])

    def forward() -> tuple[np.ndarray, np.ndarray, float]:
        z = np.hstack([np.ones((n, 1)), x @ w])
        o = z @ v
        y = np.array([[1 / np.sum(np.exp(row - score)) for score in row] for row in o])
        return z, y, float(-np.sum(r * np.log(y + 1e-6)))

    def backward(z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dv = eta * (z.T @ (r - y))
        dw = eta * (x.T @ (((r - y) @ v[1:].T) * (x @ w >= 0)))
        return dw, dv

    z, y, error = forward()
    old_dw, old_dv = backward(z, y)
    for epoch in range(epochs):
        dw, dv = backward(z, y)
        dw, dv = dw + momentum * old_dw, dv + momentum * old_dv
        old_dw, old_dv = dw, dv
        w, v = w + dw, v + dv
        z, y, new_error = forward()
        if abs(error - new_error) <= 0.2 and epoch >= 25:
            return w, v, epoch + 1
        error = new_error
    return w, v, epochs
