"""The exercises: solutions pass, each shipped mistake is found, and the seed that is named replays it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import exercises.__main__ as program
from exercises.tasks import TASKS

HERE = Path(program.__file__).parent
BROKEN = sorted((HERE / "broken").glob("*.py"))
INVARIANTS = {  # of each shipped mistake
    "exercise1_fingers_from_1": "Fingers",
    "exercise1_no_wrap": "Owner",
    "exercise1_owner_after": "Owner",
    "exercise2_first_hop": "Closest",
    "exercise2_no_circle": "Closest",
    "exercise2_up_to_key": "Progress",
    "exercise3_candidate_not_asked": "Ideal",
    "exercise3_keeps_the_dead": "Ideal",
    "exercise3_list_not_copied": "Ideal",
    "exercise3_never_notifies": "Ideal",
    "exercise4_deletes_first": "NoCopyLost",
    "exercise4_never_deletes": "Placed",
    "exercise4_owner_only": "Placed",
    "exercise5_largest_file": "WeightedByRows",
    "exercise5_plain_mean": "WeightedByRows",
    "exercise5_running_sum": "SameBits",
    "exercise6_counts_the_dead": "NotTooCareful",
    "exercise6_forgets_the_dead": "NoFileLost",
    "exercise6_never": "NotTooCareful",
}


@pytest.fixture(autouse=True)
def few_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a scenario of the simulator, which takes a second, on two seeds."""
    monkeypatch.setitem(TASKS, 3, replace(TASKS[3], seeds=2))


@pytest.mark.parametrize("number", TASKS)
def test_the_solution_passes(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["check", str(number), str(HERE / "solutions" / f"exercise{number}.py")]) == program.PASSED
    assert re.fullmatch(rf"exercise {number}: \d+ seeds passed\n", capsys.readouterr().out)


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_each_mistake_is_found_and_the_seed_replays_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    number = path.stem[len("exercise")]

    assert program.main(["check", number, str(path)]) == program.FAILED
    problem, replay = capsys.readouterr().out.splitlines()
    found = re.match(rf"exercise {number}, seed (\d+): (\w+): ", problem)
    assert found and found[2] == INVARIANTS[path.stem], problem

    assert replay.startswith("replay it with  python3 -m exercises ")
    assert program.main(replay.split("exercises ", 1)[1].split()) == program.FAILED
    assert capsys.readouterr().out == f"{problem}\n"


@pytest.mark.parametrize("number", TASKS)
def test_a_skeleton_is_written_once_and_says_what_is_missing(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert program.main(["start", str(number)]) == program.PASSED
    assert program.main(["check", str(number)]) == program.FAILED
    assert "NotImplementedError" in capsys.readouterr().out
    assert program.main(["start", str(number)]) == program.UNUSABLE


def test_a_file_that_cannot_be_checked_is_refused_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "typo.py").write_text("def onwer(): ...\n")
    (tmp_path / "syntax.py").write_text("def owner(:\n")

    assert program.main(["check", "1", str(tmp_path / "none.py")]) == program.UNUSABLE
    assert program.main(["check", "1", str(tmp_path / "typo.py")]) == program.UNUSABLE
    assert program.main(["check", "1", str(tmp_path / "syntax.py")]) == program.UNUSABLE
    reasons = capsys.readouterr().err
    assert "no file" in reasons and "has no function owner" in reasons and "SyntaxError" in reasons
