"""Real jobs on real processes: the client's promises about results, files, signals and lost nodes."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roundelay.ml.readers.saved_model import load
from roundelay.testing.waiting import until
from tests.end_to_end.small_job import FILES, ROWS, write_tiny
from tests.processes import PATIENCE_S, ROOT, Outcome, Ring, client, end, environment, ring

FAST = ("--rounds", 2, "--epochs", 1, "--hidden", 8)
COUNT = 3


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """Three nodes, and tiny training data in their folder; every test leaves it with as many nodes as it found."""
    with ring(tmp_path_factory.mktemp("three")) as made:
        write_tiny(made.folder)
        for _ in range(COUNT):
            made.add_node()
        made.wait_for_nodes(COUNT)
        yield made


def train(ring: Ring, *options: object) -> Outcome:
    return ring.client("./letters", "validate_letters.txt", *options)


@pytest.fixture(scope="module")
def first(three: Ring) -> dict[str, Any]:
    """What a job of FAST says about itself."""
    return train(three, *FAST, "--json").json


def test_json_is_one_line_with_exactly_the_promised_fields(three: Ring, first: dict[str, Any]) -> None:
    shown = first

    assert set(shown) == {
        "job",
        "name",
        "validation_error",
        "files",
        "nodes",
        "rounds",
        "seconds",
        "kept_round",
        "model_sha256",
        "history",
        "placement",
        "metrics",
        "task",
    }
    assert (shown["files"], shown["nodes"], shown["rounds"]) == (FILES, COUNT, 2)
    assert [r["round"] for r in shown["history"]] == [1, 2]
    assert shown["history"][-1]["validation_error"] == pytest.approx(shown["validation_error"], abs=1e-6)
    assert sorted(shown["placement"]) == sorted(f"part-{number}" for number in range(FILES))
    assert set(shown["placement"].values()) <= {n["address"] for n in three.status()}


def test_what_was_asked_for_is_written_and_the_model_can_be_used_and_continued(three: Ring, tmp_path: Path) -> None:
    model, history, timing = tmp_path / "model.npz", tmp_path / "history.csv", tmp_path / "timing.txt"

    shown = train(three, *FAST, "--out", model, "--history", history, "--timing", timing)

    assert shown.code == 0, shown.err
    assert "which node trained which files" in shown.out
    assert load(model).sha256 in shown.out
    rows = list(csv.DictReader(history.read_text().splitlines()))
    assert [row["round"] for row in rows] == ["1", "2"]
    assert [line.split()[0] for line in timing.read_text().splitlines()] == ["job", "round", "round"]

    predicted = client("predict", model, "letters/validate_letters.txt", cwd=three.folder)
    assert predicted.code == 0
    assert len(predicted.out.split()) == ROWS
    assert f"of {ROWS} rows predicted wrongly" in predicted.err

    again = train(three, *FAST, "--init", model, "--json").json
    assert again["history"][0]["training_loss"] < float(rows[0]["training_loss"])

    other_layers = train(three, "--hidden", 9, "--init", model)
    assert other_layers.code == 65
    assert "the model has layers (4, 8, 26), this job has (4, 9, 26)" in other_layers.err


def test_the_coordinator_systems_line_trains(three: Ring) -> None:
    coordinator = client(
        "127.0.0.1", three.supernode_address.port, "./letters", 2, 5, 8, 0.0001, "--json", cwd=three.folder
    )

    assert (coordinator.json["rounds"], coordinator.json["files"]) == (2, FILES)


def test_a_node_shows_the_configuration_and_every_epoch(three: Ring, first: dict[str, Any]) -> None:
    assert first["rounds"] == 2

    shown = "\n".join(node.text for node in three.nodes)
    assert "optimizer sgd epochs 1 eta 0.2 batch 32 momentum 0.9" in shown
    assert all(f"round 2, part-{number}, epoch 1: accuracy 0." in shown for number in range(FILES))
    assert "finger" in shown


def test_a_job_after_a_node_was_killed_trains_all_files_to_the_same_model(three: Ring, first: dict[str, Any]) -> None:
    node = three.add_node("--quiet")
    three.wait_for_nodes(COUNT + 1)
    end(node, signal.SIGKILL)
    three.wait_for_nodes(COUNT)

    after = train(three, *FAST, "--json").json

    assert len(after["placement"]) == FILES
    assert f"127.0.0.1:{node.port}" not in after["placement"].values()
    assert after["model_sha256"] == first["model_sha256"]


class Driven:
    """A client in the middle of a job, until it is through; a context manager."""

    def __init__(self, ring: Ring, *options: object) -> None:
        arguments = [
            "letters",
            "validate_letters.txt",
            *options,
            "--supernode",
            ring.supernode_address,
            "--nodes",
            ring.node_list,
        ]
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "client.py"), *map(str, arguments)],
            cwd=ring.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        self.notes: list[str] = []

    def __enter__(self) -> Driven:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def wait_for_round(self, number: int) -> None:
        """Until it says that it has made this round."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.notes.append(line)
            if line.startswith(f"round {number} of"):
                return
        raise AssertionError("".join(self.notes))

    def end(self) -> Outcome:
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return Outcome(self.process.returncode, out, "".join(self.notes) + err)


LONG = ("--rounds", 12, "--epochs", 40, "--hidden", 8)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "asked to end"])
def test_a_node_lost_in_the_middle_of_a_job_changes_nothing_but_who_trains(
    number: signal.Signals, three: Ring, undisturbed: str
) -> None:
    node = three.add_node("--quiet")
    three.wait_for_nodes(COUNT + 1)
    with Driven(three, *LONG, "--json") as job:
        job.wait_for_round(2)
        end(node, number)
        shown = job.end().json

    assert shown["model_sha256"] == undisturbed
    assert shown["rounds"] == 12
    assert len(shown["placement"]) == FILES
    three.wait_for_nodes(COUNT)


@pytest.fixture(scope="module")
def undisturbed(three: Ring) -> str:
    sha: str = train(three, *LONG, "--json").json["model_sha256"]
    return sha


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_client_that_is_interrupted_cancels_its_job_and_says_so(
    number: signal.Signals, code: int, three: Ring
) -> None:
    with Driven(three, "--rounds", 1500, "--keep", "last", "--epochs", 20, "--hidden", 8) as job:
        job.wait_for_round(1)
        job.process.send_signal(number)
        ended = job.end()

    assert ended.code == code
    assert ended.out == ""
    assert "Traceback" not in ended.err
    assert "cancelled job" in ended.err
    until(lambda: not any(n["training"] for n in three.status()), "the nodes at rest")
    assert three.client("jobs", "--json").json["jobs"][-1]["state"] == "cancelled"


def test_one_bad_file_trains_nothing(three: Ring, tmp_path: Path) -> None:
    letters = write_tiny(tmp_path)
    (letters / "part-5").write_text("1,2,3,4,0\n1,2,3,4,27\n")

    outcome = three.client(letters, "validate_letters.txt", *FAST, "--json")

    assert outcome.code == 65
    assert outcome.out == ""
    assert outcome.err == f"{letters / 'part-5'}, line 2: class 27 is out of range 0..25\n"


def test_files_on_a_shared_file_system_need_not_be_sent(three: Ring, first: dict[str, Any]) -> None:
    node = three.add_node("--quiet", "--data-dir", str(three.folder / "letters"))
    three.wait_for_nodes(COUNT + 1)

    assert train(three, *FAST, "--json").json["model_sha256"] == first["model_sha256"]

    end(node, signal.SIGTERM)
    three.wait_for_nodes(COUNT)
