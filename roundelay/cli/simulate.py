"""client.py simulate: rings in one thread, from one seed. Scenarios, soaks, and the Chord paper's experiments.

Results on standard output, progress on standard error. Exit code 0: every check passed; 1: one failed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from roundelay.cli import exits, parser_base
from roundelay.cli.parser_base import path
from roundelay.sim.options import SimOptions

EXPERIMENTS = {
    "load": "keys per node, and virtual nodes (figures 8 and 9)",
    "path": "the length of lookups (figure 10)",
    "failures": "failed lookups after simultaneous failures (figure 11)",
    "churn": "failed lookups while nodes join and fail (figure 12)",
    "half-dead": "lookups before repair, with up to half of the nodes dead (table II of the journal version)",
    "leave-join": "lookups while nodes join and leave (table III of the journal version)",
    "balanced": "the largest share of keys, with balanced and with hashed identifiers",
    "proximity": "lookups through near fingers (table IV of the journal version)",
    "size": "the largest ring that fits: 10,000 nodes",
}
ABOUT = {
    "scenario": "a ring that forms, breaks and heals",
    "soak": "scenarios with many seeds, for some time",
    **EXPERIMENTS,
    "paper": "all experiments, written down as a page with figures",
}
WORDS = tuple(ABOUT)
RESULTS = Path("docs/results")


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line; its options depend on the first word. No file and no variable sets them."""
    word = arguments[0] if arguments and arguments[0] in WORDS else ""
    made = parser_base.Parser(
        f"client.py simulate {word}".strip(),
        "Simulate rings in one thread, from one seed.",
        f"python3 client.py simulate {word or 'scenario'} --seed 7",
        arguments,
        is_configurable=False,
    )
    made.add_argument("what", choices=WORDS, metavar="WHAT", help="what to simulate: see below")
    if not word:
        made.formatter_class = argparse.RawDescriptionHelpFormatter
        listed = "".join(f"\n  {name:<12}{about}" for name, about in ABOUT.items())
        made.epilog = f"{made.epilog}\n\nWHAT is one of{listed}"
    if word == "scenario":
        _add_scenario(made)
    elif word == "soak":
        made.add_argument("--seconds", type=float, default=60.0, metavar="S", help="duration (default: %(default)s)")
        made.add_argument(
            "--nodes",
            type=parser_base.at_least(1),
            default=SimOptions.nodes,
            metavar="N",
            help="(default: %(default)s)",
        )
        made.add_argument(
            "--seed", type=parser_base.at_least(0), default=1, metavar="S", help="the first seed (default: %(default)s)"
        )
        made.add_argument("--jobs", type=int, default=0, metavar="N", help="federated jobs in each (default: 0)")
    elif word:
        made.add_argument("--json", action="store_true", help="print one line, one JSON object")
        made.add_argument("--quick", action="store_true", help="a small version, in seconds")
        made.add_argument("--seed", type=parser_base.at_least(0), default=1, metavar="S", help="(default: %(default)s)")
        if word == "paper":
            made.add_argument("--out", type=path, default=RESULTS, metavar="DIR", help="folder (default: %(default)s)")
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Run the chosen simulation; return FAILED if a check failed. Raises Exit."""
    options = _scenario(chosen) if chosen.what == "scenario" else None
    from roundelay.sim import commands  # brings numpy, which --help does not wait for

    if options is not None:
        held = commands.run_scenario(options, chosen.journal)
    elif chosen.what == "soak":
        held = commands.run_soak(chosen.seconds, chosen.nodes, chosen.seed, chosen.jobs)
    elif chosen.what == "paper":
        typed = f"python3 client.py simulate paper --seed {chosen.seed}{' --quick' if chosen.quick else ''}"
        held = commands.run_paper(typed, chosen.out, chosen.seed, chosen.quick, chosen.json)
    else:
        held = commands.run_experiment(chosen.what, chosen.seed, chosen.quick, chosen.json)
    return 0 if held else exits.FAILED


def _add_scenario(made: parser_base.Parser) -> None:
    """Add one option for every field of SimOptions."""
    for each in fields(SimOptions):
        made.add_argument(
            f"--{each.name.replace('_', '-')}",
            type=type(each.default),
            default=each.default,
            metavar="N",
            help="(default: %(default)s)",
        )
    made.add_argument("--journal", type=parser_base.output, metavar="FILE", help="write every message and event")


def _scenario(chosen: parser_base.Namespace) -> SimOptions:
    """Return the scenario's options. Raises Exit."""
    try:
        options = SimOptions(**{each.name: getattr(chosen, each.name) for each in fields(SimOptions)})
        if options.bandwidth_mbit_s:  # only bench scale knows how large messages are
            raise ValueError("--bandwidth-mbit-s must be 0: scenarios do not count bytes")
        return options
    except ValueError as error:
        raise exits.Exit(exits.USAGE, f"client.py simulate scenario: {error}") from error
