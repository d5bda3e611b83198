"""The plain network: gradient, initial weights, predictions."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.ml.data import Samples
from roundelay.ml.errors import BadTask
from roundelay.ml.mlp import EVALUATION_ROWS, Architecture, evaluate, forward, init, loss_and_gradient, predict
from tests.ml.ml_oracles import make_samples, plain_scores

ARCHITECTURES = [(5, 4), (5, 7, 4), (5, 6, 3, 4)]


@pytest.mark.parametrize("sizes", ARCHITECTURES)
def test_gradient_matches_finite_differences(sizes: tuple[int, ...]) -> None:
    architecture, samples, step = Architecture(sizes), make_samples(9), 1e-6
    rng = np.random.default_rng(3)
    weights = init(architecture, 1).astype(np.float64) + 0.1 * rng.standard_normal(architecture.parameters)
    x = samples.x.astype(np.float64)

    _, gradient = loss_and_gradient(architecture, weights, x, samples.y)

    for i in range(architecture.parameters):
        there, back = weights.copy(), weights.copy()
        there[i] += step
        back[i] -= step
        loss_there, _ = loss_and_gradient(architecture, there, x, samples.y)
        loss_back, _ = loss_and_gradient(architecture, back, x, samples.y)
        assert gradient[i] == pytest.approx((loss_there - loss_back) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("sizes", ARCHITECTURES)
def test_loss_is_the_mean_cross_entropy(sizes: tuple[int, ...]) -> None:
    architecture, samples = Architecture(sizes), make_samples(11)
    weights, x = init(architecture, 2).astype(np.float64), samples.x.astype(np.float64)

    loss, _ = loss_and_gradient(architecture, weights, x, samples.y)

    p = np.exp(plain_scores(architecture, weights, x))
    p /= p.sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(p[np.arange(11), samples.y]).mean(), rel=1e-12)


def test_gradient_keeps_the_precision_of_the_weights() -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(9)
    weights = init(architecture, 1)

    assert loss_and_gradient(architecture, weights, samples.x, samples.y)[1].dtype == np.float32
    assert loss_and_gradient(architecture, weights.astype(np.float64), samples.x, samples.y)[1].dtype == np.float64


def test_scores_of_a_thousand_still_give_a_finite_loss() -> None:
    architecture, samples = Architecture((5, 4)), make_samples(9)
    weights = 1000 * init(architecture, 1)

    assert np.isfinite(loss_and_gradient(architecture, weights, samples.x, samples.y)[0])


def test_views_share_the_flat_vector_and_start_with_the_bias() -> None:
    architecture = Architecture((5, 7, 4))
    flat = np.arange(architecture.parameters, dtype=np.float32)

    first, second = architecture.views(flat)
    second[0] = -1

    assert (first.shape, second.shape) == ((6, 7), (8, 4))
    assert architecture.parameters == 6 * 7 + 8 * 4
    assert flat[42:46].tolist() == [-1] * 4


def test_initial_weights_follow_he_initialisation_and_the_seed() -> None:
    architecture = Architecture((200, 300, 26))

    weights = init(architecture, 5)

    first, second = architecture.views(weights)
    assert not first[0].any() and not second[0].any()
    assert first[1:].std() == pytest.approx((2 / 200) ** 0.5, rel=0.02)
    assert np.array_equal(weights, init(architecture, 5))
    assert not np.array_equal(weights, init(architecture, 6))


def test_identity_activation_makes_a_linear_network() -> None:
    architecture = Architecture((5, 7, 4), "identity")
    weights = init(Architecture((5, 7, 4)), 1).astype(np.float64)
    x = make_samples(9).x.astype(np.float64)

    scores = forward(architecture, weights, x)[-1]

    assert np.allclose(forward(architecture, weights, 2 * x)[-1], 2 * scores)


@pytest.mark.parametrize("rows", [1, EVALUATION_ROWS, EVALUATION_ROWS + 1, 3 * EVALUATION_ROWS - 1])
def test_evaluation_counts_the_same_however_many_blocks(rows: int) -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(rows)
    weights = init(architecture, 4)

    found = evaluate(architecture, weights, samples)

    scores = plain_scores(architecture, weights.astype(np.float64), samples.x.astype(np.float64))
    loss, _ = loss_and_gradient(architecture, weights.astype(np.float64), samples.x, samples.y)
    assert found.rows == rows
    assert found.errors == (scores.argmax(axis=1) != samples.y).sum()
    assert found.loss == pytest.approx(loss, rel=1e-5)
    assert found.error_rate == found.errors / rows
    assert np.array_equal(predict(architecture, weights, samples.x), scores.argmax(axis=1))


def test_weights_that_are_not_finite_are_evaluated_without_a_warning() -> None:
    architecture, samples = Architecture((5, 7, 4)), make_samples(9)

    found = evaluate(architecture, np.full(architecture.parameters, np.nan, np.float32), samples)

    assert found.rows == 9


@pytest.mark.parametrize("sizes", [(), (5,), (5, 0, 4), (5, -1), (5, 2.0, 4), (1 << 20, 1 << 20), (2,) * 40])
def test_impossible_sizes_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(BadTask):
        Architecture(sizes)


def test_samples_report_their_shape() -> None:
    samples = Samples(np.zeros((3, 2), np.float32), np.zeros(3, np.int64))

    assert (samples.rows, samples.features, samples.size_bytes) == (3, 2, 48)
