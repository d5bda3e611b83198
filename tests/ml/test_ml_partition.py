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


ALL_ROWS = [method for method in METHODS if method not in ("label-skew", "sizes", "natural-id")]  # divide all rows


@pytest.mark.parametrize("method", ALL_ROWS)
@pytest.mark.parametrize("files", [1, 7, 40])
def test_every_row_is_in_one_file_and_no_file_is_empty(method: str, files: int) -> None:
    parts = partition.split(LABELS, files, method, seed=3)

    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(2000))
    assert len(parts) == files
    assert all(len(part) for part in parts)


@pytest.mark.parametrize("method", [*ALL_ROWS, "label-skew", "natural-id"])
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


@pytest.mark.parametrize(("files", "each"), [(20, 3), (8, 10), (2, 5), (100, 1), (33, 7), (3, 2), (1, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_label_skew_gives_every_file_exactly_so_many_classes(files: int, each: int, seed: int) -> None:
    parts = partition.split(LABELS, files, "label-skew", seed, each=each)

    assert [classes(part) for part in parts] == [each] * files


def test_label_skew_gives_20_of_26_classes_to_every_file_of_the_letters() -> None:
    labels = np.random.default_rng(2).integers(0, 26, 5000)  # (n,)

    parts = partition.split(labels, 8, "label-skew", 0, each=20)

    assert [len(np.unique(labels[part])) for part in parts] == [20] * 8
    assert len({*np.concatenate(parts).tolist()}) == 5000


def test_label_skew_leaves_out_the_classes_that_no_file_holds_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{row},{row % 5}\n" for row in range(50)))

    made = partition.partition_folder(PartitionRequest(tmp_path, files=2, method="label-skew", each=2))

    assert made.rows == 40
    assert made.left_out.startswith("10 rows are left out, all of ")
    assert made.left_out in str(made)


def test_a_drawing_names_the_first_and_the_last_class(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{row},{3 + row % 5}\n" for row in range(50)))

    made = partition.partition_folder(PartitionRequest(tmp_path, files=2))

    assert "classes 3 to 7, from none" in str(made)


def test_the_method_sizes_needs_sizes() -> None:
    with pytest.raises(BadOption, match="--how sizes needs --sizes N,N: how many rows each file gets"):
        PartitionRequest(Path("letters"), method="sizes")


def test_sizes_are_exactly_those_that_are_asked_for() -> None:
    parts = partition.split(LABELS, 3, "sizes", 5, sizes=(100, 7, 1500))

    assert [len(part) for part in parts] == [100, 7, 1500]
    assert len({*np.concatenate(parts).tolist()}) == 1607
    for sizes in ((100, 7), (1000, 1000, 1)):
        with pytest.raises(DataError, match="sizes: "):
            partition.split(LABELS, 3, "sizes", 5, sizes=sizes)


def test_exponential_sizes_grow_as_e_to_the_i() -> None:
    sizes = [len(part) for part in partition.split(LABELS, 4, "exponential", 5)]

    assert sizes == [64, 174, 474, 1288]  # 2000 * e^i / (1 + e + e^2 + e^3)


@pytest.mark.parametrize("files", [10, 4, 1])
def test_natural_id_keeps_the_rows_of_a_value_together(files: int) -> None:
    parts = partition.split(LABELS, files, "natural-id", 5)

    assert sum(map(classes, parts)) == 10
    assert sum(map(len, parts)) == 2000
    assert max(map(len, parts)) < 2 * min(map(len, parts))


def test_more_files_than_values_are_refused() -> None:
    with pytest.raises(DataError, match="11 files for 10 values"):
        partition.split(LABELS, 11, "natural-id", 5)


def test_a_table_is_divided_by_the_column_that_is_named(tmp_path: Path) -> None:
    rows = [f'{age},"ward {age % 3}, west",{"yes" if age % 2 else "no"}' for age in range(30)]
    (tmp_path / "t.csv").write_text("\n".join(["age,ward,class", *rows[:9], "", "# a comment", *rows[9:]]) + "\n")

    made = partition.partition_folder(
        PartitionRequest(tmp_path / "t.csv", tmp_path / "out", None, "natural-id", by="ward")
    )

    written = [path.read_text().splitlines() for path in sorted((tmp_path / "out").glob("part-?.csv"))]
    assert [lines[0] for lines in written] == ["age,ward,class"] * 3
    assert [{line.split('"')[1] for line in lines[1:]} for lines in written] == [{f"ward {n}, west"} for n in range(3)]
    assert sorted(line for lines in written for line in lines[1:]) == sorted(rows)
    assert made.names == ("ward 0, west", "ward 1, west", "ward 2, west")


def test_a_table_is_divided_by_its_class_without_a_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("class,a\n" + "".join(f"{'xyz'[n % 3]},{n}\n" for n in range(30)))

    made = partition.partition_folder(PartitionRequest(tmp_path / "t.csv", files=3, method="label-skew", each=1))

    assert made.names == ("x", "y", "z")
    assert sorted(int(made.labels[part[0]]) for part in made.parts) == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "by", "message"),
    [
        ("a,class\n1,x\n2,y\n", "b", "has no column 'b'"),
        ("a,class\n1,x\n2\n", "", "t.csv, line 3: has 1 field, expected 2"),
        ("a,class\n", "", "holds no row"),
    ],
)
def test_a_table_that_cannot_be_divided_is_refused_in_one_line(
    tmp_path: Path, text: str, by: str, message: str
) -> None:
    (tmp_path / "t.csv").write_text(text)

    with pytest.raises(DataError, match=message):
        partition.partition_folder(PartitionRequest(tmp_path / "t.csv", files=1, by=by))


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
