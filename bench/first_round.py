"""The start: from the command to the first finished round, and to --help.

A start is processor time: `--local 4` starts ten processes, which keep two cores busy until the first round, mostly
with imports. So a job of one round is judged by the processor time of all ten, as a multiple of ten imports of numpy.
That multiple hardly depends on the machine or its load, while seconds do. At ef470aa, to which the limit refers, it
was 1.24: the median of three series of seven to nine turns (1.22, 1.24, 1.29), each in turns with this version, on
2026-11-30 with numpy 2.4.6 and Python 3.11.7. A first series, of an editable installation on a busy machine, gave 1.09
and is left out.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from bench.compare import take_turns
from bench.figures import Limit, Line, Table, compared, measured
from bench.job_runs import Job, letters_job, run_job
from bench.machine import ROOT, environment
from bench.start_times import cpu_seconds

STARTS, HELPS = 9, 9
PROCESSES = 10  # client, supernode, four nodes and their trainers
AT_EF470AA, SHARE = 1.24, 0.8
NUMPY = ("-c", "import numpy")
HELP_LIMIT_MS = 150.0
SCRIPTS = ("client.py", "compute_node.py", "supernode.py")


@dataclass(frozen=True)
class Start:
    """A job of one round, and the processor time of ten imports of numpy just after it."""

    job: Job
    numpy_s: float


def starts(bytecode: Path) -> list[Start]:
    """Measure starts and imports in turns."""
    job = letters_job(4, "--rounds", "1")
    run_job(job, bytecode)  # compiles the modules, as any first start does
    return [Start(run_job(job, bytecode), PROCESSES * cpu_seconds(*NUMPY)) for _ in range(STARTS)]


def table(starts: Sequence[Start], bytecode: Path) -> Table:
    """Return the table of starts, and measure --help."""
    return Table(
        "From the command to the first finished round, and to --help",
        (
            compared(
                "client.py letters validate_letters.txt --local 4 --rounds 1, processor time",
                "s",
                median(each.job.processor_s for each in starts),
                f"{PROCESSES} imports of numpy",
                median(each.numpy_s for each in starts),
                [each.job.processor_s / each.numpy_s for each in starts],
                Limit(SHARE * AT_EF470AA, at_least=False),
            ),
            measured("to the first finished round", "s", [each.job.first_s for each in starts]),
            *_helps(bytecode),
        ),
        (
            f"Medians of {STARTS} starts and of {HELPS} helps, bytecode compiled before. The limit of the processor "
            f"time is {SHARE:g} times what commit ef470aa took.",
        ),
    )


def _helps(bytecode: Path) -> list[Line]:
    commands = [(script, "--help") for script in SCRIPTS] + [("client.py", "train", "--help")]
    found = take_turns({" ".join(words): partial(_help_ms, words, bytecode) for words in commands}, HELPS)
    limit = Limit(HELP_LIMIT_MS, at_least=False, strict=True)
    return [measured(what, "ms", ms, limit) for what, ms in found.items()]


def _help_ms(words: Sequence[str], bytecode: Path) -> float:
    """Run a script for its help, and return its milliseconds."""
    script, *options = words
    began = time.monotonic()
    subprocess.run(
        [sys.executable, str(ROOT / script), *options], check=True, stdout=subprocess.DEVNULL, env=environment(bytecode)
    )  # with a timeout, Python would poll for the end
    return 1000 * (time.monotonic() - began)
