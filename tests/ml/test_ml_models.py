"""Models by name: gradients, pure training, the import allowlist, saving and loading."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.ml import mlp, plugins
from roundelay.ml.batches import Batches
from roundelay.ml.choices import MODELS
from roundelay.ml.data import Moments, Samples
from roundelay.ml.design import Design
from roundelay.ml.dropout import Dropout
from roundelay.ml.errors import BadTask, DataError, PluginUnknown
from roundelay.ml.kernels import Network, gradient_step
from roundelay.ml.losses import cross_entropy, probabilities
from roundelay.ml.mlp import Architecture
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.cnn import Cnn
from roundelay.ml.models.learner import evaluate
from roundelay.ml.readers.saved_model import SavedModel, load, save
from roundelay.ml.train import train
from roundelay.ml.training_plan import TrainConfig
from tests.ml.ml_oracles import make_samples

IMAGES = Design((2 * 14 * 14, 7, 3), "cnn", (2, 14, 14))
STEP = 1e-5


def test_an_exported_model_loads_with_the_safetensors_library(tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    design = Design((5, 6, 4))
    weights, moments = learner(design).init_weights(1), Moments(np.ones(5, np.float32), np.full(5, 2, np.float32))
    save(tmp_path / "m.safetensors", SavedModel(design, weights, moments))

    found = library.load_file(tmp_path / "m.safetensors")

    assert {name: array.shape for name, array in found.items()} == {"weights": weights.shape, "mean": (5,), "std": (5,)}
    assert np.array_equal(found["weights"], weights)


def images(rows: int) -> Samples:
    return make_samples(rows, IMAGES.features, 3)


def test_the_gradient_of_a_cnn_matches_finite_differences() -> None:
    model, rng = Cnn(IMAGES), np.random.default_rng(1)
    model.init_parameters(rng)
    doubles: Any = model.parameters.astype(np.float64) + 0.05 * rng.standard_normal(model.parameters.size)
    model.parameters = doubles
    samples, weights = images(6), np.array([1, 2, 1, 0.5, 1, 1.0])
    x: Any = samples.x.astype(np.float64)

    def loss() -> float:
        return float((weights * cross_entropy(model.predict(x), samples.y)[0]).mean())

    gradient = model.gradient(x, samples.y, weights, rng)[1].copy()

    for at in [0, 200, 402, 404, 1500, *rng.integers(0, model.parameters.size, 10)]:
        kept = model.parameters[at]
        model.parameters[at] = kept + STEP
        above = loss()
        model.parameters[at] = kept - STEP
        below = loss()
        model.parameters[at] = kept
        assert gradient[at] == pytest.approx((above - below) / (2 * STEP), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("design", [IMAGES, Design((392, 3), "softmax"), Design((392, 9, 8, 3))], ids=lambda d: d.model)
def test_a_training_is_a_pure_function_and_learns(design: Design) -> None:
    samples, config = images(90), TrainConfig(epochs=6, eta=0.01, dropout=0.2)
    model = learner(design)
    first = model.init_weights(3)

    trained = model.train(first, samples, config, 5)

    assert first.shape == (model.parameters,)
    assert np.array_equal(learner(design).train(first, samples, config, 5), trained)
    assert np.array_equal(model.init_weights(3), first)
    assert evaluate(model, trained, samples).loss < evaluate(model, first, samples).loss


@pytest.mark.parametrize("design", [IMAGES, Design((392, 3), "softmax")], ids=lambda d: d.model)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_fedprox_keeps_every_model_near_its_initial_weights(design: Design, optimizer: str) -> None:
    made, samples = learner(design), images(40)
    began = made.init_weights(0)

    def moved(mu: float) -> float:
        config = TrainConfig(optimizer, epochs=3, eta=0.01, batch=8, momentum=0.0, mu=mu)
        return float(np.linalg.norm(made.train(began, samples, config, 1) - began))

    assert moved(20.0) < 0.7 * moved(0.0)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    dropout = Dropout((40, 50), 20, 0.25, [np.random.default_rng(0)])

    dropout.draw()

    assert [keep.shape for keep in dropout.keeps] == [(40, 20), (50, 20)]
    values = np.concatenate([keep.reshape(-1) for keep in dropout.keeps])
    assert set(np.unique(values)) == {np.float32(0), np.float32(4 / 3)}
    assert np.mean(values == 0) == pytest.approx(0.25, abs=0.03)


def test_the_kernel_gradient_with_dropout_and_class_weights_matches_the_formula() -> None:
    architecture, samples = Architecture((5, 6, 4)), make_samples(8)
    weights = mlp.init(architecture, 1)
    network = Network(architecture)
    network.load(weights)
    dropout, factors = Dropout((6,), 8, 0.5, [np.random.default_rng(2)]), (1.0, 2.0, 0.5, 3.0)
    dropout.draw()
    rows = np.hstack([np.ones((8, 1), np.float32), samples.x])
    step = gradient_step(network, 8, 1 / 8, dropout.keeps)

    for batch in Batches([samples], 8, 4, 1 / 8, 1 / 8, factors).epoch(np.arange(8)[None]):
        step(batch)

    first, second = (m.astype(np.float64) for m in architecture.views(weights))
    keep = dropout.keeps[0].T.astype(np.float64)
    hidden = np.maximum(rows @ first, 0) * keep
    error = probabilities(np.hstack([np.ones((8, 1)), hidden]) @ second)
    error[np.arange(8), samples.y] -= 1
    error *= np.array(factors)[samples.y][:, None] / 8
    back = error @ second[1:].T * (hidden > 0) * keep
    found = network.matrices(network.gradient)
    assert np.allclose(found[0].T, rows.T @ back, atol=1e-6)
    assert np.allclose(found[1], np.hstack([np.ones((8, 1)), hidden]).T @ error, atol=1e-6)


def test_without_dropout_the_bits_are_unchanged() -> None:
    samples, architecture = make_samples(50), Architecture((5, 8, 4))
    weights = mlp.init(architecture, 1)

    plain, weighted = (train(architecture, weights, samples, TrainConfig(class_weights=w), 1) for w in ((), (1.0,) * 4))

    assert np.allclose(plain, weighted, atol=1e-6)


@pytest.mark.parametrize(
    ("design", "complaint"),
    [
        (Design((4, 3), "tree"), "unknown model tree"),
        (Design((4, 3), "cnn"), "cnn needs images"),
        (Design((16, 3), "cnn", (1, 4, 4)), "12 x 12 pixels or more"),
        (Design((4, 5, 3), "softmax"), "no hidden layers"),
    ],
)
def test_an_impossible_model_is_refused(design: Design, complaint: str) -> None:
    with pytest.raises(BadTask, match=complaint):
        learner(design)


def example() -> str:
    """Return the code of the example in the documentation of roundelay.ml.models."""
    text = sys.modules["roundelay.ml.models"].__doc__ or ""
    lines = text[text.index("    import numpy") :].splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines) + "\n"


def test_the_documented_model_trains_like_softmax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "documented.py").write_text(example())
    monkeypatch.setenv("ROUNDELAY_PLUGINS", "documented")
    monkeypatch.syspath_prepend(tmp_path)
    samples, config = make_samples(60), TrainConfig(epochs=5)

    theirs, ours = learner(Design((5, 4), "documented:Linear")), learner(Design((5, 4), "softmax"))

    assert len(example().splitlines()) <= 31
    first = theirs.init_weights(0)
    assert np.allclose(theirs.train(first, samples, config, 1), ours.train(first, samples, config, 1), atol=1e-4)


@pytest.mark.parametrize("name", ["os:system", "antigravity:fly"])
def test_a_module_that_was_not_allowed_is_not_imported(name: str) -> None:
    with pytest.raises(PluginUnknown, match="start the node with --plugins"):
        learner(Design((4, 3), name))


def test_a_model_that_ships_needs_no_permission() -> None:
    assert plugins.modules_of(["mine:Linear", "mlp", "mine:Other"]) == ["mine"]
    assert all(learner(Design((144, 3), name, (1, 12, 12))) for name in MODELS)


@pytest.mark.parametrize("name", ["m.npz", "m.safetensors"])
def test_a_model_survives_saving_and_loading(name: str, tmp_path: Path) -> None:
    samples = images(9)
    moments = Moments(samples.x.mean(axis=0), samples.x.std(axis=0))
    model = SavedModel(IMAGES, learner(IMAGES).init_weights(1), moments, ("a", "b", "c"))

    save(tmp_path / name, model)

    again = load(tmp_path / name)
    assert (again.design, again.labels, again.sha256) == (model.design, model.labels, model.sha256)
    p = again.predict_proba(samples.x)
    assert np.array_equal(p, model.probabilities(samples.x))
    assert np.allclose(p.sum(axis=1), 1)
    assert set(again.predict(samples.x)) <= {"a", "b", "c"}
    with pytest.raises(DataError, match=r"has rows of 391 features, expected images of .* or rows of 392 features"):
        again.predict(samples.x[:, 1:])
    with pytest.raises(DataError, match="row 0 holds NaN"):
        again.predict(np.full((2, 392), np.nan))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [((), [0, 1, 2]), (("1", "5", "-7"), [1, 5, -7]), (("1", "5", "x"), ["1", "5", "x"]), (("01", "2", "3"), None)],
)
def test_labels_that_are_whole_numbers_are_predicted_as_such(labels: tuple[str, ...], classes: list[Any]) -> None:
    design = Design((5, 3), "softmax")
    model = SavedModel(design, learner(design).init_weights(1), None, labels)

    assert model.classes.tolist() == (classes or list(labels))
    assert set(model.predict(make_samples(20).x).tolist()) <= set(model.classes.tolist())


@pytest.mark.parametrize(
    "design", [Design((5, 6, 3)), Design((5, 3), "softmax"), Design((5, 6, 3), course=True), IMAGES], ids=str
)
def test_a_model_exported_to_pytorch_gives_the_same_scores(design: Design) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the extra torch")
    samples = images(9) if design.shape else make_samples(9)
    moments = Moments(samples.x.mean(axis=0), samples.x.std(axis=0) + 1)
    model = SavedModel(
        design, np.random.default_rng(1).standard_normal(learner(design).parameters, np.float32), moments
    )

    scores = model.to_torch()(torch.tensor(samples.x))

    assert np.allclose(scores.softmax(1).detach().numpy(), model.predict_proba(samples.x), atol=1e-5)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"\x08" + bytes(7) + b"{}      ", b"\xff" * 40, b"\2" + bytes(7) + b"[]"]
)
def test_a_file_that_is_not_a_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(content)

    with pytest.raises(DataError, match="is not a saved model"):
        load(tmp_path / "m.npz")
