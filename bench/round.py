"""A round compared with Flower: overhead, start, time to 5 % error, two nodes against one.

Every job is the command that users type, with nodes of its own; its figures are those that it prints with --json. The
overhead of a round is its wall-clock time minus that of the slowest trainer.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from statistics import median

from bench import first_round, flower, report
from bench.compare import ratios, take_turns
from bench.figures import Limit, Line, Table, compared, measured
from bench.job_runs import Job, letters_job, run_job
from bench.machine import ROOT
from roundelay.chord.ring import Ring
from roundelay.testing.cluster import Cluster

ABOUT = "The round: ours beside Flower"
NODES = 4
ROUNDS, OVERHEAD_TURNS = 12, 9
REAL_LIMIT_S = 15.0
OVERHEAD_LIMITS_MS = {"in memory": 8.0, "with --state-dir": 10.0, "with --kit": 12.0}
REAL_LETTERS = ROOT.parent / "shared" / "data"
GOAL = 0.05
TURNS, SCALING_ROUNDS = 9, 16  # for two nodes against one
EVEN_FILES = 16  # for each of two nodes
EVEN_LIMIT, HASHED_LIMIT = 1.6, 1.3
TIMEOUT_S = 300.0


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="roundelay-bench-") as folder:
        return report.main("round", ABOUT, sections(Runs(Path(folder))), arguments)


class Runs:
    """What several tables are made of, measured when the first of them needs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bytecode = folder / "bytecode"

    @cached_property
    def jobs(self) -> dict[str, list[Job]]:
        """The jobs whose overhead is measured, on each kind of ring in turn."""
        jobs: dict[str, list[Job]] = {how: [] for how in OVERHEAD_LIMITS_MS}
        for turn in range(OVERHEAD_TURNS):
            jobs["in memory"].append(run_job(letters_job(NODES, "--rounds", str(ROUNDS)), self.bytecode))
            jobs["with --state-dir"].append(_on(Cluster(self.folder / f"disk{turn}", keep_state=True)))
            jobs["with --kit"].append(_on(Cluster(self.folder / f"secured{turn}", secured=True)))
        return jobs

    @cached_property
    def starts(self) -> list[first_round.Start]:
        return first_round.starts(self.bytecode)


def sections(runs: Runs) -> report.Sections:
    """Return the tables that can be measured alone."""
    return {
        "overhead": lambda: [_overhead(runs.jobs)],
        "start": lambda: [first_round.table(runs.starts, runs.bytecode)],
        "flower": lambda: [_beside_flower(runs)],
        "real": lambda: [_real(runs.bytecode)],
        "even": lambda: [_scaling("even files", _even_files(runs.folder / "even"), EVEN_LIMIT, runs.bytecode)],
        "hashed": lambda: [_scaling("hashed files", ROOT / "letters", HASHED_LIMIT, runs.bytecode)],
    }


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


def _overhead(jobs: Mapping[str, Sequence[Job]]) -> Table:
    return Table(
        f"Overhead of a round: wall clock without the slowest trainer's, {NODES} nodes, letters",
        tuple(
            measured(
                f"ours, {how}",
                "ms",
                [median(job.overheads_ms) for job in of_ring],
                Limit(OVERHEAD_LIMITS_MS[how], at_least=False),
            )
            for how, of_ring in jobs.items()
        ),
        (
            f"Medians of {OVERHEAD_TURNS} jobs of {ROUNDS} rounds. A round takes "
            f"{median(job.round_s for job in jobs['in memory']):.2f} s at the median.",
        ),
    )


def _beside_flower(runs: Runs) -> Table:
    ours_ms = median(median(job.overheads_ms) for job in runs.jobs["in memory"])
    first_s = median(each.job.first_s for each in runs.starts)
    simulated, deployed = flower.simulated(runs.folder), flower.deployed(runs.folder)
    lines = (
        *(
            _times("overhead of a round, times as little", "ms", ours_ms, f, f.overhead_ms)
            for f in (simulated, deployed)
        ),
        _times("first round, times as soon after the command", "s", first_s, simulated, simulated.first_round_s),
    )
    notes = ("Ours validates on 3,500 rows beside the next round, Flower does not.",)
    return Table("Beside Flower", lines, (*notes, *(found.how for found in (simulated, deployed) if found.how)))


def _times(what: str, unit: str, ours: float, found: flower.FlowerRounds, theirs: float | None) -> Line:
    """Return the line of a figure that must be smaller than Flower's."""
    times = theirs / ours if theirs else None
    return Line(what, unit, ours, found.name, theirs, times, Limit(1.0, strict=True), found.why_not)


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


def _scaling(what: str, data: Path, bound: float, bytecode: Path) -> Table:
    """Measure the rounds of one node and of two, in turns."""
    files, validation = str(data), str(ROOT / "letters" / "validate_letters.txt")
    found = take_turns(
        {
            count: lambda count=count: (
                run_job(  # type: ignore[misc]
                    [files, validation, "--local", count, "--rounds", str(SCALING_ROUNDS)], bytecode
                ).round_s
            )
            for count in ("1", "2")
        },
        TURNS,
        warm_up=0,
    )
    one, two = median(found["1"]), median(found["2"])
    times = ratios(found["2"], found["1"])
    return Table(
        f"Two nodes against one, {what}, on {os.cpu_count()} cores",
        (compared("times as fast", "s a round", two, "one node", one, times, Limit(bound)),),
    )


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
