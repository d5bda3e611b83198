"""Counts of values in cells: none is of a few rows, and quantiles lie where they say."""

from __future__ import annotations

import json
from itertools import pairwise
from math import ceil, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from roundelay.ml import cells
from roundelay.ml.cells import Cells, cells_of, coarsened, common_histogram, ranges
from roundelay.ml.errors import BadTask
from tests.hypothesis_profiles import examples

WHOLE = st.integers(-30, 30).map(float)
ANY = st.floats(width=32, allow_nan=False, allow_infinity=False)
VALUES = arrays(np.float64, st.integers(1, 80), elements=WHOLE | st.floats(-4, 4, width=32)) | arrays(
    np.float64, st.integers(1, 30), elements=ANY
)


def between(values: np.ndarray, edges: tuple[float, ...]) -> list[int]:
    """Count the values below the first edge, between neighbours, and from the last one on."""
    return [int(((values >= low) & (values < high)).sum()) for low, high in pairwise([-inf, *edges, inf])]


@examples(300)
@given(VALUES, st.integers(1, 12), st.integers(1, 12))
def test_a_cell_holds_no_row_or_enough_whatever_the_values(values: np.ndarray, least: int, more: int) -> None:
    found = cells_of(values, least)

    for each, limit in ((found, least), (coarsened(found, more), max(least, more))):
        assert each.rows == len(values) and (each.counts != ()) <= (len(values) >= limit)
        if each.counts:
            assert list(each.counts) == between(values, each.edges)
            assert all(count == 0 or count >= limit for count in each.counts)


@examples(200)
@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(1, 8), st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.9, 1.0]))
def test_the_quantiles_of_all_files_lie_in_their_ranges(files: list[np.ndarray], least: int, share: float) -> None:
    values = np.concatenate(files)

    ((low, high),) = ranges([cells_of(each, least) for each in files], [max(1, ceil(share * len(values)))])

    quantile = np.quantile(values, share, method="inverted_cdf")
    assert (low is None or low <= quantile) and (high is None or quantile < high)


@pytest.mark.parametrize("most", [2, 5, 50])
def test_ranges_of_files_with_many_unlike_edges_hold_though_only_some_edges_are_tried(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a site could keep whoever asks busy for hours: edges times files."""
    monkeypatch.setattr(cells, "EDGES_MAX", most)
    tried: list[int] = []
    below = Cells.below

    def noted(each: Cells, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tried.append(len(edges))
        return below(each, edges)

    monkeypatch.setattr(Cells, "below", noted)
    files = [np.random.default_rng(n).normal(n / 3, 1 + n / 7, 100) for n in range(8)]

    found = ranges([cells_of(each, 5) for each in files], [80, 400, 720])

    assert max(tried) <= most
    for (low, high), share in zip(found, (0.1, 0.5, 0.9), strict=True):
        quantile = np.quantile(np.concatenate(files), share, method="inverted_cdf")
        assert (low is None or low <= quantile) and (high is None or quantile < high)


def test_a_range_is_narrow_where_many_rows_lie() -> None:
    rng = np.random.default_rng(1)
    files = [rng.normal(50 + 3 * n, 10, 1000) for n in range(4)]

    found = ranges([cells_of(each, 5) for each in files], [1000, 2000, 3000])

    for (low, high), share in zip(found, (0.25, 0.5, 0.75), strict=True):
        assert low is not None and high is not None and low <= np.quantile(np.concatenate(files), share) < high
        assert high - low <= 1  # a tenth of the deviation


def test_a_lone_value_far_away_widens_no_other_cell() -> None:
    values = np.random.default_rng(2).normal(0, 1, 500)

    alone, with_outlier = cells_of(values, 5), cells_of(np.append(values, 1e3), 5)

    assert with_outlier.counts[-1] >= 5
    assert len(with_outlier.edges) < len(alone.edges)  # its deviation is larger


def test_values_whose_deviation_underflows_are_not_told_as_equal() -> None:
    assert cells_of(np.array([1e-200, 2e-200] * 5), 5) == Cells(10)


def test_the_histogram_of_several_files_has_exact_counts() -> None:
    rng = np.random.default_rng(3)
    files = [rng.normal(0, 1 + n, 2000) for n in range(3)]

    edges, counts = common_histogram([*(cells_of(each, 5) for each in files), Cells(3)], (-4.0, 4.0), 10)

    assert 4 <= len(counts) <= 10 and min(edges) >= -4 and max(edges) <= 4
    assert list(counts) == between(np.concatenate(files), edges[1:-1])


def test_files_without_an_edge_in_common_have_no_histogram() -> None:
    assert common_histogram([cells_of(np.full(9, n), 5) for n in (1.0, 7.0)], (None, None), 10) == ((), ())
    assert common_histogram([Cells(3)], (None, None), 10) == ((), ())


FOUND = [[cells_of(np.arange(40.0), 5), Cells(40)], [cells_of(np.arange(9.0), 5), cells_of(np.zeros(9), 5)]]


def test_cells_are_decoded_as_they_were() -> None:
    assert cells.from_bytes(cells.to_bytes(FOUND), [40, 9]) == FOUND


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 41},
        {"edges": [3.0, 2.0], "counts": [10, 10, 20]},
        {"edges": [1.0], "counts": [41, -1]},
        {"edges": [1.0], "counts": [40]},
        {"edges": [1.0], "counts": [10, 10]},
        {"edges": [1.0], "counts": []},
        {"edges": ["x"]},
    ],
)
def test_cells_that_cannot_be_those_of_a_file_are_refused(change: dict[str, object]) -> None:
    raw = json.loads(cells.to_bytes(FOUND))
    raw[0][0] |= change
    with pytest.raises(BadTask, match="malformed cells"):
        cells.from_bytes(json.dumps(raw).encode(), [40, 9])


@pytest.mark.parametrize("content", [b"", b"[]", b"[[],[]]x", b"[[1],[2]]", b'[[{"rows": 40}],[]]', b"[" * 5000])
def test_bytes_that_are_no_cells_are_refused(content: bytes) -> None:
    with pytest.raises(BadTask, match="malformed cells"):
        cells.from_bytes(content, [40, 9])
