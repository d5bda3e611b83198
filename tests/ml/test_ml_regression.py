"""Regression: the squared error of standardised targets, in every model, with exact moments of the target."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import replace

import numpy as np
import pytest

from roundelay.ml import counts
from roundelay.ml.batches import Batches
from roundelay.ml.data import Floats, Moments, Samples, standardise_samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, DataError
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.kernels import Network, gradient_step
from roundelay.ml.metrics import ERROR_MAX, measure_fit
from roundelay.ml.mlp import Architecture, init, loss_and_gradient
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.cnn import Cnn
from roundelay.ml.models.model import Model
from roundelay.ml.readers import content, packed
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.train import Shard
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.ml.validate import Validator
from roundelay.ml.worker import Worker
from tests.ml.ml_oracles import digest_of

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
MLP, IMAGES = Design((5, 8, 1), task="regression"), Design((144, 6, 1), "cnn", (1, 12, 12), task="regression")
PLAN = TrainingPlan(MLP, TrainConfig(epochs=20, batch=8, eta=0.02), 30)


def rows_with_targets(rows: int = 60, features: int = 5, seed: int = 0) -> Samples:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, features)).astype(np.float32)
    return Samples(x, (1000 + 50 * x[:, 0] - 20 * np.abs(x[:, 1])).astype(np.float32))


def packed_file(samples: Samples) -> bytes:
    return packed.pack(samples, 0)


def moments_of(samples: Samples) -> Moments:
    worker = Worker()
    worker.add_file("a", "a", packed_file(samples), samples.features, 0)
    return worker.moments(["a"]).moments()


@pytest.mark.parametrize("sizes", [(5, 1), (5, 7, 1), (5, 8, 3, 1)])
@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("batch", [1, 7])
def test_the_fast_gradient_matches_the_plain_version(sizes: tuple[int, ...], files: int, batch: int) -> None:
    architecture, scale = Architecture(sizes, task="regression"), 0.37
    shards = [rows_with_targets(batch, seed=i) for i in range(files)]
    shards = [Samples(each.x, (each.y - 1000) / 50) for each in shards]
    weights = init(architecture, 3)
    network = Network(architecture, files)
    network.load(weights)
    step = gradient_step(network, batch, scale)
    batches = Batches(shards, batch, 1, scale, scale)

    for each in batches.epoch(np.tile(np.arange(batch), (files, 1))):
        step(each)

    network.weights[...] = network.gradient
    for samples, gradient, reported in zip(shards, network.unload(), batches.losses(), strict=True):
        loss, plain = loss_and_gradient(architecture, weights.astype(np.float64), samples.x, samples.y)
        assert gradient == pytest.approx(scale * batch * plain, abs=2e-5)
        assert reported == pytest.approx(loss, rel=1e-5)
    assert batches.accuracies() == [0.0] * files


def test_the_gradient_of_a_cnn_matches_finite_differences() -> None:
    model, rng = Cnn(IMAGES), np.random.default_rng(5)
    model.init_parameters(rng)
    x, y = rng.standard_normal((4, 144)).astype(np.float32), rng.standard_normal(4).astype(np.float32)
    _, gradient = model.gradient(x, y, np.ones(4, np.float32), rng)
    at, start = model.parameters.copy(), model.parameters

    for place in rng.choice(len(at), 12, replace=False).tolist():
        losses = []
        for change in (-1e-2, 1e-2):
            start[:] = at
            start[place] += change
            losses.append(model.loss(x, y))
        assert (losses[1] - losses[0]) / 2e-2 == pytest.approx(float(gradient[place]), rel=0.05, abs=5e-3)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "gd"])
def test_training_explains_most_of_the_variance(optimizer: str) -> None:
    samples = rows_with_targets(200)
    inputs = standardise_samples(samples, moments_of(samples))
    eta = {"sgd": 0.02, "adam": 0.01, "gd": 0.05}[optimizer]
    model, seen = learner(MLP), list[float]()
    config = TrainConfig(optimizer, 60, eta, 16)

    model.train(model.init_weights(0), inputs, config, 1, lambda epoch, loss, accuracy: seen.append(loss))

    assert seen[0] > 0.5  # about the variance of the targets, which is 1
    assert seen[-1] < 0.1


def test_files_that_train_together_get_the_bits_of_training_alone() -> None:
    model, config = learner(MLP), TrainConfig(epochs=2, batch=8, eta=0.02, dropout=0.2)
    files = [Samples(s.x, (s.y - 1000) / 50) for s in (rows_with_targets(20, seed=seed) for seed in range(3))]
    weights = model.init_weights(0)

    shards = [Shard(20, lambda each=each: each, number) for number, each in enumerate(files)]  # type: ignore[misc]
    together = dict(model.train_all(weights, shards, config))

    for number, each in enumerate(files):
        assert np.array_equal(together[number], model.train(weights, each, config, number))


@pytest.mark.parametrize("sizes", [(5, 1), (5, 9, 1)])
def test_portable_arithmetic_trains_a_regression_alike(sizes: tuple[int, ...]) -> None:
    samples = rows_with_targets(50)
    inputs = standardise_samples(samples, moments_of(samples))
    native = learner(Design(sizes, task="regression"))
    portable = learner(Design(sizes, arithmetic="portable", task="regression"))
    weights, config = native.init_weights(0), TrainConfig("gd", 20, 0.05)  # no random numbers

    ours, theirs = (each.train(weights, inputs, config, 1) for each in (portable, native))

    assert np.allclose(ours, theirs, atol=2e-4)
    weights_of_both = [np.asarray(each, "<f4").tobytes() for each in (ours, theirs)]
    designs = (portable.design, native.design)
    found = [
        Validator(design, "v", packed_file(samples))(each, moments_of(samples).to_bytes()).fit
        for design, each in zip(designs, weights_of_both, strict=True)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-3)


@needs_torch
def test_pytorch_trains_the_same_regression() -> None:
    pytest.importorskip("torch")
    design = Design((144, 8, 1), "torchzoo:cnn", (1, 12, 12), task="regression")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 144)).astype(np.float32)
    samples = Samples(x, x[:, :72].mean(axis=1) * 8)
    model, seen = learner(design), list[float]()

    model.train(
        model.init_weights(0), samples, TrainConfig("adam", 40, 0.005, 8), 1, lambda e, loss, a: seen.append(loss)
    )

    assert seen[-1] < 0.1 * seen[0]


def test_moments_of_a_target_are_exact_sums_like_those_of_a_feature() -> None:
    samples, worker = rows_with_targets(90), Worker()
    thirds = [Samples(samples.x[i::3], samples.y[i::3]) for i in range(3)]
    for number, each in enumerate(thirds):
        worker.add_file(str(number), "f", packed_file(each), 5, 0)

    found = worker.moments(["2", "0", "1"]).moments()

    assert found.to_bytes() == moments_of(samples).to_bytes()
    assert found.mean[-1] == pytest.approx(samples.y.mean(dtype=np.float64), rel=1e-7)
    assert found.std[-1] == pytest.approx(samples.y.std(dtype=np.float64), rel=1e-6)
    standard = standardise_samples(samples, found)
    assert float(standard.y.mean()) == pytest.approx(0, abs=1e-6)
    assert np.allclose(found.of_target(standard.y.astype(np.float64)), samples.y, rtol=1e-6)


def test_a_worker_trains_files_alone_or_together_to_the_same_sums() -> None:
    worker, contents = Worker(), [packed_file(rows_with_targets(24, seed=seed)) for seed in range(3)]
    for each in contents:
        worker.add_file(digest_of(each), "f", each, 5, 0)
    digests = [digest_of(each) for each in contents]
    moments = worker.moments(digests).moments().to_bytes()
    weights = learner(MLP).init_weights(0).astype("<f4").tobytes()

    def update(*numbers: int) -> bytes:
        files = tuple(FileTask(digests[n], 24, n) for n in numbers)
        return as_bytes(worker.train(TrainerTask(PLAN, files, moments), weights).sum)

    total = sum(np.frombuffer(update(n), "<i8") for n in range(3))
    assert np.frombuffer(update(2, 0, 1), "<i8").tolist() == np.asarray(total).tolist()


def test_validation_reports_errors_in_the_unit_of_the_target() -> None:
    samples = rows_with_targets(100)
    moments = moments_of(samples)
    model = learner(MLP)
    inputs = standardise_samples(samples, moments)
    weights = model.train(model.init_weights(0), inputs, PLAN.config, 1).astype("<f4")
    validator = Validator(MLP, "v", packed_file(samples))

    found = validator(weights.tobytes(), moments.to_bytes())

    predicted = moments.of_target(model.scores(weights, inputs.x)[:, 0].astype(np.float64))
    residual = predicted - samples.y.astype(np.float64)
    rmse, mae, r2 = found.fit
    assert rmse == pytest.approx(math.sqrt(float(np.square(residual).mean())), rel=1e-5)
    assert mae == pytest.approx(float(np.abs(residual).mean()), rel=1e-5)
    assert r2 == pytest.approx(1 - float(np.square(residual).mean()) / samples.y.var(dtype=np.float64), rel=1e-5)
    assert found.loss == pytest.approx((rmse / float(moments.std[-1])) ** 2, rel=1e-4)
    assert (found.errors, found.rows) == (0, 100)


def test_metrics_of_a_regression_equal_the_definitions() -> None:
    found = measure_fit(np.array([2.5, 0.0, 2.0, 8.0]), np.array([3, -0.5, 2, 7], np.float32))

    assert found.rmse == pytest.approx(0.6123724)  # scikit-learn's documentation: MSE 0.375, MAE 0.5, R2 0.9486
    assert found.mae == 0.5
    assert found.r2 == pytest.approx(0.9486081)
    assert found.to_json() == {"rows": 4, "rmse": 0.612372, "mae": 0.5, "r2": 0.948608}
    diverged = measure_fit(np.array([math.nan, 1.0]), np.array([1, 2], np.float32))
    assert (diverged.rmse, diverged.mae, diverged.r2) == (ERROR_MAX, ERROR_MAX, -ERROR_MAX)
    assert measure_fit(np.array([1.0, 1.0]), np.array([1, 1], np.float32)).r2 == 1.0


def test_a_file_of_a_regression_is_read_packed_or_as_text() -> None:
    samples = rows_with_targets(7)
    rows = np.column_stack([samples.x, samples.y]).tolist()
    text = "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()

    for raw in (packed_file(samples), text):
        found = content.parse("f", raw, 5, 0)
        assert found.has_targets
        assert np.array_equal(found.x, samples.x)
        assert np.array_equal(found.y, samples.y)
    with pytest.raises(DataError, match="0 is a regression"):
        content.parse("f", packed_file(samples), 5, 4)
    with pytest.raises(DataError, match=r"line 2.*field 3 is 'high', not a number"):
        content.parse("f", b"1,2,3\n1,2,high\n", None, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (5, 3)}, "a regression has one output, not 3"),
        ({"course": True, "sizes": (5, 3, 1)}, "the course's trainer trains classifiers"),
        ({"task": "ranking"}, "task 'ranking': expected classification or regression"),
    ],
)
def test_an_impossible_design_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadTask, match=message):
        replace(MLP, **changes)  # type: ignore[arg-type]


def test_classes_do_not_train_a_regression_and_targets_no_classifier() -> None:
    model, classes = learner(MLP), Samples(np.zeros((3, 5), np.float32), np.zeros(3, np.int64))
    with pytest.raises(BadTask, match="samples with classes for a regression"):
        model.train(model.init_weights(0), classes, TrainConfig(), 0)
    classifier = learner(Design((5, 3)))
    with pytest.raises(BadTask, match="samples with targets for a classification"):
        classifier.train(classifier.init_weights(0), rows_with_targets(3), TrainConfig(), 0)
    with pytest.raises(BadTask, match="class_weights: 1 for 0 classes"):
        replace(PLAN, config=TrainConfig(class_weights=(1.0,)))


def test_a_model_of_classes_only_refuses_a_regression() -> None:
    class Own(Model):
        def init_parameters(self, rng: np.random.Generator) -> None: ...

        def predict(self, x: Floats) -> Floats:
            return x

    with pytest.raises(BadTask, match=r"trains classification, not regression \(Model.tasks\)"):
        Own(MLP, 3)


def test_the_fingerprint_of_a_regression_is_its_own() -> None:
    assert fingerprint(PLAN) != fingerprint(replace(PLAN, design=Design((5, 8, 1))))


def test_counts_of_targets_in_double_precision_can_be_decoded() -> None:
    for value in (0.1, 1 / 3, 1e-7):
        y = np.full(3, value)  # float64: its square is rounded, and may be too small for the sum
        counted = counts.of_targets(y, np.zeros(3), y)

        assert counts.from_bytes(counted.to_bytes()) == (counted, None)
