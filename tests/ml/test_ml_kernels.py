"""The fast gradient against the plain one, and the rows of the batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from roundelay.ml import aligned
from roundelay.ml.arithmetic import NATIVE
from roundelay.ml.batches import BLOCK_BYTES, Batches
from roundelay.ml.data import Samples
from roundelay.ml.kernels import Batch, Network, gradient_step
from roundelay.ml.mlp import Architecture, init, loss_and_gradient
from tests.ml.ml_oracles import make_samples

SIZES = [(5, 4), (5, 7, 4), (5, 8, 3, 4), (16, 64, 26)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("batch", [1, 2, 7, 32])
@pytest.mark.parametrize("files", [1, 3])
def test_gradient_and_loss_match_the_plain_version(sizes: tuple[int, ...], batch: int, files: int) -> None:
    architecture, scale = Architecture(sizes), 0.37
    shards = [make_samples(batch, sizes[0], sizes[-1], seed=batch + i) for i in range(files)]
    weights = _weights_with_bias(architecture)

    gradients, batches, step_batch = _one_step(architecture, weights, shards, scale)

    assert (NATIVE.unit / step_batch.total / scale).max() <= 1 + 1e-6
    for samples, gradient, reported in zip(shards, gradients, batches.losses(), strict=True):
        loss, plain = loss_and_gradient(architecture, weights.astype(np.float64), samples.x, samples.y)
        assert gradient == pytest.approx(scale * batch * plain, abs=2e-6)
        assert reported == pytest.approx(loss, rel=1e-5)


def test_a_step_leaves_enough_to_count_correct_predictions() -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(50)
    weights = _weights_with_bias(architecture)

    _, batches, _ = _one_step(architecture, weights, [samples], 0.01)

    x = samples.x.astype(np.float64)
    first, second = architecture.views(weights.astype(np.float64))
    scores = np.maximum(x @ first[1:] + first[0], 0) @ second[1:] + second[0]
    assert np.array_equal(batches.outcomes[0] == batches.best[0], scores.argmax(axis=1) == samples.y)


def test_a_hidden_unit_at_zero_passes_nothing_back() -> None:
    architecture, samples = Architecture((5, 3, 4)), make_samples(6)
    weights = _weights_with_bias(architecture)
    architecture.views(weights)[0][:, 1] = 0  # unit 1 is exactly 0 for every sample

    (gradient,), _, _ = _one_step(architecture, weights, [samples], 1.0)

    assert not architecture.views(gradient)[0][:, 1].any()


def test_scores_far_apart_stay_finite() -> None:
    architecture, samples = Architecture((5, 4)), make_samples(8)

    (gradient,), _, _ = _one_step(architecture, 1e4 * _weights_with_bias(architecture), [samples], 1.0)

    assert np.isfinite(gradient).all()


def test_a_confident_network_makes_no_denormal_numbers() -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(32)
    weights = 40 * _weights_with_bias(architecture)  # scores hundreds apart

    (gradient,), batches, _ = _one_step(architecture, weights, [samples], 1e-3)

    assert 1e-17 < (batches.outcomes * NATIVE.unit).min() < 1e-15  # the floor, and no less
    assert np.abs(gradient[gradient != 0]).min() > 1e-30


def test_a_network_stores_the_weights_that_it_loaded() -> None:
    architecture = Architecture((5, 7, 4))
    weights = _weights_with_bias(architecture)
    network = Network(architecture, 3)

    network.load(weights)

    assert not np.array_equal(network.weights[1], weights)  # the first matrix lies transposed
    assert all(np.array_equal(stored, weights) for stored in network.unload())


@pytest.mark.parametrize(("rows", "size"), [(1, 1), (8, 8), (9, 8), (20, 8), (500, 32), (30_000, 64)])
@pytest.mark.parametrize("files", [1, 3])
def test_batches_hold_every_row_once_in_the_order_given(rows: int, size: int, files: int) -> None:
    shards = [
        Samples(np.arange(3 * rows, dtype=np.float32).reshape(rows, 3) + i, (np.arange(rows) + i) % 5)
        for i in range(files)
    ]
    batches = Batches(shards, size, 5, 0.5, 0.25)
    orders = np.stack([np.random.default_rng(i).permutation(rows) for i in range(files)])

    seen = []
    for batch in batches.epoch(orders):
        x = batch.rows.reshape(files, size, 4) / NATIVE.unit
        assert np.array_equal(x.mT * NATIVE.unit, batch.columns.reshape(files, 4, size))
        assert (x[..., 0] == 1).all()
        labels, places = np.divmod(batch.labels.reshape(files, size), files * size)  # (F, size) of the flat scores
        assert np.array_equal(places.reshape(-1), np.arange(files * size))
        factors = np.ones((files, 1, size)) if batch.factors is None else batch.factors.reshape(files, 1, size)
        batch.outcome[...] = batch.total[...] = 1
        seen += [(x[:, i, 1:].copy(), labels[:, i], factors[:, 0, i].copy()) for i in range(size)]

    tail = rows % size
    for place, (x, classes, factors) in enumerate(seen):
        if place >= rows:  # behind the last row
            assert not factors.any()
            continue
        assert (factors == (0.5 if place >= rows - tail else 1)).all()
        for i, samples in enumerate(shards):
            assert np.array_equal(x[i], samples.x[orders[i, place]])
            assert classes[i] == samples.y[orders[i, place]]
    assert len(seen) == rows - tail + (size if tail else 0)


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize(("features", "is_copied"), [(16, True), (784, False)])
def test_only_narrow_inputs_are_copied_transposed(features: int, is_copied: bool, files: int) -> None:
    batches = Batches([make_samples(70, features)] * files, 32, 4, 1.0, 1.0)

    for batch in batches.epoch(np.tile(np.arange(70), (files, 1))):
        batch.outcome[...] = batch.total[...] = 1
        assert np.array_equal(batch.columns, batch.rows.swapaxes(-2, -1))
        assert np.shares_memory(batch.columns, batch.rows) is not is_copied


@pytest.mark.parametrize(("files", "rows", "size"), [(1, 30_000, 32), (40, 5_000, 32), (40, 300, 300), (3, 2_000, 7)])
def test_a_block_is_bounded_or_one_batch_of_each_file(files: int, rows: int, size: int) -> None:
    batches = Batches([make_samples(rows)] * files, size, 4, 1.0, 1.0)

    assert len(batches.batches) == 1 or batches.block.size_bytes <= BLOCK_BYTES


def test_class_weights_are_factors_of_the_rows_of_their_class() -> None:
    samples, weights = make_samples(20), (1.0, 2.0, 0.5, 3.0)
    batches, found = Batches([samples], 8, 4, 0.5, 0.25, weights), []

    for batch in batches.epoch(np.arange(20)[None]):
        assert batch.factors is not None
        batch.outcome[...] = batch.total[...] = 1
        found += batch.factors.reshape(-1).tolist()

    expected = np.array(weights)[samples.y]
    assert np.allclose(found, [*expected[:16], *expected[16:] / 2, 0, 0, 0, 0])


def test_batches_measure_loss_and_accuracy_from_the_steps() -> None:
    samples = make_samples(20)
    batches = Batches([samples, samples], 8, 4, 0.5, 0.5)

    for _ in range(2):  # the second epoch starts from nothing
        for number, batch in enumerate(batches.epoch(np.tile(np.arange(20), (2, 1)))):
            batch.outcome[0], batch.outcome[1] = 0.25 / NATIVE.unit, 0.125 / NATIVE.unit
            batch.total[...] = (4 if number else 2) * NATIVE.unit

    assert batches.accuracies() == [12 / 20, 0]
    assert batches.losses() == pytest.approx([np.log(2), np.log(4)])


def _weights_with_bias(architecture: Architecture) -> np.ndarray:
    noise = np.random.default_rng(7).standard_normal(architecture.parameters)
    return (init(architecture, 1) + 0.1 * noise).astype(np.float32)


def _one_step(
    architecture: Architecture, weights: np.ndarray, shards: list[Samples], scale: float
) -> tuple[list[np.ndarray], Batches, Batch]:
    """Make a step; return the gradients in mlp's layout, the batches and the only batch."""
    rows = shards[0].rows
    network = Network(architecture, len(shards))
    network.load(weights)
    step = gradient_step(network, rows, scale)
    batches = Batches(shards, rows, architecture.classes, scale, scale)
    for batch in batches.epoch(np.tile(np.arange(rows), (len(shards), 1))):
        step(batch)
    network.weights[...] = network.gradient
    return network.unload(), batches, batch


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_buffers_begin_at_a_cache_line(dtype: type[np.floating[Any]]) -> None:
    kept = [aligned.empty((3, 1 + size), dtype) for size in range(9)]

    assert all(each.ctypes.data % aligned.LINE_BYTES == 0 and each.flags.c_contiguous for each in kept)
    assert [each.shape for each in kept] == [(3, 1 + size) for size in range(9)]
    assert {each.dtype for each in kept} == {np.dtype(dtype)}
