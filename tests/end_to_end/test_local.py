"""--local N: the same model whatever N is, and no process left behind, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from roundelay.testing.waiting import until
from tests.end_to_end.small_job import FILES, write_tiny
from tests.processes import PATIENCE_S, ROOT, Outcome, client, environment, marked, new_mark, started

FAST = ("--rounds", 2, "--epochs", 1, "--hidden", 8, "--json")
SIZES = (1, 3, 4, 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("local")
    write_tiny(made)
    return made


@pytest.fixture(scope="module")
def mark() -> str:
    return new_mark()


@pytest.fixture(scope="module")
def runs(folder: Path, mark: str) -> dict[int, Outcome]:
    """One run for each size, side by side."""
    with ThreadPoolExecutor(2) as two:
        outcomes = two.map(
            lambda n: client("letters", "validate_letters.txt", *FAST, "--local", n, cwd=folder, mark=mark), SIZES
        )
        return dict(zip(SIZES, outcomes, strict=True))


def test_the_model_is_the_same_on_one_three_four_and_seven_nodes(runs: dict[int, Outcome]) -> None:
    assert len({runs[n].json["model_sha256"] for n in SIZES}) == 1


@pytest.mark.parametrize("count", SIZES)
def test_a_local_ring_has_as_many_nodes_as_were_asked_for(count: int, runs: dict[int, Outcome]) -> None:
    shown = runs[count].json

    assert shown["nodes"] == count
    assert shown["files"] == len(shown["placement"]) == FILES
    assert len(set(shown["placement"].values())) <= count


def test_nothing_is_left_behind_in_processes_or_files(runs: dict[int, Outcome], mark: str, folder: Path) -> None:
    assert all(outcome.code == 0 for outcome in runs.values())
    until(lambda: not marked(mark), f"all ended: {marked(mark)}")
    assert sorted(path.name for path in folder.iterdir()) == ["letters"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_client_that_is_ended_in_the_middle_takes_its_ring_with_it(number: signal.Signals, folder: Path) -> None:
    mark = new_mark()
    command = [
        sys.executable,
        str(ROOT / "client.py"),
        "letters",
        "validate_letters.txt",
        "--local",
        "1",
        "--rounds",
        "1500",
        "--keep",
        "last",
        "--epochs",
        "50",
    ]
    with started(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(mark)
    ) as running:
        assert running.stderr is not None
        said = []
        for line in running.stderr:
            said.append(line)
            if line.startswith("round 1 of"):
                break
        assert said[-1].startswith("round 1 of"), said
        trainers = [process for process in marked(mark) if "roundelay.ml.trainer" in process]
        assert trainers

        running.send_signal(number)
        running.communicate(timeout=PATIENCE_S)

    assert running.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    until(lambda: not marked(mark), "every process ended")
