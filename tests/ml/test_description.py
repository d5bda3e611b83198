"""The description of a data set: right against numpy, however the rows are divided, and nothing small is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from roundelay.ml import exact_moments
from roundelay.ml.description import QUANTILES, Description, describe, describe_numbers, describe_sums, hide
from roundelay.ml.readers import dataset
from roundelay.ml.readers.dataset import ReadOptions
from roundelay.ml.readers.encoding import EncodedColumn, Encoding
from roundelay.ml.readers.schema import TableOptions
from tests.hypothesis_profiles import examples

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**100), max_value=2.0**100)
COLUMNS = arrays(np.float32, st.tuples(st.integers(1, 60), st.integers(1, 3)), elements=FLOATS)


def told(path: Path, hide_below: int = 1, task: str = "auto") -> Description:
    return describe(dataset.read(path, ReadOptions(table=TableOptions(missing="mean", task=task))), hide_below)


@examples(150)
@given(COLUMNS, st.lists(st.integers(1, 59), max_size=3))
def test_a_description_is_that_of_numpy_however_the_rows_are_divided(x: np.ndarray, cuts: list[int]) -> None:
    doubles = x.astype(np.float64)  # (n, d)
    parts = np.split(doubles, sorted(cuts))

    found = describe_numbers(["a"] * x.shape[1], np.zeros(x.shape[1]), lambda: iter(parts), 1)

    for place, each in enumerate(found):
        column = doubles[:, place]
        assert (each.count, each.missing) == (len(x), 0)
        assert each.mean == pytest.approx(column.mean(), rel=1e-6, abs=1e-6 * np.abs(column).max())
        assert each.deviation == pytest.approx(column.std(), rel=1e-6, abs=1e-6 * np.abs(column).max())
        expected = np.quantile(column, QUANTILES, method="inverted_cdf")
        assert each.quantiles == pytest.approx(expected, rel=1e-6)
        assert sum(count or 0 for count in each.histogram) in (0, len(x))


def test_a_table_is_described_with_its_gaps_words_and_classes(tmp_path: Path) -> None:
    rows = [f"{n},{'red' if n % 4 else 'blue'},{n % 2}" for n in range(1, 20)]
    (tmp_path / "t.csv").write_text("\n".join(["size,colour,class", *rows, ",red,1", "7,,0"]) + "\n")

    found = told(tmp_path / "t.csv")

    (size,) = found.numbers
    colour, classes = found.words
    assert (size.name, size.count, size.missing, size.quantiles[3]) == ("size", 20, 1, 9)
    assert size.mean == pytest.approx(np.mean([*range(1, 20), 7]))
    assert (colour.counts, colour.missing) == ((("red", 16), ("blue", 4)), 1)
    assert classes.counts == (("0", 10), ("1", 11))


def test_large_numbers_keep_their_digits(tmp_path: Path) -> None:
    rows = [f"{1_700_000_000 + n},{n % 2}" for n in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["seconds,class", *rows]) + "\n")

    (seconds,) = told(tmp_path / "t.csv").numbers

    assert seconds.deviation == pytest.approx(np.arange(100).std(), rel=1e-5)
    assert seconds.quantiles[::6] == (1_700_000_000, 1_700_000_099)
    assert seconds.mean == 1_700_000_049.5


def test_the_target_of_a_regression_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,target\n" + "".join(f"{n},{n / 8 + 0.05}\n" for n in range(40)))

    assert [each.name for each in told(tmp_path / "t.csv").numbers] == ["a", "target"]


def test_the_pixels_of_images_are_one_column_a_channel(tmp_path: Path) -> None:
    x = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)  # (n, h, w, c)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0, 1])

    found = told(tmp_path / "a.npz")

    assert [(each.name, each.count) for each in found.numbers] == [(f"channel {n}", 24) for n in range(3)]
    assert found.numbers[1].mean == pytest.approx(x[..., 1].mean())


def test_held_out_rows_are_not_described(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=np.eye(8), y_train=[0, 1] * 4, x_test=np.full((4, 8), 99.0), y_test=[0, 1] * 2)

    found = told(tmp_path / "a.npz")

    assert found.rows == 8
    assert max(each.quantiles[-1] or 0 for each in found.numbers) == 1


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ((9, 7, 0), (9, 7, 0)),
        ((9, 7, 4), (9, None, None)),  # one alone would follow from the total
        ((9, 3, 4), (9, None, None)),
        ((3,), (None,)),
        ((18, 1, 1), (None, None, None)),  # two that are at least 1 and make 2
        ((18, 9, 4, 4), (18, 9, None, None)),  # or 3 and 5
        ((18, 9, 2, 1, 1), (18, None, None, None, None)),
        ((1, 1, 1), (None, None, None)),
    ],
)
def test_small_counts_are_hidden_and_do_not_follow_from_the_total(
    counts: tuple[int, ...], shown: tuple[int | None, ...]
) -> None:
    assert hide(counts, 5) == shown


@examples(150)
@given(arrays(np.float32, st.tuples(st.integers(1, 40), st.just(1)), elements=FLOATS), st.integers(2, 10))
def test_nothing_is_told_of_fewer_rows_than_the_limit(x: np.ndarray, limit: int) -> None:
    (found,) = describe_numbers(["a"], np.zeros(1), lambda: iter([x.astype(np.float64)]), limit)

    for share, value in zip(QUANTILES, found.quantiles, strict=True):
        if value is not None:
            rounded = np.array([float(f"{each:.7g}") for each in x[:, 0]])
            assert (rounded <= value).sum() >= limit
            assert (rounded >= value).sum() >= limit
        assert value is None or 0 < share < 1
    assert all(count is None or count == 0 or count >= limit for count in found.histogram)
    assert found.mean is None if len(x) < limit else (found.mean is not None or len(set(x[:, 0].tolist())) == 2)


def test_sums_of_private_rows_tell_means_and_deviations_of_enough_rows() -> None:
    x = np.arange(12, dtype=np.float32).reshape(6, 2)  # (n, d)

    few, enough = (describe_sums("private", exact_moments.feature_sums(x[:count]), 5) for count in (4, 6))

    assert [(each.mean, each.deviation) for each in few.numbers] == [(None, None)] * 2
    assert [each.mean for each in enough.numbers] == x.mean(axis=0).tolist()
    assert [each.deviation for each in enough.numbers] == pytest.approx(x.std(axis=0))


def test_sums_of_private_tables_tell_columns_and_words_by_name() -> None:
    columns = (
        EncodedColumn("age", None, 1e9),
        EncodedColumn("ward", ("east", "west")),
        EncodedColumn("is new", ("no", "yes")),
    )
    x = np.array([[n, n < 9, n >= 9, n % 2] for n in range(12)], np.float32)  # (n, d)

    found = describe_sums("csv", exact_moments.feature_sums(x), 2, Encoding(columns))

    assert [(each.name, each.mean) for each in found.numbers] == [("age", 1e9 + 5.5)]
    assert [(each.name, each.counts) for each in found.words] == [
        ("ward", (("east", 9), ("west", 3))),
        ("is new", (("no", 6), ("yes", 6))),
    ]
    assert [each.missing for each in found.numbers] + [each.missing for each in found.words] == [None] * 3


@pytest.mark.parametrize("low", [-3.0, 0.0, 1.0, 4e4])
@pytest.mark.parametrize(("high", "is_told"), [(0, True), (4, False), (5, True), (15, True), (16, False), (20, True)])
def test_the_mean_of_two_numbers_tells_no_small_count(low: float, high: int, is_told: bool) -> None:
    x = np.full((20, 1), low, np.float32)  # (n, 1)
    x[:high] += 1

    (own,) = describe_numbers(["sex"], np.zeros(1), lambda: iter([x.astype(np.float64)]), 5)
    (private,) = describe_sums("private", exact_moments.feature_sums(x), 5).numbers
    yes = Encoding((EncodedColumn("ill", ("yes", "no")),))
    (words,) = describe_sums("csv", exact_moments.feature_sums(x - np.float32(low)), 5, yes).words

    assert (own.mean is not None, private.mean is not None, private.deviation is not None) == (is_told,) * 3
    assert dict(words.counts) == ({"yes": high, "no": 20 - high} if is_told else {"yes": None, "no": None})


@pytest.mark.parametrize("values", [(0.0, 2.0), (1.5, 2.5)])
def test_only_two_whole_numbers_that_follow_one_another_are_taken_for_counts(values: tuple[float, float]) -> None:
    x = np.repeat(values, (18, 2)).astype(np.float32)[:, None]  # (n, 1)

    (found,) = describe_sums("private", exact_moments.feature_sums(x), 5).numbers

    assert exact_moments.counts_of_two(exact_moments.feature_sums(x)) is None
    assert found.mean == pytest.approx(x.mean())  # docs/privacy.md: this tells that two rows have the larger value
