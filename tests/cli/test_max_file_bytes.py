"""--max-file-bytes: a reader refuses what is larger, names the option, and reads it where the option allows that."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roundelay.cli import compute_node, exits, main
from roundelay.cli.run_compute_node import private_of
from roundelay.client.errors import InvalidRequest
from roundelay.client.requests import DataOptions
from roundelay.ml.choices import file_size
from tests.formats_folder import FORMATS
from tests.processes import client_here, run_here

ROWS = 40
LETTERS = "".join(f"{row % 7},{row % 5},{row % 2}\n" for row in range(ROWS))


def letters(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "data" / "a").write_text(LETTERS)
    return folder / "data"


def packed_table(folder: Path) -> Path:
    path = folder / "table.csv.gz"
    path.write_bytes(gzip.compress(("x,y,label\n" + 50 * LETTERS).encode()))
    return path


def arrays(folder: Path) -> Path:
    path = folder / "set.npz"
    np.savez(path, x=np.zeros((ROWS, 40)), y=np.arange(ROWS) % 2)
    return path


def batch(folder: Path) -> Path:
    path = folder / "data_batch_1.bin"
    path.write_bytes(bytes(3073) + b"\1" + bytes(3072))
    return path


def pictures(folder: Path) -> Path:
    images = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (folder / "set" / name).mkdir(parents=True)
        images.new("L", (8, 8)).save(folder / "set" / name / "1.png")
    return folder / "set"


def idx(folder: Path) -> Path:
    (folder / "set").mkdir()
    for name, kind, sizes in (("images-idx3", 3, (4, 20, 20)), ("labels-idx1", 1, (4,))):
        header = bytes([0, 0, 8, kind]) + b"".join(size.to_bytes(4, "big") for size in sizes)
        (folder / "set" / f"train-{name}-ubyte").write_bytes(header + bytes(int(np.prod(sizes))))
    return folder / "set"


@pytest.mark.parametrize("make", [letters, packed_table, arrays, batch, idx, pictures], ids=lambda make: make.__name__)
def test_each_reader_refuses_what_is_too_large_and_names_the_option(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    data = make(tmp_path)

    refused = client_here("describe", data, "--max-file-bytes", "10", "--json")
    assert (refused.code, "raise --max-file-bytes" in refused.err) == (65, True), refused.err
    for allowed in ((), ("--max-file-bytes", "2M")):
        assert client_here("describe", data, *allowed, "--json").code == 0


def test_every_command_that_reads_data_has_the_option(tmp_path: Path) -> None:
    data = letters(tmp_path)
    rows = tmp_path / "rows.txt"
    rows.write_text("1.0,2.0\n" * 9)
    commands: dict[str, tuple[object, ...]] = {
        "inspect": (data,),
        "prepare": (data, tmp_path / "out"),
        "partition": (data, tmp_path / "parts", "--files", "2", "--class-count", "2"),
        "predict": (FORMATS / "model-1.npz", rows),
    }

    for command, given in commands.items():
        refused = client_here(command, *given, "--max-file-bytes", "10")
        assert "raise --max-file-bytes" in refused.err, (command, refused.err)
        allowed = client_here(command, *given, "--max-file-bytes", "1K")
        assert allowed.code == 0, (command, allowed.err)


def test_export_reads_the_data_of_a_site_with_the_option(tmp_path: Path) -> None:
    given = ("export", "last", "--out", tmp_path / "m.npz", "--max-file-bytes", "10")
    found = client_here(*given, "--site", letters(tmp_path), "--bootstrap", "127.0.0.1:1")
    assert found.code == exits.UNAVAILABLE, found.err  # no ring, see test_personal.py for the limit
    refused = client_here(*given)
    assert refused.code == exits.USAGE and "--max-file-bytes is for --site DIR" in refused.err


def test_a_job_refuses_training_files_before_it_looks_for_a_ring(tmp_path: Path) -> None:
    refused = client_here("train", letters(tmp_path), "--max-file-bytes", "10", "--bootstrap", "127.0.0.1:1")

    assert (refused.code, "raise --max-file-bytes" in refused.err) == (65, True), refused.err


def test_a_limit_that_the_sites_would_not_heed_is_refused() -> None:
    for command in ("describe", "train"):
        refused = client_here(command, "--private", "wards", "--max-file-bytes", "10", "--bootstrap", "127.0.0.1:1")
        assert refused.code == exits.USAGE
        assert "cannot be combined with --max-file-bytes: each site's node has its own" in refused.err


@pytest.mark.parametrize("given", ["4G", -5, 0, True, 1.5, (1 << 40) + 1])
def test_a_limit_from_python_is_a_number_of_bytes(given: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"--max-file-bytes .* is not a number of bytes from 1 to"):
        DataOptions(max_file_bytes=given)


def test_a_site_checks_its_data_with_the_limit_that_its_node_will_have(tmp_path: Path) -> None:
    data = arrays(tmp_path)

    refused = run_here(main.compute_node, "check", "--private", f"wards={data}", "--max-file-bytes", "10")
    assert (refused.code, "raise --max-file-bytes" in refused.err) == (65, True), refused.err
    assert run_here(main.compute_node, "check", "--private", f"wards={data}").code == 0
    with pytest.raises(exits.Exit, match="--max-file-bytes is for --private"):
        arguments = ("8001", "--max-file-bytes", "2G")
        private_of(main.parse(compute_node.parser(arguments), arguments))


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("10", 10), ("3k", 3072), ("500M", 500 << 20), ("1T", 1 << 40)])
def test_a_size_has_a_unit_or_none(text: str, size: int) -> None:
    assert file_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "G", "-1", "1.5G", "2T", "1GiB", "1_0", "9" * 5000, "0" * 30 + "9" * 40])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size from 1 to 1T, such as 500M or 4G"):
        file_size(text)
