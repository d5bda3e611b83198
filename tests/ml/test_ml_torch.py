"""PyTorch modules as models: equal bits, buffers, refused modules. Skipped if torch is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.hypothesis_profiles import examples
from tests.ml.ml_oracles import SHARED, make_samples

torch = pytest.importorskip("torch", reason="PyTorch is in the extra torch")

from roundelay.ml.data import Samples  # noqa: E402
from roundelay.ml.design import Design  # noqa: E402
from roundelay.ml.errors import BadTask  # noqa: E402
from roundelay.ml.exact import fraction_bits, mean, quantise  # noqa: E402
from roundelay.ml.fingerprint import fingerprint  # noqa: E402
from roundelay.ml.models.arrays import cut, from_digits, join, to_digits  # noqa: E402
from roundelay.ml.models.catalogue import learner  # noqa: E402
from roundelay.ml.models.learner import evaluate  # noqa: E402
from roundelay.ml.readers import dataset  # noqa: E402
from roundelay.ml.readers.saved_model import SavedModel, load, save  # noqa: E402
from roundelay.ml.training_plan import TrainConfig, TrainingPlan  # noqa: E402

ZOO = Design((64, 6, 3), "torchzoo:cnn", (1, 8, 8))
MODULES = """
import torch
from torch import nn


class Linear(nn.Linear):
    def __init__(self, design):
        super().__init__(design.features, design.classes)


class Normed(nn.Module):  # takes nothing
    def __init__(self):
        super().__init__()
        self.norm, self.drop, self.last = nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 4)

    def forward(self, x):
        return self.last(self.drop(self.norm(x)))


class Frozen(nn.Module):
    def __init__(self, design):
        super().__init__()
        self.first, self.last = nn.Linear(5, 5), nn.Linear(5, 4)
        self.first.requires_grad_(False)
        self.last.bias = nn.Parameter(torch.zeros(4))
        self.same = self.last

    def forward(self, x):
        return self.last(self.first(x))


class Kept(nn.Module):  # whole numbers and a mask
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(5, 4)
        self.register_buffer("large", torch.tensor([123456789, -(2**62) - 1]))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("steps", torch.tensor(2**40))
        self.register_buffer("mask", torch.tensor([0.0, float("-inf")]))

    def forward(self, x):
        if self.training:
            self.steps += 1
        return self.last(x)


def wide(design):
    return nn.Linear(5, 99)


def wrong(design):
    return nn.Linear(6, 4)


def still(design):
    return nn.Identity()
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "torch_modules.py").write_text(MODULES)
    monkeypatch.setenv("ROUNDELAY_PLUGINS", "torch_modules")
    monkeypatch.syspath_prepend(tmp_path)
    yield


def named(name: str) -> Design:
    return Design((5, 4), f"torch_modules:{name}")


def test_training_twice_on_a_slice_of_mnist_gives_equal_bits() -> None:
    if not SHARED.is_dir():
        pytest.skip("the real data are not here")
    part = dataset.read(SHARED / "mnist").training[0]
    rows = np.concatenate(list(part.blocks()))[:400].astype(np.float32) / np.float32(255)  # (400, 784)
    samples, rest = Samples(rows[:300], part.y[:300]), Samples(rows[300:], part.y[300:400])
    design, config = Design((784, 32, 10), "torchzoo:cnn", (1, 28, 28)), TrainConfig("adam", 3, 0.005, 16, dropout=0.1)
    model = learner(design)
    first = model.init_weights(3)

    trained = model.train(first, samples, config, 5)
    torch.rand(7)  # whatever else draws in this process

    assert np.array_equal(learner(design).train(learner(design).init_weights(3), samples, config, 5), trained)
    assert evaluate(model, trained, rest).errors < 50  # of 100, 90 of which chance would miss


@pytest.mark.parametrize("design", [ZOO, named("Normed"), named("Frozen")], ids=lambda d: d.model)
def test_a_training_is_a_pure_function_and_learns(design: Design) -> None:
    samples, config = make_samples(90, design.features, design.classes), TrainConfig(epochs=8, eta=0.02, dropout=0.2)
    model = learner(design)
    first = model.init_weights(3)

    trained = model.train(first, samples, config, 5)

    assert first.dtype == trained.dtype == np.float32
    assert first.shape == (model.parameters,)
    assert np.array_equal(model.train(first, samples, config, 5), trained)
    assert not np.array_equal(model.train(first, samples, config, 6), trained)
    assert np.array_equal(learner(design).init_weights(3), first)
    assert not np.array_equal(model.init_weights(4), first)
    assert evaluate(model, trained, samples).loss < evaluate(model, first, samples).loss


def test_a_linear_layer_trains_like_softmax() -> None:
    samples, ours = make_samples(60), learner(Design((5, 4), "softmax"))
    theirs = learner(named("Linear"))
    first = theirs.init_weights(0)  # (4, 5) and the biases
    turned = np.vstack([first[20:], first[:20].reshape(4, 5).T]).reshape(-1)  # the bias first, inputs by classes

    for config in (TrainConfig(epochs=5), TrainConfig("adam", 5, 0.01), TrainConfig(class_weights=(1.0, 2.0, 0.5, 0))):
        a, b = theirs.train(first, samples, config, 1), ours.train(turned, samples, config, 1)
        assert np.allclose(np.vstack([a[20:], a[:20].reshape(4, 5).T]).reshape(-1), b, atol=1e-4)


