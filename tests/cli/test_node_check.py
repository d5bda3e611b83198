"""compute_node.py check: what a site is told before it joins."""

from __future__ import annotations

import json
from pathlib import Path

from roundelay.cli import main
from roundelay.cli.node_check import BATCHES
from roundelay.client.presets import BATCH_MAX, BATCH_MIN
from tests.processes import run_here


def check(folder: Path, *options: str) -> str:
    found = run_here(main.compute_node, "check", "--private", f"wards={folder}", *options)
    assert found.code == 0, found.err
    return " ".join(found.out.split())


def write(folder: Path, **rows: int) -> Path:
    folder.mkdir(exist_ok=True)
    for name, count in rows.items():
        (folder / name).write_text("".join(f"{n},{n % 26}\n" for n in range(count)))
    return folder


def test_a_site_hears_which_files_its_default_policy_lets_no_job_train_on(tmp_path: Path) -> None:
    told = check(write(tmp_path / "few", a=12, b=500, c=49))

    assert "refuses jobs on files of fewer than 50 rows, such as a (12), c (49): join files, or set file_rows" in told


def test_a_site_hears_with_which_batches_a_step_has_too_few_rows(tmp_path: Path) -> None:
    told = check(write(tmp_path / "s", a=97, b=500))

    assert "refuses jobs with --batch 32, as a step on fewer than 8 rows remains of a (1)" in told
    assert "--batch 64" not in told and "--batch 128" not in told
    assert (BATCHES[0], BATCHES[-1]) == (BATCH_MIN, BATCH_MAX)


def test_a_site_whose_files_suit_the_default_policy_hears_nothing_of_it(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", a=500)

    assert "policy" not in check(folder)
    assert json.loads(check(folder, "--json"))["refusals"] == []


def test_many_small_files_are_counted(tmp_path: Path) -> None:
    assert "d (9) and 3 more: join" in check(write(tmp_path / "s", **dict.fromkeys("abcdefg", 9)))


def test_files_that_are_not_read_are_counted_and_those_of_a_table_said_how_they_end(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", **{f"file{n}": 60 for n in range(11)})
    (folder / "t.csv").write_text("".join(f"{n},{n % 3}\n" for n in range(60)))

    for told in (check(folder, "--label", "1"), run_here(main.client, "inspect", str(folder), "--label", "1").out):
        assert "file5, file6 and 3 more; the names of tables end in .csv, .tsv, .txt, .data" in " ".join(told.split())
