"""Training with a factored gradient against training with the whole gradient."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from roundelay.ml import factored_gradient
from roundelay.ml.arithmetic import BY_NAME, NATIVE, Arithmetic
from roundelay.ml.data import Array
from roundelay.ml.lockstep import stacks
from roundelay.ml.mlp import Architecture, init
from roundelay.ml.train import Shard, train, train_together
from roundelay.ml.training_plan import TrainConfig
from tests.ml.ml_oracles import make_samples

SGD = TrainConfig("sgd", epochs=3, eta=0.1, batch=8, momentum=0.9)
CONFIGS = {
    "sgd": SGD,
    "adam": TrainConfig("adam", epochs=3, eta=0.01, batch=8),
    "proximal": replace(SGD, mu=0.1),
    "dropout": replace(SGD, dropout=0.3),
    "clipped": replace(SGD, clip=0.3),
    "clipped adam, proximal": TrainConfig("adam", epochs=3, eta=0.01, batch=8, clip=0.3, mu=0.1),
}
SIZES = [(5, 4), (5, 9, 4), (5, 9, 6, 4)]


def _factor(monkeypatch: pytest.MonkeyPatch, block_numbers: int) -> None:
    monkeypatch.setattr(factored_gradient, "LARGE_PARAMETERS", 1)
    monkeypatch.setattr(factored_gradient, "BLOCK_NUMBERS", block_numbers)


def _train(
    config: TrainConfig, sizes: tuple[int, ...], arithmetic: Arithmetic = NATIVE, correction: Array | None = None
) -> Array:
    architecture, samples = Architecture(sizes), make_samples(45)
    returned = None if correction is None else lambda: correction[: architecture.parameters]
    shard = Shard(samples.rows, lambda: samples, 11, correction=returned)
    (trained,) = train_together(architecture, init(architecture, 3), [shard], config, arithmetic)
    return trained


@pytest.mark.parametrize("block_numbers", [1, 13, 1 << 20])
@pytest.mark.parametrize("arithmetic", BY_NAME.values(), ids=BY_NAME.keys())
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("sizes", SIZES)
def test_a_factored_gradient_trains_what_the_whole_gradient_trains(
    sizes: tuple[int, ...],
    config: TrainConfig,
    arithmetic: Arithmetic,
    block_numbers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = _train(config, sizes, arithmetic)

    _factor(monkeypatch, block_numbers)

    assert _train(config, sizes, arithmetic) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_a_correction_is_added_to_a_factored_gradient(clip: float, monkeypatch: pytest.MonkeyPatch) -> None:
    config, correction = replace(SGD, clip=clip), np.random.default_rng(1).standard_normal(200).astype(np.float32)
    whole = _train(config, (5, 9, 4), correction=correction)

    _factor(monkeypatch, 13)

    assert _train(config, (5, 9, 4), correction=correction) == pytest.approx(whole, abs=1e-6)


def test_portable_arithmetic_has_the_same_bits_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _train(SGD, (5, 9, 6, 4), BY_NAME["portable"])

    _factor(monkeypatch, 13)

    assert _train(SGD, (5, 9, 6, 4), BY_NAME["portable"]).tobytes() == whole.tobytes()


def test_files_of_a_large_network_are_trained_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = Architecture((5, 9, 4))
    assert list(stacks(architecture, SGD, [45, 45])) == [[0, 1]]

    monkeypatch.setattr(factored_gradient, "LARGE_PARAMETERS", 1)

    assert list(stacks(architecture, SGD, [45, 45])) == [[0], [1]]


def test_training_a_large_network_takes_little_more_than_weights_and_momentum() -> None:
    architecture, samples = Architecture((16, 1024, 1024, 4)), make_samples(64, 16)
    weights = init(architecture, 3)
    assert factored_gradient.is_large(architecture)
    tracemalloc.start()

    train(architecture, weights, samples, TrainConfig("sgd", epochs=2, eta=0.1, batch=32, clip=0.3), 11)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    buffers = 3 * 4 * factored_gradient.BLOCK_NUMBERS
    assert peak < 2.1 * weights.nbytes + buffers