def test_buffers_travel_with_the_weights() -> None:
    samples, model = make_samples(64), learner(named("Normed"))

    trained = model.train(model.init_weights(0), samples, TrainConfig(epochs=3), 0)

    mean, batches = cut(trained, model.slots)[2], cut(trained, model.slots)[4]
    assert batches == 3 * 2  # of 32 rows
    assert mean == pytest.approx(samples.x.mean(axis=0), abs=1)
    assert not np.array_equal(mean, cut(model.init_weights(0), model.slots)[2])


def test_whole_numbers_and_infinite_masks_are_carried_exactly() -> None:
    model, bits = learner(named("Kept")), fraction_bits(80)
    first = model.init_weights(0)
    local = [model.train(first, make_samples(40, seed=seed), TrainConfig(epochs=1, batch=8), seed) for seed in (1, 2)]

    total = np.sum([quantise(weights.astype(np.float64), first, 40, bits) for weights in local], axis=0)
    large, flags, steps, mask = cut(mean(first, total, 80, bits), model.slots)[:4]

    assert large.tolist() == [123456789, -(2**62) - 1]
    assert flags.tolist() == [1, 0]
    assert steps == 2**40 + 5
    assert mask.tolist() == [0, -np.inf]


@examples(60)
@given(arrays(np.int64, st.integers(1, 5)), st.integers(-1000, 1000))
def test_digits_hold_every_integer_and_their_mean_is_that_of_the_integers(values: np.ndarray, more: int) -> None:
    digits = to_digits(values, 8)

    assert np.array_equal(from_digits(digits, 8), values)
    small = values % 1_000_000
    middle = (to_digits(small, 8) + to_digits(small + more, 8)) / 2
    assert np.abs(from_digits(middle, 8) - (small + more / 2)).max() <= 1


def test_batch_normalisation_trains_over_any_number_of_steps() -> None:
    model, samples = learner(named("Normed")), make_samples(300)
    first = model.init_weights(0)

    trained = model.train(first, samples, TrainConfig(epochs=15, batch=4), 0)  # 1,125 steps

    change = quantise(trained.astype(np.float64), first, 300, fraction_bits(300))
    assert cut(mean(first, change, 300, fraction_bits(300)), model.slots)[4] == 1125


def test_a_last_batch_of_one_row_is_left_out_where_the_module_needs_two() -> None:
    model, samples = learner(named("Normed")), make_samples(33)

    trained = model.train(model.init_weights(0), samples, TrainConfig(epochs=3, batch=32), 0)

    assert cut(trained, model.slots)[4] == 3
    assert learner(named("Kept")).least_rows == 1
    with pytest.raises(BadTask, match="needs batches of 2 rows, and a file has 1"):
        model.train(model.init_weights(0), make_samples(1), TrainConfig(), 0)


def test_frozen_and_shared_tensors_are_exchanged_once_and_stay() -> None:
    model = learner(named("Frozen"))
    first = model.init_weights(0)

    trained = model.train(first, make_samples(40), TrainConfig(epochs=1), 0)

    assert model.parameters == 30 + 24
    assert np.array_equal(trained[:30], first[:30])
    assert not np.array_equal(trained[30:], first[30:])


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("wide", r"returns scores of shape .*: expected \(\d+, 4\)"),
        ("wrong", "torch_modules:wrong failed: .*shapes"),
        ("still", "1 to"),
    ],
)
def test_an_unsuitable_module_is_refused_by_name(name: str, complaint: str) -> None:
    with pytest.raises(BadTask, match=complaint) as caught:
        model = learner(named(name))
        model.train(model.init_weights(0), make_samples(9), TrainConfig(), 0)

    assert "\n" not in str(caught.value)
    assert "shapes cannot" not in caught.value.without_values()  # a module may quote a row


@pytest.mark.parametrize(
    ("design", "complaint"),
    [(Design((5, 4), "torchzoo:cnn"), "needs images"), (Design((9, 4), "torchzoo:cnn", (1, 3, 3)), "4 x 4 pixels")],
)
def test_the_cnn_of_torchzoo_refuses_unsuitable_rows(design: Design, complaint: str) -> None:
    with pytest.raises(BadTask, match=complaint):
        learner(design)


def test_a_module_has_a_fingerprint_and_survives_saving(tmp_path: Path) -> None:
    plan = TrainingPlan(ZOO, TrainConfig(batch=8), 20)
    model = SavedModel(ZOO, learner(ZOO).init_weights(1), None)

    save(tmp_path / "m.npz", model)

    assert fingerprint(plan) == fingerprint(plan)
    x = make_samples(9, 64, 3).x
    assert np.array_equal(load(tmp_path / "m.npz").probabilities(x), model.probabilities(x))


@pytest.mark.parametrize("design", [ZOO, named("Normed"), named("Frozen"), named("Kept")], ids=lambda d: d.model)
def test_a_modules_arrays_are_its_state_dict_in_order(design: Design) -> None:
    model, weights = learner(design), learner(design).init_weights(3)

    arrays = cut(weights, model.slots)

    module = vars(model)["_predictor"].module
    state = {name: torch.tensor(array) for name, array in zip(module.state_dict(), arrays, strict=True)}
    module.load_state_dict(state)  # as Flower's clients do
    kept = module.state_dict().values()
    assert [a.shape for a in state.values()] == [tensor.shape for tensor in kept]
    for a, tensor in zip(state.values(), kept, strict=True):
        assert a.dtype == (tensor.dtype if tensor.is_floating_point() else torch.int64)
    assert np.array_equal(join(list(map(np.asarray, kept)), model.slots, weights).astype(np.float32), weights)
