"""Run all experiments, and write them down as one document with plots."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from roundelay.sim.experiments import balanced, churn, failures, half_dead, leave_join, load, path, proximity, size
from roundelay.sim.figures import ExperimentResult, as_markdown
from roundelay.sim.plot import svg
from roundelay.sim.sampler import INTERVAL_S, sampling

EXPERIMENTS: dict[str, Callable[[int, bool], ExperimentResult]] = {
    "load": load.run,
    "path": path.run,
    "failures": failures.run,
    "churn": churn.run,
    "half-dead": half_dead.run,
    "leave-join": leave_join.run,
    "balanced": balanced.run,
    "proximity": proximity.run,
    "size": size.run,
}
COLLECT_EVERY = 200_000  # allocations that last; Python's 700 spend half of a simulation of 10,000 nodes on collecting
COSTS = 3  # functions that are named for each experiment
COSTS_OF_ALL = 12
DOCUMENT = "chord.md"
INTRODUCTION = """\
# The Chord paper's evaluation, on this code

Written by `{command}`; do not edit. The code that routes, joins, stabilises and repairs here is `chord/`,
the same that runs over the network; `sim/` gives it virtual time and judges what comes out.

*Read* columns are from Stoica, Morris, Karger, Kaashoek, Balakrishnan, "Chord: A Scalable Peer-to-peer
Lookup Service for Internet Applications", SIGCOMM 2001. *Recalled* columns are from memory of the longer
version, IEEE/ACM Transactions on Networking 11(1), 2003; they gate nothing. The last column of each table
says what the row must hold, and whether it does.
"""


@dataclass(frozen=True)
class Measured:
    """The result of an experiment, the processor seconds that it took, and the samples of where they went."""

    result: ExperimentResult
    seconds: float
    samples: Counter[str]


def run_all(seed: int, quick: bool) -> Iterator[Measured]:
    """Run the experiments, one after the other."""
    for name in EXPERIMENTS:
        yield measure(name, seed, quick)


def measure(name: str, seed: int, quick: bool) -> Measured:
    """Run one experiment. A ring is large and hardly any of its garbage is cyclic: it is collected rarely."""
    thresholds = gc.get_threshold()
    gc.set_threshold(COLLECT_EVERY, *thresholds[1:])
    try:
        begun = time.process_time()
        with sampling() as samples:
            result = EXPERIMENTS[name](seed, quick)
        return Measured(result, time.process_time() - begun, samples)
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()


def write(folder: Path, runs: Sequence[Measured], command: str) -> None:
    """Write the document and a file for each plot into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION.format(command=command), _costs(runs)]
    for result in [run.result for run in runs]:
        parts.append(as_markdown(result))
        parts += [f"![{plot.title}]({_file(plot.name)})\n" for plot in result.plots]
        for plot in result.plots:
            (folder / _file(plot.name)).write_text(svg(plot))
    (folder / DOCUMENT).write_text("\n".join([*parts, _profile(runs)]))


def _costs(runs: Sequence[Measured]) -> str:
    lines = ["| experiment | holds | seconds on one core |", "| --- | --- | --- |"]
    lines += [f"| {r.result.experiment} | {'no' if r.result.broken else 'yes'} | {r.seconds:.0f} |" for r in runs]
    total = sum(run.seconds for run in runs)
    return "\n".join([*lines, f"| all |  | {total:.0f} |", "", _load(), ""])


def _load() -> str:
    """Return a sentence about the load: beside other processes, a second of processor time does less."""
    if not hasattr(os, "getloadavg"):
        return "Seconds are processor time."
    load = os.getloadavg()[2]
    return f"Seconds are processor time. The load average at the end was {load:.1f} on {os.cpu_count()} cores."


def _profile(runs: Sequence[Measured]) -> str:
    """Return the functions that most of the time is spent in, of each experiment and of all together."""
    total = sum((run.samples for run in runs), Counter[str]())
    lines = ["| experiment | functions with the largest share of its time |", "| --- | --- |"]
    lines += [f"| {run.result.experiment} | {_largest(run.samples, COSTS)} |" for run in runs]
    lines.append(f"| all | {_largest(total, COSTS_OF_ALL)} |")
    about = f"One sample each {1000 * INTERVAL_S:g} ms of processor time; a function in C counts for its caller.\n"
    return "\n".join(["## profile", "", about, *lines, ""])


def _largest(samples: Counter[str], count: int) -> str:
    shares = [f"`{name}` {n / samples.total():.0%}" for name, n in samples.most_common(count)]
    return ", ".join(shares) or "-"


def _file(name: str) -> str:
    return f"chord-{name}.svg"
