"""python -m roundelay.sim: scenarios, soaks, and the evaluation of the Chord paper.

Exit code 0: everything held; 1: something did not; 64: wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

from roundelay.sim.commands import RESULTS, run_experiment, run_paper, run_scenario, run_soak
from roundelay.sim.options import SimOptions
from roundelay.sim.paper import EXPERIMENTS

EXIT_FAILED, EXIT_USAGE = 1, 64


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "scenario":
        return _run_scenario(options)
    if options.command == "soak":
        held = run_soak(options.seconds, options.nodes, options.seed, options.jobs)
    elif options.command == "paper":
        command = f"python -m roundelay.sim paper --seed {options.seed}{' --quick' if options.quick else ''}"
        held = run_paper(command, options.out, options.seed, options.quick, options.json)
    else:
        held = run_experiment(options.command, options.seed, options.quick, options.json)
    return 0 if held else EXIT_FAILED


def _run_scenario(options: argparse.Namespace) -> int:
    try:
        world = SimOptions(**{field.name: getattr(options, field.name) for field in fields(SimOptions)})
        return 0 if run_scenario(world, options.journal) else EXIT_FAILED
    except ValueError as error:
        print(f"python -m roundelay.sim scenario: {error}", file=sys.stderr)
        return EXIT_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m roundelay.sim", description="Simulate a ring in one thread, from one seed.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    scenario = commands.add_parser("scenario", help="run a ring that forms, suffers faults and heals")
    for field in fields(SimOptions):
        flag = f"--{field.name.replace('_', '-')}"
        scenario.add_argument(flag, type=type(field.default), default=field.default, metavar="N")
    scenario.add_argument("--journal", type=Path, metavar="FILE", help="write every message and event to FILE")
    again = commands.add_parser("soak", help="run scenarios of one seed after another")
    again.add_argument("--seconds", type=float, default=60.0)
    again.add_argument("--nodes", type=int, default=SimOptions.nodes)
    again.add_argument("--seed", type=int, default=1, help="the first seed")
    again.add_argument("--jobs", type=int, default=0, help="federated jobs in each, with concurrent puts and gets")
    for name in (*EXPERIMENTS, "paper"):
        text = "run all experiments and write a document" if name == "paper" else "run an experiment"
        experiment = commands.add_parser(name, help=text)
        experiment.add_argument("--json", action="store_true", help="print one line of JSON")
        experiment.add_argument("--quick", action="store_true", help="smaller, in seconds")
        experiment.add_argument("--seed", type=int, default=1)
        if name == "paper":
            experiment.add_argument("--out", type=Path, default=RESULTS, help="folder of the document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
