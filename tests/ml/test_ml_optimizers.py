"""Optimizer steps against their formulas in float64, and the flushing of denormal numbers."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.ml.optimizers import FLUSH_BELOW, FLUSH_STEPS, adam_update, clipped, momentum_update

TINY = np.finfo(np.float32).tiny


def gradients(steps: int) -> np.ndarray:
    return np.random.default_rng(2).standard_normal((steps, 50)).astype(np.float32)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_momentum_follows_its_formula(momentum: float) -> None:
    weights, eta_gradient = np.ones(50, np.float32), np.empty(50, np.float32)
    update = momentum_update(weights, eta_gradient, momentum)
    w, velocity = np.ones(50), np.zeros(50)

    for gradient in gradients(200):
        eta_gradient[...] = 0.01 * gradient
        update()
        velocity = momentum * velocity - 0.01 * gradient
        w = w + velocity

    assert weights == pytest.approx(w, abs=1e-5)


@pytest.mark.parametrize("norm", [0.5, 1.9, 2.1, 400.0, 1e25])
def test_a_gradient_longer_than_the_limit_keeps_its_direction_only(norm: float) -> None:
    gradient = np.zeros((2, 4), np.float32)
    gradient[0], gradient[1] = [0, 0.6, 0, 0.8], [1, 0, 0, 0]
    gradient[0] *= norm
    seen: list[np.ndarray] = []

    with np.errstate(over="ignore"):
        clipped(lambda: seen.append(gradient.copy()), gradient, 2.0)()

    length = norm if norm <= 2 else 2.0 if norm < 1e19 else 0.0  # the square of the last norm is not a float32
    assert seen[0][0] == pytest.approx([0, 0.6 * length, 0, 0.8 * length], rel=1e-6)
    assert seen[0][1].tolist() == [1, 0, 0, 0]


def test_without_a_limit_there_is_no_further_call() -> None:
    def update() -> None:
        pass

    assert clipped(update, np.zeros((1, 2), np.float32), 0.0) is update


def test_adam_follows_its_formula() -> None:
    weights, gradient32 = np.ones(50, np.float32), np.empty(50, np.float32)
    update = adam_update(weights, gradient32, 0.01)
    w, first, second = np.ones(50), np.zeros(50), np.zeros(50)

    for step, gradient in enumerate(gradients(200), 1):
        gradient32[...] = gradient
        update()
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient.astype(np.float64) ** 2
        w = w - 0.01 * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)

    assert weights == pytest.approx(w, abs=1e-4)


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_the_velocity_of_dead_units_becomes_zero_not_denormal(name: str) -> None:
    weights, gradient = np.ones(50, np.float32), np.full(50, 0.01, np.float32)
    update = momentum_update(weights, gradient, 0.9) if name == "momentum" else adam_update(weights, gradient, 0.01)
    states = [cell.cell_contents for cell in update.__closure__ or () if isinstance(cell.cell_contents, np.ndarray)]
    decaying = [s for s in states if s is not weights and s is not gradient]
    update()

    gradient[...] = 0
    least = np.inf
    for _ in range(40 * FLUSH_STEPS):
        update()
        for state in decaying[:2]:
            least = min(least, np.abs(state[state != 0]).min(initial=np.inf))

    assert least >= TINY
    assert np.float32(0.9) ** FLUSH_STEPS * FLUSH_BELOW > TINY
