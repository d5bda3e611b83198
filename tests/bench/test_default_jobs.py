"""The benchmark of defaults judges on rows that no job has seen, where there are such."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.default_cases import Case
from bench.default_jobs import JUDGING_ROWS, measure, save
from bench.generated_tables import GeneratedTable

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
