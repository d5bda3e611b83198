"""Exact sums of updates: equal integers for every grouping and order, and errors instead of silent casts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import exact
from roundelay.ml.errors import OutOfRange, StepTooLarge
from tests.ml.ml_oracles import EFFORT


@pytest.mark.parametrize(
    ("rows", "bits"), [(1, 40), (4096, 40), (4097, 39), (16_500, 37), (1 << 20, 32), (1 << 40, 12)]
)
def test_fraction_bits_leave_room_for_every_row(rows: int, bits: int) -> None:
    assert exact.fraction_bits(rows) == bits
    assert rows << (bits + exact.CHANGE_BITS_MAX) <= 1 << exact.SUM_BITS_MAX


@pytest.mark.parametrize("rows", [0, -1, (1 << 40) + 1])
def test_fraction_bits_need_a_sensible_row_count(rows: int) -> None:
    with pytest.raises(OutOfRange):
        exact.fraction_bits(rows)


@EFFORT
@given(st.integers(0, 2**32), st.integers(2, 12), st.data())
def test_any_grouping_and_order_gives_the_same_weights(seed: int, files: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    base = rng.standard_normal(20).astype(np.float32)
    rows = rng.integers(1, 1000, files).tolist()
    bits = exact.fraction_bits(sum(rows))
    parts = [exact.quantise(base + rng.standard_normal(20).astype(np.float32), base, n, bits) for n in rows]

    order = data.draw(st.permutations(range(files)))
    cut = data.draw(st.integers(0, files))
    groups = []
    for group in (order[:cut], order[cut:]):
        total = np.zeros(20, np.int64)
        for i in group:
            exact.add(total, parts[i])
        groups.append(total)
    exact.add(groups[0], groups[1])

    together = np.sum(parts, axis=0)
    assert np.array_equal(groups[0], together)
    means = [exact.mean(base, total, sum(rows), bits) for total in (groups[0], together)]
    assert means[0].tobytes() == means[1].tobytes()


def test_the_mean_equals_the_float64_mean_for_the_letters() -> None:
    rng = np.random.default_rng(1)
    base = rng.standard_normal(1000).astype(np.float32)
    local = [(base + 0.1 * rng.standard_normal(1000)).astype(np.float32) for _ in range(33)]
    bits, total = exact.fraction_bits(16_500), np.zeros(1000, np.int64)

    for weights in local:
        exact.add(total, exact.quantise(weights, base, 500, bits))

    plain = np.mean(local, axis=0, dtype=np.float64).astype(np.float32)
    assert np.array_equal(exact.mean(base, total, 16_500, bits), plain)


def test_files_count_by_their_rows() -> None:
    base, bits, total = np.zeros(1, np.float32), exact.fraction_bits(4), np.zeros(1, np.int64)

    exact.add(total, exact.quantise(np.array([4.0], np.float32), base, 1, bits))
    exact.add(total, exact.quantise(np.array([8.0], np.float32), base, 3, bits))

    assert exact.mean(base, total, 4, bits).tolist() == [7.0]


def test_float64_weights_are_quantised_as_they_are() -> None:
    base, local = np.zeros(1, np.float32), np.array([1 + 2.0**-30])

    assert exact.quantise(local, base, 1, 40).tolist() == [(1 << 40) + (1 << 10)]


def test_changes_are_rounded_to_the_nearest_unit() -> None:
    local = np.array([0.75, -0.75, 0.25, 1.5, 2.5]) * 2.0**-12

    assert exact.quantise(local, np.zeros(5, np.float32), 1, 12).tolist() == [1, -1, 0, 2, 2]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(StepTooLarge):
        exact.quantise(np.array([0, value], np.float32), np.zeros(2, np.float32), 1, 40)


@pytest.mark.parametrize(("change", "fits"), [(1023.99, True), (1024.0, False), (-1024.0, False), (3e38, False)])
def test_a_change_of_1024_is_out_of_range(change: float, fits: bool) -> None:
    local, base = np.array([change], np.float32), np.zeros(1, np.float32)

    if fits:
        exact.quantise(local, base, 1 << 12, 40)
    else:
        with pytest.raises(StepTooLarge, match="changed by"):
            exact.quantise(local, base, 1, 40)


def test_more_rows_than_the_fraction_bits_allow_are_out_of_range() -> None:
    with pytest.raises(OutOfRange):
        exact.quantise(np.ones(1, np.float32), np.zeros(1, np.float32), 4097, 40)


def test_the_largest_sum_of_a_job_does_not_overflow() -> None:
    rows, bits = 1 << 14, exact.fraction_bits(1 << 14)
    base, local = np.zeros(1, np.float32), np.array([1023.9999], np.float32)

    total = exact.quantise(local, base, rows, bits)

    assert exact.mean(base, total, rows, bits).tolist() == local.tolist()


@pytest.mark.parametrize(("rows", "accepted"), [(0, False), (-1, False), (1, True)])
def test_a_mean_needs_at_least_one_row(rows: int, accepted: bool) -> None:
    base, total = np.ones(2, np.float32), np.array([1 << 10, 0], np.int64)

    if accepted:
        assert exact.mean(base, total, rows, 10).tolist() == [2.0, 1.0]
    else:
        with pytest.raises(OutOfRange):
            exact.mean(base, total, rows, 10)


def test_sums_of_different_lengths_are_not_added() -> None:
    with pytest.raises(OutOfRange):
        exact.add(np.zeros(2, np.int64), np.zeros(3, np.int64))
    with pytest.raises(OutOfRange):
        exact.mean(np.zeros(2, np.float32), np.zeros(3, np.int64), 1, 40)


@pytest.mark.parametrize("size", [1, 1 << 16, (1 << 16) + 3, 200_000])
def test_an_update_is_the_same_integers_in_blocks_and_as_a_whole(size: int) -> None:
    rng = np.random.default_rng(size)
    base, local = (rng.standard_normal(size).astype(np.float32) for _ in range(2))

    found = np.concatenate([part for _, part in exact.quantised(local, base, 7, 30)])

    assert np.array_equal(found, exact.quantise(local, base, 7, 30))
