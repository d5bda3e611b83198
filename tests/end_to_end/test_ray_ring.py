"""A ring on Ray: what is refused before anything starts; and, where Ray is, a ring that loses an actor in a round."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.ray_ring import main
from roundelay.testing.waiting import until
from tests.end_to_end.small_job import write_tiny
from tests.processes import MARK, PATIENCE_S, ROOT, client, environment, marked, new_mark, run_here

ROUNDS = 300  # last longer than Ray takes to start an actor
JOB = ("letters", "validate_letters.txt", "--hidden", 8, "--rounds", ROUNDS, "--epochs", 1, "--json")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "required: ARGUMENT"),
        (("--nodes", "0", "--", "letters"), "--nodes takes 1 to"),
        (("--cpus", "-1", "--", "letters"), "--cpus takes 0 or more"),
        (("--", "letters", "--local", "4"), "--local is not allowed"),
        (("--", "letters", "--supernode", "127.0.0.1:9091"), "--supernode is not allowed"),
        (("--", "--rounds", "2"), "no training data"),
        (("--", "train", "letters", "--rounds", "0"), "argument --rounds: 0, expected 1 to 10000"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(arguments: tuple[str, ...], why: str) -> None:
    outcome = run_here(main, *arguments)

    assert (outcome.code, outcome.err.count("\n")) == (64, 1)
    assert why in outcome.err


def test_without_ray_one_line_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    outcome = run_here(main, "--", "letters", "validate_letters.txt")

    assert (outcome.code, outcome.err) == (69, "Ray is not installed; type  pip install '.[ray]'\n")


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is an extra: pip install '.[ray]'")
def test_an_actor_dies_in_a_round_is_started_again_and_the_model_is_the_same(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    mark, log = new_mark(), tmp_path / "ray.log"
    command = [sys.executable, "-m", "deploy.ray_ring", "--nodes", "4", "--", *map(str, JOB)]
    command[-len(JOB)] = str(tmp_path / "letters")
    with log.open("wb") as said:
        running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=said, env=environment(mark))
    try:
        until(lambda: "round 2 of" in log.read_text() or running.poll() is not None, "the second round")
        before = nodes(mark)
        assert len(before) == 4, log.read_text()

        os.kill(before[0][1], signal.SIGKILL)

        until(lambda: running.poll() is not None or replaced(before, nodes(mark)), "another")
        assert running.poll() is None, f"nobody took its place while the job ran: {log.read_text()}"
        out, _ = running.communicate(timeout=PATIENCE_S)
    finally:
        running.kill()
        running.wait()
    undisturbed = client(*JOB, "--local", 4, cwd=tmp_path).json
    assert json.loads(out)["model_sha256"] == undisturbed["model_sha256"], log.read_text()
    until(lambda: not marked(mark), "no process is left")


def replaced(before: list[tuple[int, int]], now: list[tuple[int, int]]) -> bool:
    return len(now) == len(before) and before[0] not in now


def nodes(mark: str) -> list[tuple[int, int]]:
    """Each compute node on Ray: itself, and the actor whose child it is."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            ours = f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0")
            if ours and b"node" in words:
                found.append((int(process.name), int((process / "stat").read_text().rpartition(")")[2].split()[1])))
        except OSError:  # it has ended meanwhile
            continue
    return sorted(found)
