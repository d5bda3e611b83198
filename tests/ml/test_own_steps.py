"""Optimizers and losses of plugins: those that repeat what ships train the same model, and errors in them are named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.federation.errors import BadSpec
from roundelay.federation.settings import Settings
from roundelay.ml import plugins
from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask, PluginUnknown
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import Learner, evaluate
from roundelay.ml.train import Shard
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from tests.ml.ml_oracles import make_samples

SOURCE = """
import numpy as np
from roundelay.ml.losses import LOSSES

class Sgd:
    vectors = 1
    def step(self, weights, gradient, memory, now):
        memory[0] *= np.float32(now.momentum)
        memory[0] -= np.float32(now.eta) * gradient
        weights += memory[0]

class Counting:
    vectors = 0
    def step(self, weights, gradient, memory, now):
        weights -= np.float32(1 / now.number) * gradient

class Entropy:
    def of_rows(self, scores, y): return LOSSES["classification"].of_rows(scores, y)
    def gradient(self, scores, y): return LOSSES["classification"].gradient(scores, y, np.float32)

class Square:
    tasks = ("regression",)
    def of_rows(self, scores, y): return LOSSES["regression"].of_rows(scores, y)
    def gradient(self, scores, y): return LOSSES["regression"].gradient(scores, y, np.float32)

class Greedy:
    vectors = 9
    def step(self, weights, gradient, memory, now): pass

class Broken:
    vectors = 0
    def step(self, weights, gradient, memory, now): raise RuntimeError("three wishes")
    def of_rows(self, scores, y): return scores
    def gradient(self, scores, y): return scores[1:]

class Returning:
    vectors = 0
    def step(self, weights, gradient, memory, now): return weights - gradient
"""
DESIGNS = [
    Design((5, 8, 7, 4)),
    Design((5, 4), "softmax"),
    Design((144, 6, 4), "cnn", (1, 12, 12)),
    Design((5, 8, 1), task="regression"),
]
with_each_design = pytest.mark.parametrize(
    "design", DESIGNS, ids=lambda design: f"{design.model} {design.task} {len(design.sizes)}"
)


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a module of plugins that may be imported; return its name."""
    name = f"own_steps_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.setenv("ROUNDELAY_PLUGINS", name)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def rows_for(design: Design, rows: int = 45, seed: int = 0) -> Samples:
    samples = make_samples(rows, design.features, 4, seed=seed)
    return Samples(samples.x, samples.x[:, 0]) if design.task == "regression" else samples


def with_loss(design: Design, own: str) -> Design:
    return replace(design, loss=f"{own}:{'Square' if design.task == 'regression' else 'Entropy'}")


