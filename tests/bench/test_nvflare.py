"""What is read from NVFlare's files, without NVFlare."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.nvflare import lost_tasks, rounds_of
from roundelay.testing.waiting import Stuck

LINE = (
    "2026-11-30 14:01:43,910 - ServerRunner - ERROR - [identity=letters, run=12285829, wf=controller] - "
    "Aborting current RUN due to FATAL_SYSTEM_ERROR received: received failure report from client site-3: TIMEOUT\n"
)


@pytest.fixture
def job() -> subprocess.Popen[bytes]:
    """Return a job that has ended without an error."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


def test_the_last_round_counts_even_if_the_job_has_ended(tmp_path: Path, job: subprocess.Popen[bytes]) -> None:
    reports = tmp_path / "rounds.jsonl"
    reports.write_text('{"round": 1, "sites": 3}\n{"round": 2, "sites": 2}\n')

    assert rounds_of(reports, tmp_path / "none.log", job, 2) == ({"round": 1, "sites": 3}, {"round": 2, "sites": 2})


def test_a_job_that_ended_early_is_stuck_with_the_words_of_the_server(
    tmp_path: Path, job: subprocess.Popen[bytes]
) -> None:
    console = tmp_path / "server.log"
    with pytest.raises(Stuck, match="ended with code 0"):
        rounds_of(tmp_path / "none.jsonl", console, job, 2)
    console.write_text(LINE)

    with pytest.raises(Stuck, match=r"^received failure report from client site-3: TIMEOUT$"):
        rounds_of(tmp_path / "none.jsonl", console, job, 2)


def test_the_sites_that_dropped_a_task_are_named(tmp_path: Path) -> None:
    (tmp_path / "site-0.log").write_text("Finished round 5\n")
    assert lost_tasks(tmp_path) == ""
    (tmp_path / "site-4.log").write_text("SwarmClientController - WARNING - already running a task: aborting it\n")

    assert lost_tasks(tmp_path) == "; site-4: already running a task: aborting it"
