"""The commands of the simulator, as functions: results on stdout, progress and failures on stderr.

Each function returns True if everything held. Command lines are parsed elsewhere.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from roundelay.sim.figures import ExperimentResult, as_json, as_markdown
from roundelay.sim.journal import EventJournal
from roundelay.sim.options import SimOptions
from roundelay.sim.paper import measure, run_all, write
from roundelay.sim.scenario import ScenarioReport
from roundelay.sim.soak import Failed, play, soak

RESULTS = Path("docs/results")


def run_scenario(options: SimOptions, journal: Path | None = None) -> bool:
    """Run one scenario and print its report; write every message and event to `journal`, if given."""
    if options.bandwidth_mbit_s:  # the sizes of messages are known only to rpc/; bench scale simulates bandwidth
        raise ValueError("bandwidth_mbit_s must be 0: scenarios do not count bytes")
    if journal is None:
        return _print_outcome(play(options, EventJournal()))
    with journal.open("wb") as sink:
        return _print_outcome(play(options, EventJournal(sink)))


def run_soak(seconds: float, nodes: int = SimOptions.nodes, seed: int = 1, jobs: int = 0) -> bool:
    """Run scenarios with the seeds from `seed` on until the time is up; print a report of each."""
    held = [_print_outcome(outcome) for outcome in soak(seconds, nodes, seed, jobs)]
    print(f"{len(held)} seeds from {seed} on, {held.count(False)} failed")
    return all(held)


def run_experiment(name: str, seed: int = 1, quick: bool = False, as_lines: bool = False) -> bool:
    """Run one of the paper's EXPERIMENTS and print its tables, or one line of JSON if `as_lines`."""
    result = measure(name, seed, quick).result
    print(json.dumps(as_json(result)) if as_lines else as_markdown(result))
    return _print_missed([result])


def run_paper(command: str, out: Path = RESULTS, seed: int = 1, quick: bool = False, as_lines: bool = False) -> bool:
    """Run all experiments and write them to the folder `out` as one document; it names the `command` that wrote it."""
    runs = []
    for run in run_all(seed, quick):
        runs.append(run)
        print(f"{run.result.experiment}: {run.seconds:.0f} s", file=sys.stderr, flush=True)
        if not as_lines:
            print(as_markdown(run.result))
    if as_lines:
        print(json.dumps([as_json(run.result) for run in runs]))
    write(out, runs, command)
    print(f"written to {out}", file=sys.stderr)
    return _print_missed(run.result for run in runs)


# --- helpers


def _print_outcome(outcome: ScenarioReport | Failed) -> bool:
    print(outcome, flush=True)
    return isinstance(outcome, ScenarioReport)


def _print_missed(results: Iterable[ExperimentResult]) -> bool:
    missed = [f"{result.experiment}: {check}" for result in results for check in result.broken]
    for line in missed:
        print(line, file=sys.stderr)
    return not missed
