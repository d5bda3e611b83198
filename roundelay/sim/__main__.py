"""python -m roundelay.sim: scenarios, soaks, and the paper's tables.

Results on stdout, progress on stderr. Exit 0: everything held; 1: something did not; 64: wrong usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

from roundelay.sim.figures import ExperimentResult, as_json, as_markdown
from roundelay.sim.journal import EventJournal
from roundelay.sim.options import SimOptions
from roundelay.sim.paper import EXPERIMENTS, run_all, write
from roundelay.sim.soak import Failed, play, soak

EXIT_BROKEN, EXIT_USAGE = 1, 64
RESULTS = Path("docs/results")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; {self.prog} --help lists what there is\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "scenario":
        return _scenario(options)
    if options.command == "soak":
        return _soak(options)
    if options.command == "paper":
        return _paper(options)
    return _experiment(options)


def _scenario(options: argparse.Namespace) -> int:
    try:
        world = SimOptions(**{f.name: getattr(options, f.name) for f in fields(SimOptions)})
    except ValueError as error:
        print(f"python -m roundelay.sim scenario: {error}", file=sys.stderr)
        return EXIT_USAGE
    if world.bandwidth_mbit_s:  # who knows the wire knows how large messages are: bench scale
        print("python -m roundelay.sim scenario: --bandwidth-mbit-s: scenarios count no bytes", file=sys.stderr)
        return EXIT_USAGE
    if options.journal is None:
        return _tell(play(world, EventJournal()))
    with options.journal.open("wb") as sink:
        return _tell(play(world, EventJournal(sink)))


def _soak(options: argparse.Namespace) -> int:
    broken = runs = 0
    for outcome in soak(options.seconds, options.nodes, options.seed, options.jobs):
        runs += 1
        broken += _tell(outcome) != 0
    print(f"{runs} seeds from {options.seed} on, {broken} of them broken")
    return EXIT_BROKEN if broken else 0


def _experiment(options: argparse.Namespace) -> int:
    result = EXPERIMENTS[options.command](options.seed, options.quick)
    print(json.dumps(as_json(result)) if options.json else as_markdown(result))
    return _judge([result])


def _paper(options: argparse.Namespace) -> int:
    results = []
    for result, seconds in run_all(options.seed, options.quick):
        results.append((result, seconds))
        print(f"{result.experiment}: {seconds:.0f} s", file=sys.stderr, flush=True)
        if not options.json:
            print(as_markdown(result))
    if options.json:
        print(json.dumps([as_json(result) for result, _ in results]))
    command = f"python -m roundelay.sim paper --seed {options.seed}{' --quick' if options.quick else ''}"
    write(options.out, results, command)
    print(f"written to {options.out}", file=sys.stderr)
    return _judge([result for result, _ in results])


def _tell(outcome: object) -> int:
    print(
        outcome
        if not isinstance(outcome, Failed)
        else f"seed {outcome.options.seed} is broken: {outcome.reason}\n  {outcome.replay}",
        flush=True,
    )
    return EXIT_BROKEN if isinstance(outcome, Failed) else 0


def _judge(results: list[ExperimentResult]) -> int:
    for result in results:
        for check in result.broken:
            print(f"{result.experiment}: {check}", file=sys.stderr)
    return EXIT_BROKEN if any(result.broken for result in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m roundelay.sim", description="The ring in one thread, from one seed.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    scenario = commands.add_parser("scenario", help="one ring that forms, breaks and heals")
    for field in fields(SimOptions):
        flag = f"--{field.name.replace('_', '-')}"
        scenario.add_argument(flag, type=type(field.default), default=field.default, metavar="N")
    scenario.add_argument("--journal", type=Path, metavar="FILE", help="write every message and event there")
    again = commands.add_parser("soak", help="as many seeds as fit")
    again.add_argument("--seconds", type=float, default=60.0)
    again.add_argument("--nodes", type=int, default=SimOptions.nodes)
    again.add_argument("--seed", type=int, default=1, help="the first")
    again.add_argument("--jobs", type=int, default=0, help="federated jobs in each, with puts and gets beside them")
    for name in (*EXPERIMENTS, "paper"):
        experiment = commands.add_parser(name, help="all of them, written down" if name == "paper" else "an experiment")
        experiment.add_argument("--json", action="store_true", help="one line, for machines")
        experiment.add_argument("--quick", action="store_true", help="small, in seconds")
        experiment.add_argument("--seed", type=int, default=1)
        if name == "paper":
            experiment.add_argument("--out", type=Path, default=RESULTS, help="folder of the document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
