"""Encoding of moments, and standardisation by them."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.ml.data import Moments, moments_from_bytes, standardise
from roundelay.ml.errors import BadTask
from roundelay.ml.exact_moments import feature_sums


def test_standardised_features_have_mean_0_and_deviation_1() -> None:
    x = (np.random.default_rng(0).standard_normal((500, 3)) * [1, 20, 0.1] + [5, -7, 1000]).astype(np.float32)

    z = standardise(x, feature_sums(x).moments())

    assert z.dtype == np.float32
    assert z.mean(axis=0, dtype=np.float64) == pytest.approx(np.zeros(3), abs=1e-3)
    assert z.std(axis=0, dtype=np.float64) == pytest.approx(np.ones(3), abs=1e-4)


def test_a_constant_feature_becomes_0() -> None:
    x = np.full((4, 1), 0.1, np.float32)

    assert not standardise(x, feature_sums(x).moments()).any()


def test_moments_survive_encoding() -> None:
    moments = Moments(np.array([1.5, -2], np.float32), np.array([0.1, 1], np.float32))

    again = moments_from_bytes(moments.to_bytes())

    assert np.array_equal(again.mean, moments.mean)
    assert np.array_equal(again.std, moments.std)


@pytest.mark.parametrize("std", [0, -1, np.nan, np.inf])
def test_moments_with_a_bad_standard_deviation_are_refused(std: float) -> None:
    with pytest.raises(BadTask):
        moments_from_bytes(Moments(np.zeros(1, np.float32), np.array([std], np.float32)).to_bytes())


@pytest.mark.parametrize("data", [b"", b"1234", b"123456789012"])
def test_malformed_moments_are_refused(data: bytes) -> None:
    with pytest.raises(BadTask):
        moments_from_bytes(data)


def test_samples_of_another_width_are_refused() -> None:
    with pytest.raises(BadTask):
        standardise(np.zeros((1, 2), np.float32), Moments(np.zeros(3, np.float32), np.ones(3, np.float32)))


def test_extreme_values_are_limited_to_eight_standard_deviations() -> None:
    moments = Moments(np.ones(1, np.float32), np.array([2], np.float32))
    x = np.array([[1e30], [-1e30], [16.5], [17.5], [-3]], np.float32)

    assert standardise(x, moments)[:, 0].tolist() == [8, -8, 7.75, 8, -2]


def test_no_value_overflows_however_small_the_deviation_is() -> None:
    moments = Moments(np.zeros(1, np.float32), np.array([1e-38], np.float32))

    assert standardise(np.array([[3e38], [-3e38]], np.float32), moments)[:, 0].tolist() == [8, -8]
