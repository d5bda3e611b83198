"""client.py prepare and partition: what they print, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ml.made_data import pixels, write_mnist
from tests.processes import client_here


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A folder with one file of two rows."""
    folder = tmp_path / "rows"
    folder.mkdir()
    (folder / "a").write_text("1,2,0\n1,2,1\n")
    return folder


def test_prepare_writes_files_and_says_how_many(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(50))

    outcome = client_here("prepare", tmp_path, tmp_path / "out", "--parts", "4")

    assert outcome.code == 0, outcome.err
    assert "4 training files of 40 rows, 10 validation rows" in outcome.out
    assert len(list((tmp_path / "out").glob("*.rdl"))) == 5


def test_prepare_ends_with_the_promised_exit_codes(tmp_path: Path, rows: Path) -> None:
    assert client_here("prepare", tmp_path / "nothing", tmp_path / "out").code == 66
    assert client_here("prepare", rows, tmp_path / "out", "--dataset", "npz").code == 65
    assert client_here("prepare", rows, rows / "a" / "out").code == 73
    assert client_here("prepare", rows).code == 64


def test_partition_writes_files_and_draws_them(tmp_path: Path, rows: Path) -> None:
    outcome = client_here("partition", rows, tmp_path / "out", "--files", "2", "--summary")

    assert outcome.code == 0, outcome.err
    assert [line.split()[0] for line in outcome.out.splitlines()] == ["file", "part-0", "part-1"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"part-0", "part-1"}


def test_partition_ends_with_the_promised_exit_codes(tmp_path: Path, rows: Path) -> None:
    assert client_here("partition", tmp_path / "nothing").code == 66
    assert client_here("partition", rows, "--files", "3").code == 65
    assert client_here("partition", rows, rows, "--files", "2").code == 73
    assert client_here("partition", rows, "--how", "iid", "--alpha", "1").code == 64
    assert client_here("partition", rows, "--how", "dirichlet", "--alpha", "0").code == 64


def test_partition_divides_a_table_by_a_column_and_names_what_is_left_out(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("age,ward,class\n" + "".join(f"{n},w{n % 3},{n % 5}\n" for n in range(30)))

    by_ward = client_here("partition", table, tmp_path / "wards", "--how", "natural-id", "--by", "ward")
    skewed = client_here("partition", table, tmp_path / "skewed", "--how", "label-skew", "--files", "2")
    sizes = client_here("partition", table, tmp_path / "sizes", "--how", "sizes", "--sizes", "4,9")

    assert by_ward.out.endswith("wards: 3 files of 30 rows, natural-id\n")
    assert "2 files of 24 rows, label-skew; 6 rows are left out, all of " in skewed.out
    assert "2 files of 13 rows, sizes; 17 rows are left out\n" in sizes.out
    assert client_here("partition", table, "--how", "natural-id").code == 64
    assert client_here("partition", table, "--by", "nothing").code == 65
    without = client_here("partition", table, "--how", "sizes")
    assert (without.code, "--how sizes needs --sizes N,N" in without.err) == (64, True)


def test_describe_shows_columns_and_classes_and_hides_small_counts(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("age,ward,class\n" + "".join(f"{n},w{n % 3},{n % 2}\n" for n in range(11)))

    shown, hidden = (client_here("describe", table, "--hide-below", limit, "--json") for limit in ("1", "5"))

    ward, _ = json.loads(shown.out)["words"]
    assert ward["counts"] == [["w0", 4], ["w1", 4], ["w2", 3]]
    assert json.loads(hidden.out)["words"][0]["counts"] == [["w0", None], ["w1", None], ["w2", None]]
    assert "hidden, as fewer than 5 rows" in client_here("describe", table).out
    assert client_here("describe", tmp_path / "nothing").code == 66
    assert client_here("describe", table, "--hide-below", "0").code == 64
    for option in ("--classes=0,1", "--missing=mean", "--parts=2", "--holdout=0.5"):  # none would change anything
        assert client_here("describe", table, option).code == 64
    assert client_here("inspect", table, "--classes=0,1").code == 64
