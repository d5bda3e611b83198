"""Partitions: every row once, no empty file, and the requested skew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from roundelay.ml import partition
from roundelay.ml.choices import PARTITION_METHODS
from roundelay.ml.errors import BadOption, CannotWrite, DataError
from roundelay.ml.partition import PartitionRequest
from roundelay.ml.partitioners import METHODS

LABELS = np.random.default_rng(1).integers(0, 10, 2000)  # (n,)


def classes(part: np.ndarray) -> int:
    return len(np.unique(LABELS[part]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("files", [1, 7, 40])
def test_every_row_is_in_one_file_and_no_file_is_empty(method: str, files: int) -> None:
    parts = partition.split(LABELS, files, method, seed=3)

    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(2000))
    assert len(parts) == files
    assert all(len(part) for part in parts)


@pytest.mark.parametrize("method", METHODS)
def test_a_partition_is_a_function_of_the_seed(method: str) -> None:
    one, same, other = (partition.split(LABELS, 7, method, seed) for seed in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_small_alpha_makes_files_unlike_and_a_large_one_alike() -> None:
    def spread(alpha: float) -> float:
        """Return the mean distance of the class distribution of a file from that of all files."""
        parts = partition.split(LABELS, 10, "dirichlet", 5, alpha=alpha)
        whole = np.bincount(LABELS, minlength=10) / len(LABELS)  # (classes,)
        return float(np.mean([np.abs(np.bincount(LABELS[p], minlength=10) / len(p) - whole).sum() for p in parts]))

    assert spread(0.1) > 2 * spread(1.0) > 4 * spread(100.0)


def test_shards_and_label_skew_bound_the_classes_of_a_file() -> None:
    assert max(classes(p) for p in partition.split(LABELS, 20, "shards", 5)) <= 4  # two shards, two classes each


@pytest.mark.parametrize(("files", "each"), [(20, 3), (8, 10), (2, 5), (100, 1), (33, 7)])
@pytest.mark.parametrize("seed", range(3))
def test_label_skew_gives_every_file_exactly_so_many_classes(files: int, each: int, seed: int) -> None:
    parts = partition.split(LABELS, files, "label-skew", seed, each=each)

    assert [classes(part) for part in parts] == [each] * files


def test_label_skew_covers_all_classes_where_few_files_hold_few_each() -> None:
    parts = partition.split(LABELS, 3, "label-skew", 5, each=2)

    assert sorted(classes(part) for part in parts) == [3, 3, 4]


@pytest.mark.parametrize(("labels", "each"), [(LABELS, 11), (np.array([0, 0, 1, 1, 2]), 3)])
def test_label_skew_that_cannot_be_is_refused(labels: np.ndarray, each: int) -> None:
    with pytest.raises(DataError, match="label-skew: "):
        partition.split(labels, 4, "label-skew", 5, each=each)


def test_inner_dirichlet_keeps_the_sizes_of_files_equal() -> None:
    parts = partition.split(LABELS, 8, "inner-dirichlet", 5, alpha=0.1)

    assert [len(part) for part in parts] == [250] * 8
    assert np.mean([np.bincount(LABELS[part]).max() / 250 for part in parts]) > 0.4


def test_sizes_grow_as_a_power() -> None:
    assert [len(part) for part in partition.split(LABELS, 4, "size", 5)] == [200, 400, 600, 800]
    assert [len(part) for part in partition.split(LABELS, 4, "size", 5, power=0)] == [500] * 4


def test_quantity_skew_changes_only_the_sizes_of_files() -> None:
    parts = partition.split(LABELS, 8, "quantity-skew", 5, alpha=0.3)

    sizes = sorted(len(part) for part in parts)
    assert sizes[-1] > 10 * sizes[0]
    assert classes(max(parts, key=len)) == 10


def test_a_partition_keeps_the_bytes_of_every_row(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    rows = [f"{i},{i + 1},{i % 3}" for i in range(60)]
    (source / "a").write_text("\n".join(rows[:30]) + "\n")
    (source / "b").write_bytes("\r\n".join(rows[30:]).encode())
    request = PartitionRequest(source, out, files=4, method="dirichlet", alpha=0.2)

    partition.partition_folder(request)
    made = partition.partition_folder(request)  # replaces the files of the first

    written = [line for path in sorted(out.iterdir()) for line in path.read_text().splitlines()]
    assert sorted(written) == sorted(rows)
    assert [line.split()[0] for line in str(made).splitlines()] == ["file", "part-0", "part-1", "part-2", "part-3"]


def test_more_files_than_rows_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1,2,0\n1,2,1\n")

    with pytest.raises(DataError, match="3 files of 2 rows"):
        partition.partition_folder(PartitionRequest(tmp_path, files=3))


def test_a_folder_with_other_files_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1,2,0\n1,2,1\n")

    with pytest.raises(CannotWrite, match="has other files in it"):
        partition.partition_folder(PartitionRequest(tmp_path, tmp_path, files=2))


def test_a_parameter_of_another_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="--alpha is for dirichlet, quantity-skew and inner-dirichlet, not for iid"):
        PartitionRequest(tmp_path, alpha=1)


def test_the_command_line_offers_every_method() -> None:
    assert tuple(METHODS) == PARTITION_METHODS
