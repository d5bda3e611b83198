"""Run all experiments, and write them down as one document with plots."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from roundelay.sim.experiments import balanced, churn, failures, half_dead, leave_join, load, path, proximity, size
from roundelay.sim.figures import ExperimentResult, as_markdown
from roundelay.sim.plot import svg

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


def run_all(seed: int, quick: bool) -> Iterator[tuple[ExperimentResult, float]]:
    """Run the experiments; return each result and the processor seconds that it took."""
    for experiment in EXPERIMENTS.values():
        begun = time.process_time()
        result = experiment(seed, quick)
        yield result, time.process_time() - begun


def write(folder: Path, results: list[tuple[ExperimentResult, float]], command: str) -> None:
    """Write the document and a file for each plot into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [INTRODUCTION.format(command=command), _costs(results)]
    for result, _ in results:
        parts.append(as_markdown(result))
        parts += [f"![{plot.title}]({_file(plot.name)})\n" for plot in result.plots]
        for plot in result.plots:
            (folder / _file(plot.name)).write_text(svg(plot))
    (folder / DOCUMENT).write_text("\n".join(parts))


def _costs(results: list[tuple[ExperimentResult, float]]) -> str:
    lines = ["| experiment | holds | seconds on one core |", "| --- | --- | --- |"]
    lines += [f"| {r.experiment} | {'no' if r.broken else 'yes'} | {seconds:.0f} |" for r, seconds in results]
    total = sum(seconds for _, seconds in results)
    return "\n".join([*lines, f"| all |  | {total:.0f} |", ""])


def _file(name: str) -> str:
    return f"chord-{name}.svg"