def train(model: Learner, samples: Samples, config: TrainConfig) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Return the new weights, and the loss and accuracy of each epoch."""
    told: list[tuple[float, float]] = []
    weights = model.init_weights(1)
    return model.train(weights, samples, config, 7, lambda _, loss, accuracy: told.append((loss, accuracy))), told


@with_each_design
def test_an_own_optimizer_trains_as_one_that_ships(design: Design, own: str) -> None:
    samples, config = rows_for(design), TrainConfig(epochs=3, batch=16, clip=0.5, mu=0.1)

    theirs, _ = train(learner(design), samples, replace(config, optimizer=f"{own}:Sgd"))

    assert np.allclose(theirs, train(learner(design), samples, config)[0], atol=1e-4)


@with_each_design
@pytest.mark.parametrize("optimizer", ["sgd", "gd"])
def test_an_own_loss_trains_as_one_that_ships(design: Design, optimizer: str, own: str) -> None:
    if (optimizer, design.model) == ("gd", "cnn"):
        pytest.skip("gd trains no cnn")
    weights = () if design.task == "regression" else (1.0, 0.5, 2.0, 1.0)
    samples = rows_for(design)
    config = TrainConfig(optimizer, epochs=3, batch=16, dropout=0.3, class_weights=weights)
    theirs, ours = learner(with_loss(design, own)), learner(design)

    made, told = train(theirs, samples, config)

    expected, expected_told = train(ours, samples, config)
    assert np.allclose(made, expected, atol=1e-4)
    for (loss, accuracy), (expected_loss, expected_accuracy) in zip(told, expected_told, strict=True):
        assert loss == pytest.approx(expected_loss, rel=1e-4)
        assert accuracy == pytest.approx(expected_accuracy, abs=0.1), (
            "dropout makes ties, which count as right or wrong"
        )
    assert evaluate(theirs, made, samples).loss == pytest.approx(evaluate(ours, made, samples).loss, rel=1e-5)


@with_each_design
def test_files_that_are_trained_together_do_not_see_each_other(design: Design, own: str) -> None:
    model, config = learner(with_loss(design, own)), TrainConfig(f"{own}:Sgd", epochs=2, batch=16)
    files, weights = [rows_for(design, seed=seed) for seed in range(3)], model.init_weights(1)
    shards = [Shard(file.rows, lambda file=file: file, seed) for seed, file in enumerate(files)]  # type: ignore[misc]

    together = dict(model.train_all(weights, shards, config))

    for seed, file in enumerate(files):
        assert np.array_equal(together[seed], model.train(weights, file, config, seed))


def test_steps_are_counted_from_one_in_every_local_training(own: str) -> None:
    model, samples = learner(DESIGNS[1]), rows_for(DESIGNS[1], 16)
    start, config = model.init_weights(1), TrainConfig(f"{own}:Counting", epochs=1, batch=16)

    once = model.train(start, samples, config, 7)

    assert np.allclose(start - once, model.gradient(start, samples, config), atol=1e-6)
    assert np.array_equal(once, model.train(start, samples, config, 7))


def test_an_own_optimizer_and_loss_change_the_fingerprint(own: str) -> None:
    plain = TrainingPlan(DESIGNS[0], TrainConfig(), 30)
    others = [
        replace(plain, config=TrainConfig(f"{own}:Counting")),
        replace(plain, design=replace(DESIGNS[0], loss=f"{own}:Entropy"), config=TrainConfig(f"{own}:Counting")),
    ]

    assert len({fingerprint(each) for each in (plain, *others)}) == 3


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("optimizer", "Broken", "optimizer .*:Broken failed: RuntimeError: three wishes"),
        ("optimizer", "Greedy", "has vectors = 9, expected 0 to 8"),
        ("optimizer", "Entropy", "has vectors = None, expected 0 to 8, and a method step"),
        ("optimizer", "Returning", "returned a ndarray: it must change weights in place"),
        ("loss", "Broken", r"gradient returned \(15, 4\), expected \(16, 4\)"),
        ("loss", "Sgd", "loss .*:Sgd failed: AttributeError"),
        ("loss", "Square", "is for regression, not for a classification"),
    ],
)
@pytest.mark.parametrize("model", [1, 2], ids=["softmax", "cnn"])
def test_what_a_plugin_gets_wrong_is_named(kind: str, name: str, message: str, model: int, own: str) -> None:
    design, config = DESIGNS[model], TrainConfig(epochs=1, batch=16)
    if kind == "loss":
        design = replace(design, loss=f"{own}:{name}")
    else:
        config = replace(config, optimizer=f"{own}:{name}")

    with pytest.raises(BadTask, match=message):
        train(learner(design), rows_for(design, 16), config)


def test_losses_of_another_shape_are_refused(own: str) -> None:
    model = learner(replace(DESIGNS[1], loss=f"{own}:Broken"))

    with pytest.raises(BadTask, match=r"of_rows returned \(45, 4\), expected \(45,\)"):
        evaluate(model, model.init_weights(1), rows_for(DESIGNS[1]))


@pytest.mark.parametrize(
    "use",
    [
        lambda: train(learner(DESIGNS[1]), rows_for(DESIGNS[1]), TrainConfig("os:Sgd")),
        lambda: train(learner(replace(DESIGNS[1], loss="os:Loss")), rows_for(DESIGNS[1]), TrainConfig()),
    ],
)
def test_a_plugin_that_was_not_allowed_is_not_imported(use: Callable[[], Any]) -> None:
    with pytest.raises(PluginUnknown, match=r"(optimizer|loss) os:\w+ is not allowed here"):
        use()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"optimizer": "sdg"}, "--optimizer is sdg, expected one of sgd, adam, gd, MODULE:NAME"),
        ({"loss": "hinge"}, "--loss is hinge, expected one of auto, MODULE:NAME"),
        ({"optimizer": "mine:A", "arithmetic": "portable"}, "cannot be combined with --optimizer mine:A"),
        ({"loss": "mine:A", "arithmetic": "portable"}, "cannot be combined with --loss mine:A"),
        ({"loss": "mine:A", "model": "mine:Linear"}, "--loss mine:A is for mlp, softmax and cnn, not for mine:Linear"),
        ({"loss": "mine:A", "course": True, "optimizer": "gd"}, "--course-trainer cannot be combined with --loss"),
        ({"optimizer": "mine:A", "rule": "fednova"}, "counts the steps of --optimizer sgd and gd"),
        ({"optimizer": "mine:A", "rule": "scaffold"}, "corrects the steps of --optimizer sgd and gd"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        Settings(**given)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def broken(:", r"cannot import optimizer broken_\d:Own: SyntaxError: .*broken_\d.py, line 1"),
        ("\nraise ValueError('boom')", r"cannot import .*: ValueError: boom \(.*broken_\d.py, line 2\)"),
        ("raise SystemExit(3)", r"cannot import .*: SystemExit: 3 \(.*, line 1\)"),
        ("class Own:\n def __init__(self): 1 / 0", r"cannot make an instance of .*: ZeroDivisionError: .*line 2"),
        ("Own = 5", "given as optimizer, cannot be called"),
        ("import types\nOwn = types.ModuleType", r"cannot make an instance of .*: TypeError: module\(\) missing"),
    ],
)
def test_what_a_plugin_raises_before_it_is_used_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, why: str
) -> None:
    name = f"broken_{len(source) % 10}"
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("ROUNDELAY_PLUGINS", name)
    monkeypatch.delitem(sys.modules, name, raising=False)

    with pytest.raises(PluginUnknown, match=why) as refusal:
        plugins.instance("optimizers", f"{name}:Own")

    assert "\n" not in str(refusal.value)
    sys.modules.pop(name, None)
