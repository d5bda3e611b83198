"""Exact sums of features: equal integers for every grouping and order, and errors instead of silent casts."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import exact_moments
from roundelay.ml.errors import BadTask, NotFinite
from roundelay.ml.exact_moments import FeatureSums, feature_sums, feature_sums_from_bytes
from roundelay.ml.task import ROWS_MAX
from tests.ml.ml_oracles import EFFORT

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
WHOLE = st.integers(-(1 << 24), 1 << 24).map(float)  # the square of the largest is just too large for the short way
TABLES = st.tuples(st.integers(1, 4), st.sampled_from((FLOAT32, WHOLE))).flatmap(
    lambda kind: st.lists(st.lists(kind[1], min_size=kind[0], max_size=kind[0]), min_size=1, max_size=40)
)


@EFFORT
@given(TABLES)
def test_sums_are_the_sums_of_the_fractions(table: list[list[float]]) -> None:
    sums = feature_sums(np.array(table, np.float32))

    for column, (total, squares) in enumerate(zip(sums.sums, sums.squares, strict=True)):
        values = [Fraction(row[column]) for row in table]
        assert Fraction(total, 1 << 149) == sum(values)
        assert Fraction(squares, 1 << 298) == sum(v * v for v in values)


@EFFORT
@given(TABLES, st.data())
def test_any_grouping_and_order_gives_the_same_integers(table: list[list[float]], data: st.DataObject) -> None:
    x = np.array(table, np.float32)
    order = np.array(data.draw(st.permutations(range(len(x)))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(x) - 1)))) if len(x) > 1 else []

    parts = [feature_sums(part) for part in np.split(x[order], cuts)]
    total = parts[-1]
    for part in parts[:-1]:
        total = total + feature_sums_from_bytes(part.to_bytes())

    whole = feature_sums(x)
    assert total == whole
    assert total.to_bytes() == whole.to_bytes()
    assert total.moments().to_bytes() == whole.moments().to_bytes()


@EFFORT
@given(TABLES)
def test_sums_survive_encoding(table: list[list[float]]) -> None:
    sums = feature_sums(np.array(table, np.float32))

    assert feature_sums_from_bytes(sums.to_bytes()) == sums


def test_sums_of_many_rows_stay_exact() -> None:
    x = np.full((40_000, 1), 16_777_215.0, np.float32)  # 24 ones

    sums = feature_sums(x)

    assert sums.sums[0] == (40_000 * 16_777_215) << 149
    assert sums.squares[0] == (40_000 * 16_777_215**2) << 298


def test_sums_over_many_small_blocks_are_those_of_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((999, 3)) * 10.0 ** rng.integers(-30, 18, (999, 3))).astype(np.float32)  # (n, d)
    whole = feature_sums(x)

    monkeypatch.setattr(exact_moments, "_BLOCK_NUMBERS", 21)
    monkeypatch.setattr(exact_moments, "_FLUSH_BLOCKS", 5)

    assert feature_sums(x) == whole


def test_moments_match_numpy_in_float64() -> None:
    x = (np.random.default_rng(0).standard_normal((5000, 6)) * [1, 2, 30, 1e-3, 5, 1] + 7).astype(np.float32)

    moments = feature_sums(x).moments()

    assert np.array_equal(moments.mean, x.mean(axis=0, dtype=np.float64).astype(np.float32))
    assert moments.std == pytest.approx(x.std(axis=0, dtype=np.float64), rel=1e-6)


def test_the_variance_does_not_cancel() -> None:
    x = np.array([[1e8], [1e8 + 8]], np.float32)

    assert feature_sums(x).moments().std.tolist() == [4.0]


@pytest.mark.parametrize("value", [0.0, 3.7, -1e30, 1e-45])
def test_a_constant_feature_has_standard_deviation_1(value: float) -> None:
    x = np.full((7, 1), value, np.float32)

    moments = feature_sums(x).moments()

    assert moments.std.tolist() == [1.0]
    assert moments.mean.tolist() == x[0].tolist()


def test_a_feature_at_the_ends_of_float32_has_finite_moments() -> None:
    largest = float(np.finfo(np.float32).max)

    moments = feature_sums(np.array([[largest, 1e-45], [-largest, 0]], np.float32)).moments()

    assert moments.mean.tolist()[0] == 0
    assert moments.std[0] == np.float32(largest)
    assert moments.std[1] > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(NotFinite):
        feature_sums(np.array([[1], [value]], np.float32))


def test_sums_of_different_widths_are_not_added() -> None:
    with pytest.raises(BadTask):
        feature_sums(np.ones((1, 2), np.float32)) + feature_sums(np.ones((1, 3), np.float32))


def test_pooled_sums_are_those_of_the_whole_group() -> None:
    sums = FeatureSums(10, (1, 2, 30, 40), (5, 6, 700, 800))

    assert sums.pooled(2) == FeatureSums(20, (3, 3, 70, 70), (11, 11, 1500, 1500))
    assert sums.pooled(1) == FeatureSums(40, (73,) * 4, (1511,) * 4)
    assert sums.pooled(4) == sums


@pytest.mark.parametrize("groups", [-1, 0, 3, 5, 8])
def test_features_that_groups_do_not_divide_are_not_pooled(groups: int) -> None:
    with pytest.raises(BadTask):
        FeatureSums(10, (1, 2, 3, 4), (5, 6, 7, 8)).pooled(groups)


def test_the_longest_number_of_a_sum_is_accepted_and_a_longer_one_refused() -> None:
    longest = FeatureSums(1, (1 << (96 * 8 - 2),), (1,))

    assert feature_sums_from_bytes(longest.to_bytes()) == longest
    with pytest.raises(BadTask):
        feature_sums_from_bytes(FeatureSums(1, (1 << (96 * 8),), (1,)).to_bytes())


@pytest.mark.parametrize("rows", [0, ROWS_MAX + 1])
def test_sums_over_an_impossible_number_of_rows_are_refused(rows: int) -> None:
    with pytest.raises(BadTask, match=f"1 features and {rows} rows"):
        feature_sums_from_bytes(FeatureSums(rows, (5,), (25,)).to_bytes())


@pytest.mark.parametrize("numbers", [b"\x01\x05\x00", b"\x01\x05\x05\x07\x07"])
def test_an_empty_or_truncated_number_is_refused(numbers: bytes) -> None:
    """Refuse a second number whose length is 0, or is 5 when two bytes follow."""
    head = FeatureSums(1, (5,), (5,)).to_bytes()[:12]

    with pytest.raises(BadTask, match="at byte 14"):
        feature_sums_from_bytes(head + numbers)


@EFFORT
@given(st.binary(max_size=80))
def test_malformed_sums_are_refused(data: bytes) -> None:
    try:
        sums = feature_sums_from_bytes(data)
    except BadTask:
        return
    assert len(sums.sums) == len(sums.squares) > 0


@EFFORT
@given(st.data())
def test_damaged_sums_are_refused_or_still_well_formed(data: st.DataObject) -> None:
    good = bytearray(FeatureSums(3, (1, -2), (5, 1 << 300)).to_bytes())
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))

    try:
        feature_sums_from_bytes(bytes(good[:cut]))
    except BadTask:
        assert True


def test_the_square_root_of_a_variance_is_rounded_once() -> None:
    x = np.array([[0], [1], [2]], np.float32)

    assert feature_sums(x).moments().std[0] == np.float32(math.sqrt(2 / 3))
