"""Control variates: full gradients against a plain oracle, and steps that they correct."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from roundelay.ml import exact
from roundelay.ml.choices import ArithmeticName
from roundelay.ml.control_variates import ControlVariates
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, StepTooLarge
from roundelay.ml.models.catalogue import learner
from roundelay.ml.partial_update import sum_from_bytes
from roundelay.ml.task import TrainerTask
from roundelay.ml.train import Shard
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.worker import Worker
from tests.ml.ml_oracles import digest_of, make_csv, make_samples, make_task, with_changes

ROWS = [30, 17, 30, 8]  # the first and the third are trained together
CONTENTS = [make_csv(make_samples(rows, seed=at)) for at, rows in enumerate(ROWS)]
TASK = replace(make_task(CONTENTS, ROWS), updates="sum-with-gradient", round=2)
SIZES = (5, 8, 4)
DESIGNS = [Design(SIZES), Design((5, 4)), Design((144, 6, 4), "cnn", (1, 12, 12)), Design((5, 8, 1), task="regression")]


def start(task: TrainerTask, seed: int = 0) -> bytes:
    """Return weights, the weights before them, and a mean gradient."""
    model, rng = learner(task.plan.design), np.random.default_rng(seed)
    mean = rng.normal(0, 0.1, model.parameters)
    return b"".join(each.astype("<f4").tobytes() for each in (model.init_weights(1), model.init_weights(2), mean))


def train(task: TrainerTask, weights: bytes) -> np.ndarray:
    worker = Worker()
    for content in CONTENTS:
        worker.add_file(digest_of(content), "file", content)
    return sum_from_bytes(worker.train(task, weights))


@pytest.mark.parametrize("arithmetic", ["native", "portable"])
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: f"{design.model} {design.task} {len(design.sizes)}")
@pytest.mark.parametrize("batch", [7, 64])
def test_a_full_gradient_is_that_of_the_mean_loss(design: Design, arithmetic: ArithmeticName, batch: int) -> None:
    model = learner(replace(design, arithmetic=arithmetic))
    samples = make_samples(40, design.features, 4)
    if design.task == "regression":
        samples = Samples(samples.x, samples.x[:, 0])
    weights = model.init_weights(1)
    config = TrainConfig(batch=batch, dropout=0.5, clip=1e-3, mu=1.0)  # which a gradient has nothing of

    gradient = model.gradient(weights, samples, config)

    eta = 1e-3  # one step on all rows, whose change is the gradient
    step = TrainConfig(epochs=1, eta=eta, batch=40, momentum=0.0)
    expected = (weights.astype(np.float64) - model.train(weights, samples, step, 0)) / eta
    assert np.allclose(gradient, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("optimizer", ["sgd", "gd"])
def test_class_weights_and_large_files_count_in_a_full_gradient(optimizer: str) -> None:
    model, samples = learner(Design(SIZES)), make_samples(2500)
    weights, factors = model.init_weights(1), (1.0, 0.0, 2.0, 0.5)
    config = TrainConfig(optimizer, class_weights=factors)

    gradient = model.gradient(weights, samples, config)

    parts = [model.gradient(weights, Samples(samples.x[samples.y == c], samples.y[samples.y == c]), TrainConfig())
             for c in range(4)]  # fmt: skip
    shares = [factor * (samples.y == c).mean() for c, factor in enumerate(factors)]
    expected = sum(share * part for share, part in zip(shares, parts, strict=True))
    assert np.allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("design", DESIGNS[:3], ids=lambda design: f"{design.model} {len(design.sizes)}")
def test_each_step_is_corrected_by_the_difference_of_the_control_variates(design: Design, momentum: float) -> None:
    model, samples = learner(design), make_samples(32, design.features, 4)
    before, base = model.init_weights(1), model.init_weights(2)
    mean = np.random.default_rng(0).normal(0, 0.1, model.parameters).astype(np.float32)
    config = TrainConfig(epochs=2, batch=32, eta=0.05, momentum=momentum)  # each epoch is a step on all rows

    correction = ControlVariates(before, mean).correction(model, config, lambda: samples)
    [(_, made)] = model.train_all(base, [Shard(32, lambda: samples, 7, correction=correction)], config)

    weights, velocity = base.astype(np.float64), np.zeros(model.parameters)
    for _ in range(2):
        gradient = model.gradient(weights.astype(np.float32), samples, config)
        drift = model.gradient(before, samples, config) - mean
        velocity = momentum * velocity - 0.05 * (gradient - drift)
        weights = weights + velocity
    assert np.allclose(made, weights, atol=1e-5)
    assert not np.allclose(made, model.train(base, samples, config, 7), atol=1e-3)


def test_a_correction_is_added_before_a_gradient_is_clipped() -> None:
    model, samples = learner(Design(SIZES)), make_samples(32)
    base, huge = model.init_weights(2), np.full(model.parameters, 100, np.float32)
    config = TrainConfig(epochs=1, batch=32, eta=0.1, momentum=0.0, clip=0.5)

    [(_, made)] = model.train_all(base, [Shard(32, lambda: samples, 7, correction=lambda: huge)], config)

    assert np.linalg.norm(made - base) == pytest.approx(0.1 * 0.5, rel=1e-4)


@pytest.mark.parametrize(
    "changes",
    [{}, {"optimizer": "gd"}, {"dropout": 0.3, "clip": 0.5, "mu": 0.1}, {"sizes": (5, 4)}, {"arithmetic": "portable"}],
    ids=lambda changes: " ".join(changes) or "sgd",
)
def test_the_sum_does_not_depend_on_which_files_are_trained_together(changes: dict[str, Any]) -> None:
    design = {name: changes[name] for name in ("sizes", "arithmetic") if name in changes}
    config = {name: value for name, value in changes.items() if name not in design}
    task = with_changes(TASK, config=replace(TASK.plan.config, **config), **design)
    together = train(task, start(task))
    one_by_one = [train(replace(task, files=(file,)), start(task)) for file in task.files]

    assert (together == np.sum(one_by_one, axis=0)).all()
    assert len(together) == 2 * learner(task.plan.design).parameters


def test_behind_the_changes_are_the_gradients_at_the_weights_by_rows() -> None:
    model, weights = learner(Design(SIZES)), start(TASK)
    base = np.frombuffer(weights, "<f4")[: model.parameters]
    total = train(TASK, weights)[model.parameters :]

    gradients = [model.gradient(base, make_samples(rows, seed=at), TASK.plan.config) for at, rows in enumerate(ROWS)]
    expected = np.average(gradients, axis=0, weights=ROWS)
    assert np.allclose(np.ldexp(total.astype(float), -TASK.plan.fraction_bits) / sum(ROWS), expected, atol=1e-6)


def test_the_first_round_starts_from_weights_alone_and_corrects_nothing() -> None:
    first, size = replace(TASK, round=1), learner(TASK.plan.design).parameters
    weights = start(TASK)[: 4 * size]

    assert (train(first, weights)[:size] == train(replace(first, updates="sum"), weights)).all()
    with pytest.raises(BadTask, match="weights have"):
        train(first, start(TASK))
    with pytest.raises(BadTask, match="weights have"):
        train(TASK, weights)


def test_a_gradient_out_of_the_range_of_sums_is_named() -> None:
    with pytest.raises(StepTooLarge, match="an entry of a gradient is not below 2\\^10"):
        list(exact.quantised_gradient(np.array([0.0, 1024.0]), 3, 20))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (partial(with_changes, config=TrainConfig("adam")), "only steps of sgd and gd in mlp, softmax and cnn"),
        (partial(with_changes, model="mine:Model"), "only steps of sgd and gd in mlp, softmax and cnn"),
        (partial(with_changes, config=TrainConfig(update_clip=1.0)), "gradients are not clipped"),
    ],
    ids=["adam", "a plugin", "clipped updates"],
)
def test_a_task_whose_steps_cannot_be_corrected_is_refused(change: Any, message: str) -> None:
    with pytest.raises(BadTask, match=message):
        change(TASK)
