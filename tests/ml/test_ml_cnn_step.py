"""The fast step of the convolutional network: what the plain gradient computes, in reused buffers."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.ml.data import Floats, Ints
from roundelay.ml.design import Design
from roundelay.ml.models.cnn import Cnn
from roundelay.ml.models.cnn_step import ROWS_MAX
from roundelay.ml.training_plan import TrainConfig

SHAPES = [(1, 28, 28), (3, 13, 17), (2, 16, 15), (1, 12, 12)]
CONFIG = TrainConfig("sgd", 1, 0.05, 32, 0.0)


def design(shape: tuple[int, ...], classes: int = 5) -> Design:
    return Design((int(np.prod(shape)), 9, 7, classes), "cnn", shape)


def batch(shape: tuple[int, ...], rows: int, seed: int = 0) -> tuple[Floats, Ints, Floats]:
    """Return images of a few grey levels, half of them blank: most maxima are of equal numbers."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (rows, int(np.prod(shape)))).astype(np.float32)  # (n, d)
    x[:, : x.shape[1] // 2] = 0.5
    return x, rng.integers(0, 5, rows), rng.uniform(0.5, 2.0, rows).astype(np.float32)


def model(shape: tuple[int, ...], config: TrainConfig = CONFIG) -> Cnn:
    made = Cnn(design(shape))
    made.init_parameters(np.random.default_rng(1))
    made.prepare(config, 2)
    return made


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("rows", [1, 7, 32, ROWS_MAX + 5, 3 * ROWS_MAX])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_is_that_of_the_plain_gradient(shape: tuple[int, ...], rows: int, dropout: float) -> None:
    config = TrainConfig("sgd", 1, 0.05, 32, 0.0, dropout)
    fast, plain, (x, y, weights) = model(shape, config), model(shape, config), batch(shape, rows)
    expected_scores, gradient = plain.gradient(x, y, weights, np.random.default_rng([2, 1]))

    scores = fast.train(x, y, weights)

    largest = abs(gradient).max()
    assert np.allclose(scores, expected_scores, atol=1e-5 * abs(expected_scores).max())
    assert np.allclose(plain.parameters - fast.parameters, 0.05 * gradient, atol=1e-5 * largest)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_buffers_keep_nothing_of_an_earlier_batch(shape: tuple[int, ...]) -> None:
    used, new = model(shape), model(shape)
    for rows, seed in ((5, 1), (40, 2), (5, 3)):
        used.train(*batch(shape, rows, seed))
    used.predict(batch(shape, 9)[0])
    used.init_parameters(np.random.default_rng(1))
    used.prepare(CONFIG, 2)

    scores = [each.train(*batch(shape, 5, 4)) for each in (used, new)]

    assert scores[0].tobytes() == scores[1].tobytes()
    assert used.parameters.tobytes() == new.parameters.tobytes()


def test_predictions_do_not_depend_on_what_was_predicted_before() -> None:
    made, x = model((1, 28, 28)), batch((1, 28, 28), 2 * ROWS_MAX + 3)[0]
    first = made.predict(x)
    made.predict(x[:7])

    assert made.predict(x).tobytes() == first.tobytes()
    assert np.allclose(first, made._scores(x), atol=1e-5 * abs(first).max())
