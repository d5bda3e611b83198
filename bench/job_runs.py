"""Jobs as users type them, with nodes of their own, timed from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import ROOT, environment


@dataclass(frozen=True)
class Job:
    """One run of the client."""

    first_s: float  # from its start to the first finished round
    at_s: tuple[float, ...]  # from its start to each round's end
    printed: dict[str, Any]
    processor_s: float = 0.0  # of the client and all processes that it started

    @property
    def overheads_ms(self) -> list[float]:
        """The overhead of every round but the first, in which trainers start."""
        return [1000 * (r["seconds"] - r["slowest_node_seconds"]) for r in self.printed["history"][1:]]

    @property
    def round_s(self) -> float:
        return float(median(r["seconds"] for r in self.printed["history"][1:]))


def letters_job(nodes: int, *options: str) -> list[str]:
    """Return the arguments of a job on the letters that ship."""
    return [str(ROOT / "letters"), "validate_letters.txt", "--local", str(nodes), *options]


def run_job(arguments: Sequence[str], bytecode: Path) -> Job:
    """Run a job, and time its rounds from outside."""
    began, ends = time.monotonic(), []
    command = [sys.executable, str(ROOT / "client.py"), *arguments, "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(bytecode)
    ) as running:
        assert running.stderr is not None and running.stdout is not None
        for line in running.stderr:
            if line.startswith("round ") and " of " in line:
                ends.append(time.monotonic() - began)
        printed = json.loads(running.stdout.read())
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    return Job(ends[0], tuple(ends), printed, usage.ru_utime + usage.ru_stime)
