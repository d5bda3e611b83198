"""Clipping and noise: with the default policy, the imprint attack (bench/imprint.py) recovers no row."""

from __future__ import annotations

import numpy as np
import pytest

from bench.imprint import ATTACKS, ROWS, by_default, recovered, unprotected
from roundelay.ml import exact
from roundelay.ml.errors import BadTask
from roundelay.ml.privacy import protect


def test_without_protection_the_attack_recovers_every_row() -> None:
    assert recovered(*ATTACKS["one batch"], unprotected) == ROWS


@pytest.mark.parametrize("attack", ATTACKS)
def test_with_the_default_policy_no_row_comes_back(attack: str) -> None:
    assert recovered(*ATTACKS[attack], by_default()) == 0


def test_nor_from_the_mean_of_many_orders() -> None:
    assert recovered(*ATTACKS["one batch"], by_default(), orders=20) == 0


def test_an_update_is_clipped_to_the_norm_and_zero_stays_zero() -> None:
    bits, rows = 20, 10
    large = exact.quantise(np.array([3.0, 4.0]), np.zeros(2, np.float32), rows, bits).astype("<i8").tobytes()

    def mean(total: bytes) -> list[float]:
        return list(np.ldexp(np.frombuffer(total, "<i8").astype(float), -bits) / rows)

    assert mean(protect(large, rows, bits, 1.0, 0.0, 1)) == pytest.approx([0.6, 0.8], abs=1e-5)
    assert mean(protect(large, rows, bits, 9.0, 0.0, 1)) == pytest.approx([3.0, 4.0], abs=1e-5)
    assert mean(protect(bytes(16), rows, bits, 1.0, 0.0, 1)) == [0.0, 0.0]
    assert protect(large, rows, bits, 1.0, 0.1, 1) != protect(large, rows, bits, 1.0, 0.1, 2)


def test_a_malformed_sum_is_refused() -> None:
    with pytest.raises(BadTask):
        protect(b"123", 1, 1, 1.0, 0.1, 1)
