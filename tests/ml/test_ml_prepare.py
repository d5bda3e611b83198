"""Preparation of data sets for the ring: every row once, a reproducible split, bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roundelay.ml import prepare
from roundelay.ml.data import Samples
from roundelay.ml.errors import CannotWrite, DataError
from roundelay.ml.prepare import SplitPlan, split_evenly
from roundelay.ml.readers import packed
from roundelay.ml.readers.dataset import read
from roundelay.ml.readers.source import DataSet, DatasetPart, array_blocks, digits
from tests.ml.made_data import pixels, write_mnist
from tests.ml.ml_oracles import EFFORT

MEGABYTE = 1 << 20


def numbered(sizes: list[int], tests: int = 0, classes: int = 4) -> DataSet:
    """Make a data set whose rows hold their own number: training parts of these sizes, and a test part."""
    parts, start = [], 0
    for number, size in enumerate([*sizes, tests]):
        x = np.arange(start, start + size, dtype=np.float32).reshape(-1, 1)
        parts.append(DatasetPart(f"part-{number}", np.arange(start, start + size) % classes, array_blocks(x)))
        start += size
    return DataSet("csv", tuple(parts[:-1]), tuple(parts[-1:] if tests else ()), 1, digits(classes), False)


def contents(folder: Path, made: prepare.Prepared) -> list[Samples]:
    """Parse the validation file, then the training files."""
    return [packed.parse(f.name, (folder / f.name).read_bytes()) for f in (made.validation, *made.files)]


@pytest.mark.parametrize(
    ("sizes", "tests", "parts", "files"),
    [
        ([100], 0, 8, 8),
        ([100], 0, None, 8),
        ([5], 0, None, 4),
        ([3], 0, None, 2),
        ([40, 60, 50], 0, None, 3),
        ([40, 60], 20, 5, 5),
        ([100], 20, 1, 1),
    ],
)
def test_every_row_is_in_exactly_one_file(
    sizes: list[int], tests: int, parts: int | None, files: int, tmp_path: Path
) -> None:
    made = prepare.prepare(numbered(sizes, tests), tmp_path, SplitPlan(parts=parts))

    held, *trained = contents(tmp_path, made)
    rows = np.concatenate([held.x, *(file.x for file in trained)])[:, 0]
    assert sorted(rows.tolist()) == list(range(sum(sizes) + tests))
    assert all((file.y == file.x[:, 0] % 4).all() for file in (held, *trained))
    assert len(made.files) == files
    assert held.rows == (tests or round(0.2 * sum(sizes)))
    assert sum(made.class_rows) == sum(sizes) + tests - held.rows
    assert [f.rows for f in made.files] == [file.rows for file in trained]


def test_the_split_is_a_function_of_the_seed(tmp_path: Path) -> None:
    first, again, other = (prepare.prepare(numbered([200]), tmp_path, SplitPlan(seed=seed)) for seed in (0, 0, 1))

    assert first == again
    assert {f.digest for f in first.files}.isdisjoint(f.digest for f in other.files)


def test_selected_classes_get_new_numbers(tmp_path: Path) -> None:
    made = prepare.prepare(numbered([80]), tmp_path, SplitPlan(parts=2, classes=("3", "1")))

    held, *trained = contents(tmp_path, made)
    assert made.labels == ("3", "1")
    assert all((file.x[:, 0] % 4 == np.where(file.y == 0, 3, 1)).all() for file in (held, *trained))
    assert held.rows + sum(file.rows for file in trained) == 40


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        (SplitPlan(classes=("1", "9")), "--classes: 9"),
        (SplitPlan(classes=("1",)), "--classes"),
        (SplitPlan(parts=0), "--parts"),
        (SplitPlan(parts=10_000), "--parts"),
        (SplitPlan(holdout=1.0), "--holdout"),
        (SplitPlan(parts=50), "would be empty"),
    ],
)
def test_an_impossible_split_is_refused(plan: SplitPlan, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=complaint):
        prepare.prepare(numbered([40]), tmp_path, plan)


@given(st.integers(1, 300), st.integers(1, 20), st.integers(0, 5))
@EFFORT
def test_an_even_split_is_even(rows: int, parts: int, seed: int) -> None:
    sizes = np.bincount(split_evenly(np.zeros(rows, np.int64), parts, seed), minlength=parts)

    assert len(sizes) == parts
    assert sizes.max() - sizes.min() <= 1


def test_a_data_set_need_not_fit_into_memory(tmp_path: Path) -> None:
    rows = 60_000
    write_mnist(tmp_path, "train", np.zeros((rows, 28, 28), np.uint8), np.arange(rows) % 10)
    (tmp_path / "out").mkdir()
    reported: list[tuple[int, int]] = []
    tracemalloc.start()

    made = prepare.prepare(read(tmp_path), tmp_path / "out", SplitPlan(), lambda *done: reported.append(done))

    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(f.size_bytes for f in (*made.files, made.validation)) > 44 * MEGABYTE
    assert most < 25 * MEGABYTE
    assert reported[-1] == (rows, rows)


def test_a_folder_is_prepared_with_an_index(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", *pixels(50))

    made = prepare.prepare_folder(prepare.PrepareRequest(tmp_path, tmp_path / "out", plan=SplitPlan(parts=4)))

    index = json.loads((tmp_path / "out" / prepare.INDEX).read_text())
    assert index == json.loads(made.to_json())
    assert [f["rows"] for f in index["files"]] == [10] * 4


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotWrite, match="file/out"):
        prepare.prepare_folder(prepare.PrepareRequest(tmp_path, tmp_path / "file" / "out"))
