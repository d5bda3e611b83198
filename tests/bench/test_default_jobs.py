"""The benchmark of defaults judges on rows that no job has seen, where there are such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import default_jobs
from bench.default_cases import Case
from bench.default_jobs import JUDGING_ROWS, SEEDS, measure, save, seeds_of
from bench.generated_tables import GeneratedTable
from bench.shipped_tables import SKLEARN_TABLES

TABLE = GeneratedTable("normal", 300, 4, 2)


def rows_of(x: np.ndarray) -> set[bytes]:
    return {row.astype(np.float32).tobytes() for row in x}


def test_rows_that_judge_a_generated_table_neither_train_nor_choose(tmp_path: Path) -> None:
    judging = save(TABLE, tmp_path / "table.npz")

    with np.load(tmp_path / "table.npz") as ours, np.load(judging) as theirs:
        assert len(ours["x_train"]) + len(ours["x_test"]) == TABLE.rows
        assert rows_of(ours["x_train"]) == rows_of(theirs["x"])
        assert len(theirs["held_x"]) == len(rows_of(theirs["held_x"])) == JUDGING_ROWS
        assert not rows_of(theirs["held_x"]) & rows_of(np.concatenate([ours["x_train"], ours["x_test"]]))


def test_the_error_of_a_generated_table_is_that_on_the_rows_that_judge(tmp_path: Path) -> None:
    judging = save(TABLE, tmp_path / "table.npz")
    case = Case(TABLE, settings={"rounds": 3, "hidden": (8,)})
    before = measure(case, tmp_path / "table.npz")
    with np.load(judging) as arrays:
        turned = {**arrays, "held_y": 1 - arrays["held_y"]}
    np.savez(judging, **turned)

    after = measure(case, tmp_path / "table.npz")

    assert after["error"] == 1 - before["error"]
    assert after["kept"] == before["kept"]


def test_only_generated_tables_of_few_rows_are_trained_with_several_seeds() -> None:
    many = GeneratedTable("normal", 1_000, 4, 2)

    assert [len(seeds_of(table)) for table in (TABLE, many, SKLEARN_TABLES[0])] == [SEEDS, 1, 1]


def test_the_error_of_a_table_of_few_rows_is_the_mean_of_its_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(TABLE, tmp_path / "table.npz")
    case = Case(TABLE, settings={"rounds": 3, "hidden": (8,)})
    several = measure(case, tmp_path / "table.npz")

    single = []
    for seed in range(SEEDS):
        monkeypatch.setattr(default_jobs, "seeds_of", lambda _, seed=seed: [seed])
        single.append(measure(case, tmp_path / "table.npz"))

    errors = [each["error"] for each in single]
    assert len(set(errors)) > 1
    assert several["error"] == pytest.approx(np.mean(errors))
    assert several["loss"] == max(each["loss"] for each in single)
    assert several["kept"] == np.median([each["kept"] for each in single])
