"""The table that `describe --private` prints."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from roundelay.cli.tables import print_description
from roundelay.ml import exact_moments
from roundelay.ml.cells import Cells, cells_of
from roundelay.ml.description import Description, describe_sums
from roundelay.ml.readers.encoding import EncodedColumn, Encoding


def test_quartiles_of_private_data_are_printed_as_ranges() -> None:
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(50, 10, 400).round(), np.full(400, 7.0), np.arange(400) < 2])  # (n, d)
    columns = Encoding((EncodedColumn("age"), EncodedColumn("dose"), EncodedColumn("ill")))
    files = [[cells_of(column, 5) for column in part.T] for part in np.split(x, 4)]

    text = printed(describe_sums("csv", exact_moments.feature_sums(x.astype(np.float32)), 5, columns, files))

    lines = {line.split()[0]: line.split() for line in text.splitlines() if line.split()}
    (low, _, high) = lines["age"][7:10]  # the median, after rows, mean, deviation and the first quartile
    assert float(low) <= np.median(x[:, 0]) < float(high)
    assert lines["dose"][2:7] == ["7", "0", "7", "7", "7"]
    assert lines["ill"][2:] == ["?"] * 5  # the mean would tell of two rows
    assert "--hide-below 1 shows all" not in text


@pytest.mark.parametrize(("ill", "is_hidden"), [(10, False), (2, True)])
def test_what_is_hidden_is_explained_only_where_something_is(ill: int, is_hidden: bool) -> None:
    x = np.column_stack([np.arange(20.0), np.arange(20) < ill]).astype(np.float32)  # (n, d)

    text = printed(
        describe_sums("csv", exact_moments.feature_sums(x), 5, Encoding((EncodedColumn("age"), EncodedColumn("?"))))
    )

    assert ("?: hidden, as fewer than 5 rows would be told of; --hide-below 1 shows all" in text) == is_hidden


def test_values_that_a_site_does_not_count_are_not_said_to_be_shown_by_an_option() -> None:
    x = np.arange(40.0)[:, None]  # (n, d)
    columns = Encoding((EncodedColumn("age"),))

    text = printed(describe_sums("csv", exact_moments.feature_sums(x.astype(np.float32)), 1, columns, [[Cells(40)]]))

    assert "?: hidden, as fewer than 5 rows would be told of, or as a site does not count values" in text


def test_columns_that_some_site_has_not_counted_are_numbered() -> None:
    x = np.random.default_rng(1).normal(50, 10, (400, 3))  # (n, d)
    files = [[cells_of(column, 5) for column in part.T] for part in np.split(x, 2)]

    found = describe_sums("csv", exact_moments.feature_sums(x.astype(np.float32)), 5, None, [files[0], files[1][:1]])

    assert [bool(each.ranges) for each in found.numbers] == [True, False, False] and found.uncounted == 2
    assert "the values of the last 2 columns of numbers are not counted" in printed(found)


def printed(found: Description) -> str:
    out = Console(file=StringIO(), width=120)
    print_description(found, out)
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()
