"""Differential privacy: exact noise, and updates of bounded norm."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import numpy as np
import pytest

from roundelay.ml import discrete_gaussian
from roundelay.ml.discrete_gaussian import sample
from roundelay.ml.errors import OutOfRange, StepTooLarge
from roundelay.ml.privacy import clipped, noised, stream_of


def draw_of(seed: int) -> discrete_gaussian.Draw:
    rng = random.Random(seed)
    return rng.randbytes


# --- the noise


@pytest.mark.parametrize("sigma", [1, 3])
def test_samples_have_the_probabilities_of_the_discrete_gaussian(sigma: int) -> None:
    """By a chi-square test over the values within three standard deviations."""
    count, places = 50_000, np.arange(-3 * sigma, 3 * sigma + 1)
    drawn = sample(sigma, count, draw_of(sigma))
    weights = {x: math.exp(-(x**2) / (2 * sigma**2)) for x in range(-60, 61)}
    expected = np.array([count * weights[x] / sum(weights.values()) for x in places.tolist()])
    found = np.array([(drawn == x).sum() for x in places])

    chi2 = float(((found - expected) ** 2 / expected).sum())

    assert chi2 < len(places) + 5 * math.sqrt(2 * len(places))


def test_large_noise_has_the_moments_of_a_gaussian() -> None:
    drawn = sample(1 << 35, 100_000, draw_of(7)) / float(1 << 35)

    assert abs(drawn.mean()) < 5 / math.sqrt(1e5)
    assert abs(drawn.std() - 1) < 5 / math.sqrt(2e5)
    assert abs((drawn**4).mean() - 3) < 5 * math.sqrt(96 / 1e5)


def test_a_close_decision_is_made_with_more_bits() -> None:
    """A probability of 1/2: uniform numbers next to it are decided by the bits that follow."""
    half = 1 << 52
    zeros, ones = bytes(32), b"\xff" * 32

    def minus_ln_2() -> Decimal:
        return -Decimal(2).ln()

    assert discrete_gaussian._is_below(half - 1, minus_ln_2, lambda size: ones[:size])
    assert not discrete_gaussian._is_below(half, minus_ln_2, lambda size: ones[:size])
    assert not discrete_gaussian._is_below(half + 1, minus_ln_2, lambda size: zeros[:size])


@pytest.mark.parametrize("sigma", [0, (1 << 47) + 1])
def test_noise_out_of_range_is_refused(sigma: int) -> None:
    with pytest.raises(OutOfRange):
        sample(sigma, 1)


def test_the_same_seed_gives_the_same_noise_and_another_one_other_noise() -> None:
    total = np.arange(1000, dtype="<i8").tobytes()

    one, again, other = (noised(total, 1.0, 1.0, 30, stream_of(seed)) for seed in (b"a", b"a", b"b"))

    assert one == again
    assert one != other


# --- the norm


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_a_clipped_change_is_never_longer_than_the_clip(scale: float) -> None:
    change = scale * np.random.default_rng(1).normal(size=5000)

    units = clipped(change, 2.0, 30).tolist()

    assert sum(unit * unit for unit in units) <= (2 << 30) ** 2
    if np.linalg.norm(change) < 2:
        assert np.allclose(np.ldexp(np.array(units, float), -30), change, atol=2.0**-30)


def test_a_change_that_is_not_finite_is_refused() -> None:
    with pytest.raises(StepTooLarge):
        clipped(np.array([1.0, np.nan]), 1.0, 30)
