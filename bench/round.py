"""A round compared with Flower: overhead, start, time to 5 % error, two nodes against one.

Every job is the command that users type, with nodes of its own; its figures are those that it prints with --json. The
overhead of a round is its wall-clock time minus that of the slowest trainer.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import flower, report
from bench.compare import ratios
from bench.figures import Limit, Line, Table, compared, measured
from bench.machine import ROOT, environment
from roundelay.chord.ring import Ring
from roundelay.testing.cluster import Cluster

ABOUT = "The round: ours beside Flower"
NODES = 4
ROUNDS, OVERHEAD_TURNS = 12, 9
STARTS = 9
HELPS = 9
HELP_LIMIT_MS, START_LIMIT_S, REAL_LIMIT_S = 150.0, 0.88, 15.0
OVERHEAD_LIMITS_MS = {"in memory": 8.0, "with --state-dir": 10.0, "with --kit": 12.0}
REAL_LETTERS = ROOT.parent / "shared" / "data"
GOAL = 0.05
TURNS, SCALING_ROUNDS = 9, 16  # for two nodes against one
EVEN_FILES = 16  # for each of two nodes
TIMEOUT_S = 300.0


def main(arguments: Sequence[str]) -> int:
    return report.main("round", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-bench-")))
        bytecode = folder / "bytecode"
        _run(["--help"], bytecode)  # compiles the imported modules, as any first start does
        starts = [run_job(_letters(4, "--rounds", "1"), bytecode) for _ in range(STARTS)]
        jobs: dict[str, list[Job]] = {how: [] for how in OVERHEAD_LIMITS_MS}
        for turn in range(OVERHEAD_TURNS):
            jobs["in memory"].append(run_job(_letters(4, "--rounds", str(ROUNDS)), bytecode))
            jobs["with --state-dir"].append(_on(Cluster(folder / f"disk{turn}", keep_state=True)))
            jobs["with --kit"].append(_on(Cluster(folder / f"secured{turn}", secured=True)))
        simulated, deployed = flower.simulated(folder), flower.deployed(folder)
        return [
            _overhead(jobs, simulated, deployed),
            _start(starts, simulated, bytecode),
            _real(bytecode),
            _scaling(folder, bytecode),
        ]


@dataclass(frozen=True)
class Job:
    """One run of the client."""

    first_s: float  # from its start to the first finished round
    at_s: tuple[float, ...]  # from its start to each round's end
    printed: dict[str, Any]

    @property
    def overheads_ms(self) -> list[float]:
        """The overhead of every round but the first, in which trainers start."""
        return [1000 * (r["seconds"] - r["slowest_node_seconds"]) for r in self.printed["history"][1:]]

    @property
    def round_s(self) -> float:
        return float(median(r["seconds"] for r in self.printed["history"][1:]))


def _letters(nodes: int, *options: str) -> list[str]:
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
    return Job(ends[0], tuple(ends), printed)


def _run(arguments: Sequence[str], bytecode: Path, script: str = "client.py") -> float:
    """Run a command, and return its milliseconds."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, str(ROOT / script), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment(bytecode),
        timeout=TIMEOUT_S,
    )
    return 1000 * (time.monotonic() - began)


# --- a round's overhead


def _on(ring: Cluster) -> Job:
    """Run the same job on another ring, and end that."""
    try:
        ring.form(NODES)
        client = ring.start_client(
            "train", str(ROOT / "letters"), "validate_letters.txt", "--rounds", str(ROUNDS), "--json"
        )
        client.wait(TIMEOUT_S)
        return Job(0.0, (), json.loads(client.out.read_text()))
    finally:
        ring.stop()


def _overhead(jobs: dict[str, list[Job]], simulated: flower.FlowerRounds, deployed: flower.FlowerRounds) -> Table:
    overheads_ms = {how: [median(job.overheads_ms) for job in of_ring] for how, of_ring in jobs.items()}
    ours, memory = median(overheads_ms["in memory"]), jobs["in memory"]
    lines = [
        measured(f"ours, {how}", "ms", ms, Limit(OVERHEAD_LIMITS_MS[how], at_least=False))
        for how, ms in overheads_ms.items()
    ]
    for what, found in (("in memory, times as little", simulated), ("in memory, times as little", deployed)):
        theirs = found.overhead_ms
        lines.append(
            Line(
                what,
                "ms",
                ours,
                found.name,
                theirs,
                theirs / ours if theirs else None,
                Limit(1.0, strict=True),
                found.why_not,
            )
        )
    title = f"Overhead of a round: wall clock without the slowest trainer's, {NODES} nodes, letters"
    return Table(
        title,
        tuple(lines),
        (
            f"Medians of {OVERHEAD_TURNS} jobs of {ROUNDS} rounds; ours validates on 3,500 rows beside the next round, "
            f"Flower does not. A round of ours takes {median(job.round_s for job in memory):.2f} s at the median.",
            *(found.how for found in (simulated, deployed) if found.how),
        ),
    )


