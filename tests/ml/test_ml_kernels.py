"""The fast gradient against the plain one, and batches against the rows that they are to hold."""

import numpy as np
import pytest
from ml_oracles import make_samples

from ml.batches import Batches
from ml.data import Samples
from ml.kernels import Network, gradient_step
from ml.mlp import Architecture, init, loss_and_gradient

SIZES = [(5, 4), (5, 7, 4), (5, 8, 3, 4), (16, 64, 26)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 2, 7, 32])
def test_gradient_and_loss_match_the_plain_version(sizes: tuple[int, ...], batch: int) -> None:
    architecture, scale = Architecture(sizes), 0.37
    samples = make_samples(batch, sizes[0], sizes[-1], seed=batch)
    weights = _weights_with_bias(architecture)

    gradient, likelihood, total = _one_step(architecture, weights, samples, scale)

    loss, plain = loss_and_gradient(architecture, weights.astype(np.float64), samples.x, samples.y)
    assert gradient == pytest.approx(scale * batch * plain, abs=2e-6)
    assert -np.log(likelihood / scale).mean() == pytest.approx(loss, rel=1e-5)
    assert (1 / total / scale).max() <= 1 + 1e-6


def test_what_a_step_leaves_tells_which_predictions_were_right() -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(50)
    weights = _weights_with_bias(architecture)

    _, likelihood, total = _one_step(architecture, weights, samples, 0.01)

    x = samples.x.astype(np.float64)
    first, second = architecture.views(weights.astype(np.float64))
    scores = np.maximum(x @ first[1:] + first[0], 0) @ second[1:] + second[0]
    assert np.array_equal(likelihood == 1 / total, scores.argmax(axis=1) == samples.y)


def test_a_hidden_unit_at_zero_passes_nothing_back() -> None:
    architecture, samples = Architecture((5, 3, 4)), make_samples(6)
    weights = _weights_with_bias(architecture)
    architecture.views(weights)[0][:, 1] = 0  # unit 1 is exactly 0 for every sample

    gradient, _, _ = _one_step(architecture, weights, samples, 1.0)

    assert not architecture.views(gradient)[0][:, 1].any()


def test_scores_far_apart_stay_finite() -> None:
    architecture, samples = Architecture((5, 4)), make_samples(8)

    gradient, _, _ = _one_step(architecture, 1e4 * _weights_with_bias(architecture), samples, 1.0)

    assert np.isfinite(gradient).all()


def test_a_network_stores_what_it_has_loaded() -> None:
    architecture = Architecture((5, 7, 4))
    weights = _weights_with_bias(architecture)
    network = Network(architecture)

    network.load(weights)

    assert np.array_equal(network.store(), weights)
    assert not np.array_equal(network.weights, weights)  # the first matrix lies transposed


@pytest.mark.parametrize(("rows", "size"), [(1, 8), (8, 8), (9, 8), (20, 8), (500, 32), (30_000, 64)])
def test_batches_hold_every_row_once_in_the_order_given(rows: int, size: int) -> None:
    samples = Samples(np.arange(3 * rows, dtype=np.float32).reshape(rows, 3), np.arange(rows) % 5)
    batches, order = Batches(samples, size), np.random.default_rng(1).permutation(rows)

    seen = []
    for batch in batches.epoch(order):
        count = len(batch.labels)
        assert np.array_equal(batch.rows, batch.columns.T)
        assert (batch.rows[:, 0] == 1).all()
        assert np.array_equal(batch.labels % count, np.arange(count))
        assert np.array_equal(batch.labels // count, (batch.rows[:, 1] // 3).astype(np.int64) % 5)
        seen.append(batch.rows[:, 1:].copy())
        batch.likelihood[...] = batch.total[...] = 1

    assert [len(block) for block in seen[:-1]] == [min(size, rows)] * (len(seen) - 1)
    assert np.array_equal(np.concatenate(seen), samples.x[order])


def test_batches_measure_what_the_steps_leave() -> None:
    samples = make_samples(20)
    batches = Batches(samples, 8)

    for _ in range(2):  # the second epoch starts from nothing
        for number, batch in enumerate(batches.epoch(np.arange(20))):
            batch.likelihood[...] = 0.25
            batch.total[...] = 4 if number else 2

    assert batches.right == 12
    assert batches.log_likelihood == pytest.approx(20 * np.log(0.25))


def _weights_with_bias(architecture: Architecture) -> np.ndarray:
    noise = np.random.default_rng(7).standard_normal(architecture.parameters)
    return (init(architecture, 1) + 0.1 * noise).astype(np.float32)


def _one_step(
    architecture: Architecture, weights: np.ndarray, samples: Samples, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradient in mlp's layout, and what the step left in the batch."""
    network = Network(architecture)
    network.load(weights)
    step = gradient_step(network, samples.rows, scale)
    (batch,) = Batches(samples, samples.rows)._gather(np.arange(samples.rows))
    step(*batch)
    network.weights[...] = network.gradient
    return network.store(), batch.likelihood, batch.total


def test_a_network_that_is_sure_makes_no_denormal_numbers() -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(32)
    weights = 40 * _weights_with_bias(architecture)  # scores hundreds apart

    gradient, likelihood, _ = _one_step(architecture, weights, samples, 1e-3)

    assert 1e-17 < likelihood.min() < 1e-15  # the floor, and no less
    assert np.abs(gradient[gradient != 0]).min() > 1e-30
