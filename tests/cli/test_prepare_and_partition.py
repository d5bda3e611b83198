"""client.py prepare and partition: what they print, and their exit codes."""

from __future__ import annotations

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
