"""Many jobs at once: how long four take together and one after the other, and what each gets.

Jobs are the commands that users type, on one ring of four nodes. They differ only in their seed, so that each has a
model of its own, whose hash must be the same alone and together. The ring is the same in all turns; a run alone and a
run together take turns, so that other load on the machine hits both.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from bench import report
from bench.figures import Limit, Line, Table, compared
from bench.machine import ROOT
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import until

ABOUT = "Many jobs at once"
NODES, JOBS, MANY = 4, 4, 10
ROUNDS, TURNS = 12, 9
HIGH = 4.0  # a priority
POLL_S, TIMEOUT_S = 0.01, 600.0


@dataclass(frozen=True)
class Run:
    """One job: when its first round was finished and when it ended, from the start of its client; its model."""

    first_s: float
    seconds: float
    model: str


def main(arguments: Sequence[str]) -> int:
    return report.main("jobs", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-jobs-")))
        ring = Cluster(folder)
        stack.callback(ring.stop)
        ring.form(NODES)
        run_jobs(ring, [0])  # starts the trainers
        alone, together = list[list[Run]](), list[list[Run]]()
        for turn in range(TURNS):
            for is_alone in (True, False) if turn % 2 == 0 else (False, True):
                seeds = range(JOBS)
                if is_alone:
                    alone.append([run_jobs(ring, [seed])[0] for seed in seeds])
                else:
                    together.append(run_jobs(ring, seeds))
        models = {run.model: seed for runs in alone for seed, run in enumerate(runs)}
        return [
            _four(alone, together, len(models)),
            _priority(run_jobs(ring, range(JOBS), first_priority=HIGH)),
            _many(ring, alone, [runs.model for runs in alone[0]]),
        ]


def run_jobs(
    ring: Cluster, seeds: Sequence[int], first_priority: float = 1.0, victims: Sequence[ManagedProcess] = ()
) -> list[Run]:
    """Start a job for each seed at once, and wait for all. victims: killed once the first job has finished a round."""
    began, clients = time.monotonic(), list[ManagedProcess]()
    for seed in seeds:
        priority = first_priority if not clients else 1.0
        clients.append(
            ring.start_client(
                "train",
                str(ROOT / "letters"),
                "validate_letters.txt",
                *("--rounds", str(ROUNDS), "--seed", str(seed), "--priority", str(priority), "--json"),
            )
        )
    firsts, ends, left = dict[int, float](), dict[int, float](), list(victims)
    while len(ends) < len(clients):
        now = time.monotonic() - began
        if now > TIMEOUT_S:
            raise TimeoutError(f"{len(clients) - len(ends)} of {len(clients)} jobs have not ended in {TIMEOUT_S:g} s")
        for place, client in enumerate(clients):
            if place not in firsts and "round 1 of" in client.err.read_text():
                firsts[place] = now
            if place not in ends and not client.is_running:
                ends[place] = now
                client.wait()
        if left and firsts:
            left.pop().kill(signal.SIGKILL)
        time.sleep(POLL_S)
    return [_run(client, firsts[place], ends[place]) for place, client in enumerate(clients)]


def _run(client: ManagedProcess, first_s: float, seconds: float) -> Run:
    printed = json.loads(client.out.read_text())
    return Run(first_s, seconds, str(printed["model_sha256"]))


def _four(alone: list[list[Run]], together: list[list[Run]], models: int) -> Table:
    sums = [sum(run.seconds for run in runs) for runs in alone]
    totals = [max(run.seconds for run in runs) for runs in together]
    times = [total / each for total, each in zip(totals, sums, strict=True)]
    shares = [
        max(run.first_s for run in runs) / (JOBS * median(run.first_s for run in single))
        for runs, single in zip(together, alone, strict=True)
    ]
    same = all([run.model for run in runs] == [run.model for run in alone[0]] for runs in (*alone, *together))
    return Table(
        f"{JOBS} equal jobs on {NODES} nodes, {os.cpu_count()} cores",
        (
            compared(
                "time together : time one after the other",
                "s",
                median(totals),
                "one after the other",
                median(sums),
                times,
                Limit(1.1, at_least=False),
            ),
            compared(
                "last first round : four times that of a job alone",
                "s",
                median(max(run.first_s for run in runs) for runs in together),
                "alone",
                median(run.first_s for runs in alone for run in runs),
                shares,
                Limit(1.0, at_least=False),
            ),
            Line("models that are the same alone and together", "", float(models if same else 0), limit=Limit(JOBS)),
        ),
        (
            f"{TURNS} turns of jobs of {ROUNDS} rounds on the letters, from the start of each client to its end.",
            "On a machine that others use as well, four jobs get more of it than one does, "
            "so the first ratio is too good.",
        ),
    )


def _priority(runs: Sequence[Run]) -> Table:
    first, *others = runs
    return Table(
        f"One of {JOBS} jobs has priority {HIGH:g}",
        (
            Line("it ends after", "s", first.seconds),
            Line("the others end after, on average", "s", mean(run.seconds for run in others)),
            Line(
                "times as long as the other ones take",
                "s",
                first.seconds,
                "the others",
                mean(run.seconds for run in others),
                first.seconds / mean(run.seconds for run in others),
                Limit(1.0, at_least=False, strict=True),
            ),
        ),
    )


def _many(ring: Cluster, alone: list[list[Run]], known: Sequence[str]) -> Table:
    """Run ten jobs at once, and kill a node in their middle."""
    victim = ring.nodes[-1]
    runs = run_jobs(ring, [*range(JOBS), *range(JOBS, MANY)], victims=[victim])
    single_s = median(run.seconds for runs in alone for run in runs)
    again = until(lambda: ring.wait_until_converged(), "the ring without the node that was killed")
    return Table(
        f"{MANY} jobs at once, and one of {NODES} nodes killed in their middle",
        (
            Line("jobs that end", "", float(len(runs)), limit=Limit(MANY)),
            Line(
                f"models that are those of the jobs alone, of {JOBS}",
                "",
                float(sum(run.model == model for run, model in zip(runs, known, strict=False))),
                limit=Limit(JOBS),
            ),
            Line("all end after", "s", max(run.seconds for run in runs)),
            Line("ten times a job alone", "s", MANY * single_s),
            Line("the first rounds end after", "s", median(run.first_s for run in runs)),
            Line("nodes that are left", "", float(len(again))),
        ),
    )