# --- the start


def _start(starts: Sequence[Job], simulated: flower.FlowerRounds, bytecode: Path) -> Table:
    firsts_s = [job.first_s for job in starts]
    ours, theirs = median(firsts_s), simulated.first_round_s
    helps = {
        script: [_run(["--help"], bytecode, script) for _ in range(HELPS)]
        for script in ("client.py", "compute_node.py", "supernode.py")
    }
    train = [_run(["train", "--help"], bytecode) for _ in range(HELPS)]
    limit = Limit(HELP_LIMIT_MS, at_least=False, strict=True)
    return Table(
        "From the command to the first finished round, and to --help",
        (
            measured(
                "client.py letters validate_letters.txt --local 4", "s", firsts_s, Limit(START_LIMIT_S, at_least=False)
            ),
            Line(
                "times as soon",
                "s",
                ours,
                simulated.name,
                theirs,
                theirs / ours if theirs else None,
                None,
                simulated.why_not,
            ),
            *(measured(f"{script} --help", "ms", ms, limit) for script, ms in helps.items()),
            measured("client.py train --help", "ms", train, limit),
        ),
        (f"Medians of {STARTS} starts and of {HELPS} helps, bytecode compiled before.",),
    )


# --- real letters


def _real(bytecode: Path) -> Table:
    limit = Limit(REAL_LIMIT_S, at_least=False)
    if not REAL_LETTERS.is_dir():
        return Table("UCI letters to 5 % error", (Line("wall clock", "s", None, limit=limit, why_not="no data here"),))
    job = run_job([str(REAL_LETTERS / "letters"), str(REAL_LETTERS / "validate_letters.txt"), "--local", "4"], bytecode)
    errors = [r["validation_error"] for r in job.printed["history"]]
    number = next((i for i, error in enumerate(errors) if error <= GOAL), None)
    return Table(
        "UCI letters to 5 % error, default settings, 4 nodes",
        (
            Line(
                "wall clock from the command to the round that reaches it",
                "s",
                job.at_s[number] if number is not None else None,
                limit=limit,
                why_not="not reached",
            ),
            Line("rounds until then", "", None if number is None else number + 1, why_not="not reached"),
            Line("error after all rounds", "%", 100 * errors[-1]),
            Line("wall clock of all rounds", "s", job.at_s[-1]),
        ),
    )


# --- two nodes against one


def _scaling(folder: Path, bytecode: Path) -> Table:
    even = _even_files(folder / "even")
    lines = []
    for what, data, bound in (("even files", even, 1.6), ("hashed files", ROOT / "letters", 1.3)):
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(TURNS):
            for nodes in (1, 2) if turn % 2 == 0 else (2, 1):
                arguments = [
                    str(data),
                    str(ROOT / "letters" / "validate_letters.txt"),
                    "--local",
                    str(nodes),
                    "--rounds",
                    str(SCALING_ROUNDS),
                ]
                seconds[nodes].append(run_job(arguments, bytecode).round_s)
        one, two = median(seconds[1]), median(seconds[2])
        times = ratios(seconds[2], seconds[1])
        label = f"two nodes, {what}: times as fast"
        lines.append(compared(label, "s a round", two, "one node", one, times, Limit(bound)))
    return Table(f"Two nodes against one, on {os.cpu_count()} cores", tuple(lines))


def _even_files(folder: Path) -> Path:
    """Make files whose names hash to both halves of the ring equally, so that two nodes own as many each."""
    folder.mkdir(parents=True)
    ring, halves = Ring(160, 8, 3), {0: 0, 1: 0}
    sources = [p for p in sorted((ROOT / "letters").iterdir()) if p.suffix == "" and p.is_file()]
    for number in range(1000):
        half = ring.key(f"file-{number}") >> 159
        if halves[half] < EVEN_FILES:
            halves[half] += 1
            (folder / f"file-{number}").write_bytes(sources[sum(halves.values()) - 1].read_bytes())
    return folder
