"""One local training against a plain float64 version, and the reproducibility of its bits."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from roundelay.ml.data import Samples
from roundelay.ml.errors import BadTask, StepTooLarge
from roundelay.ml.mlp import Architecture, init
from roundelay.ml.task import local_seed
from roundelay.ml.train import BUFFER_NUMBERS, train
from roundelay.ml.training_plan import TrainConfig
from tests.ml.ml_oracles import make_samples, plain_train

CONFIGS = {
    "sgd": TrainConfig("sgd", epochs=3, eta=0.1, batch=8, momentum=0.9),
    "sgd without momentum": TrainConfig("sgd", epochs=3, eta=0.1, batch=7, momentum=0.0),
    "sgd, batch larger than the file": TrainConfig("sgd", epochs=3, eta=0.1, batch=1000),
    "adam": TrainConfig("adam", epochs=3, eta=0.01, batch=8),
    "gd": TrainConfig("gd", epochs=4, eta=0.5, momentum=0.7),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize("sizes", [(5, 4), (5, 9, 4), (5, 9, 6, 4)])
def test_training_matches_the_plain_version(sizes: tuple[int, ...], config: TrainConfig) -> None:
    architecture, samples = Architecture(sizes), make_samples(45)
    weights = init(architecture, 3)
    reported: list[tuple[int, float, float]] = []

    trained = train(architecture, weights, samples, config, 11, lambda *epoch: reported.append(epoch))

    plain, losses, accuracies = plain_train(architecture, weights, samples, config, 11)
    assert trained == pytest.approx(plain, abs=3e-5)
    assert [epoch for epoch, _, _ in reported] == list(range(1, config.epochs + 1))
    assert [loss for _, loss, _ in reported] == pytest.approx(losses, rel=1e-4)
    assert [accuracy for _, _, accuracy in reported] == pytest.approx(accuracies)


def test_full_batch_descent_is_the_same_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roundelay.ml.train.FULL_BATCH_ROWS", 8)
    architecture, samples, config = Architecture((5, 9, 4)), make_samples(45), CONFIGS["gd"]
    weights = init(architecture, 3)
    reported: list[float] = []

    trained = train(architecture, weights, samples, config, 0, lambda _, loss, __: reported.append(loss))

    plain, losses, _ = plain_train(architecture, weights, samples, config, 0)
    assert trained == pytest.approx(plain, abs=3e-5)
    assert reported == pytest.approx(losses, rel=1e-4)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_the_same_training_gives_the_same_bits(config: TrainConfig) -> None:
    architecture, samples = Architecture((5, 33, 4)), make_samples(45)
    weights = init(architecture, 3)

    first = train(architecture, weights, samples, config, 11)

    for offset in range(1, 6):  # wherever the inputs happen to lie in memory
        shifted = np.empty(weights.size + offset, np.float32)[offset:]
        shifted[...] = weights
        _ballast = [np.empty(n * offset) for n in range(50)]
        again = train(architecture, shifted, Samples(samples.x.copy(), samples.y.copy()), config, 11)
        assert first.tobytes() == again.tobytes()


def test_on_epoch_and_inputs_do_not_affect_each_other() -> None:
    architecture, samples, config = Architecture((5, 9, 4)), make_samples(45), CONFIGS["sgd"]
    weights = init(architecture, 3)
    inputs: list[np.ndarray] = [weights, samples.x, samples.y]
    before = [each.copy() for each in inputs]

    silent = train(architecture, weights, samples, config, 1)
    reported = train(architecture, weights, samples, config, 1, lambda *_: None)

    assert silent.tobytes() == reported.tobytes()
    for now, then in zip(inputs, before, strict=True):
        assert np.array_equal(now, then)


def test_numpys_settings_change_only_while_a_training_computes() -> None:
    architecture, before, within = Architecture((5, 4)), (np.getbufsize(), np.geterr()), []

    def on_epoch(*_: float) -> None:
        within.append(np.getbufsize())

    train(architecture, init(architecture, 1), make_samples(8), TrainConfig(epochs=1, batch=4), 0, on_epoch)

    assert within == [BUFFER_NUMBERS]
    assert (np.getbufsize(), np.geterr()) == before


def test_the_seed_decides_the_order_of_the_rows() -> None:
    architecture, samples, config = Architecture((5, 9, 4)), make_samples(45), CONFIGS["sgd"]
    weights = init(architecture, 3)

    assert not np.array_equal(
        train(architecture, weights, samples, config, 1), train(architecture, weights, samples, config, 2)
    )


def test_training_reduces_the_loss() -> None:
    architecture, samples = Architecture((5, 32, 4)), make_samples(400)
    reported: list[float] = []

    train(architecture, init(architecture, 0), samples, TrainConfig(epochs=20), 0, lambda _, __, a: reported.append(a))

    assert reported[-1] > 0.95


@pytest.mark.parametrize("optimizer", ["sgd", "gd"])
def test_a_diverged_training_names_the_epoch(optimizer: str) -> None:
    architecture, samples = Architecture((5, 9, 9, 4)), make_samples(45)
    config = TrainConfig(optimizer, epochs=50, eta=1e6, batch=8)

    with pytest.raises(StepTooLarge, match=r"diverged in epoch \d+"):
        train(architecture, init(architecture, 0), samples, config, 0)


@pytest.mark.parametrize("sizes", [(6, 9, 4), (5, 9, 3)])
def test_samples_that_do_not_fit_the_network_are_refused(sizes: tuple[int, ...]) -> None:
    architecture = Architecture(sizes)

    with pytest.raises(BadTask):
        train(architecture, init(architecture, 0), make_samples(45), CONFIGS["sgd"], 0)


def test_local_seeds_are_fixed_and_differ() -> None:
    seeds = {local_seed(job, number, index) for job in range(3) for number in range(12) for index in range(12)}

    assert len(seeds) == 3 * 12 * 12
    assert all(0 <= seed < 1 << 64 for seed in seeds)
    assert local_seed(0, 1, 2) == int(hashlib.sha256(b"0:1:2").hexdigest()[:16], 16)
