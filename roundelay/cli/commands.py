"""The command lines of the client's subcommands; what each runs is in the module of its name.

They are apart from what they run, so that --help and a wrong option wait for no other import.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from roundelay.chord.errors import Malformed
from roundelay.cli.parser_base import (
    DATA_DIR_HELP,
    MakeParser,
    Parser,
    add_job,
    add_max_file_bytes,
    add_ring_options,
    add_ring_parameters,
    at_least,
    checked,
    job_id,
    model_output,
    output,
    path,
    port,
    supernode,
)
from roundelay.node.options import SUPERNODE_PORT
from roundelay.store.names import check_name


def jobs(arguments: Sequence[str]) -> Parser:
    """Return the command line of `jobs`."""
    made = Parser("client.py jobs", "List the jobs of the ring, or compare some.", "python3 client.py jobs", arguments)
    made.add_argument(
        "--compare",
        type=checked(job_id),
        nargs="+",
        metavar="JOB",
        help="show the settings in which these jobs differ, and their errors: names, ids, their first digits, or last",
    )
    add_ring_options(made)
    _add_json(made)
    return made


def attach(arguments: Sequence[str]) -> Parser:
    """Return the command line of `attach`."""
    made = Parser("client.py attach", "Watch a job until it ends.", "python3 client.py attach JOB", arguments)
    add_job(made)
    add_ring_options(made)
    _add_json(made)
    made.add_argument(
        "--out", type=model_output, metavar="FILE", help="save the model to this file (.npz, .safetensors)"
    )
    return made


def cancel(arguments: Sequence[str]) -> Parser:
    """Return the command line of `cancel`."""
    made = Parser("client.py cancel", "End a job.", "python3 client.py cancel JOB", arguments)
    add_job(made)
    add_ring_options(made)
    return made


def pause(arguments: Sequence[str]) -> Parser:
    """Return the command line of `pause`."""
    about = "Have a job wait after the round that it trains, until it is resumed."
    made = Parser("client.py pause", about, "python3 client.py pause JOB", arguments)
    add_job(made)
    add_ring_options(made)
    return made


def resume(arguments: Sequence[str]) -> Parser:
    """Return the command line of `resume`."""
    made = Parser("client.py resume", "Let a paused job go on.", "python3 client.py resume JOB", arguments)
    add_job(made)
    add_ring_options(made)
    return made


def sites(arguments: Sequence[str]) -> Parser:
    """Return the command line of `sites`."""
    about = "List the private sites of the ring: since when, rows, last round, orders; drain one, or resume it."
    made = Parser("client.py sites", about, "python3 client.py sites wards --drain 10.0.3.7:8001", arguments)
    made.add_argument("name", nargs="?", metavar="NAME", help="of private data (default: all)")
    group = made.add_mutually_exclusive_group()
    group.add_argument("--drain", metavar="SITE", help="give this site no new orders, and do not wait for it")
    group.add_argument("--resume", metavar="SITE", help="give a drained site orders again")
    add_ring_options(made)
    _add_json(made)
    return made


def export(arguments: Sequence[str]) -> Parser:
    """Return the command line of `export`."""
    example = "python3 client.py export JOB --out model.npz"
    made = Parser("client.py export", "Save the model of a job, or a proof of the job.", example, arguments)
    add_job(made)
    made.add_argument("--out", type=output, metavar="FILE", help="save the model to this file (.npz, .safetensors)")
    made.add_argument("--format", choices=("npz", "safetensors"), help="format (default: as the file's name ends)")
    made.add_argument(
        "--site",
        metavar="[ADDRESS=]DIR",
        help="save the own model of the site whose private data are in DIR here, as its node has them (--personal)",
    )
    made.add_argument(
        "--proof", type=output, metavar="FILE", help="write a proof of the job, which  verify  checks without a ring"
    )
    made.add_argument(
        "--without-identities", action="store_true", help="leave names and addresses of nodes out of the proof"
    )
    add_ring_options(made)
    _add_json(made)
    add_max_file_bytes(made)
    return made


def audit(arguments: Sequence[str]) -> Parser:
    """Return the command line of `audit`."""
    example = "python3 client.py audit JOB --retrain 2"
    made = Parser("client.py audit", "Verify the recorded results of a job.", example, arguments)
    add_job(made)
    made.add_argument("--all", action="store_true", help="list every record, not only those that do not hold")
    made.add_argument(
        "--retrain",
        type=at_least(0),
        default=0,
        metavar="N",
        help="repeat N random rounds and compare (default: %(default)s)",
    )
    made.add_argument(
        "--seed", type=at_least(0), default=0, metavar="S", help="seed that chooses the rounds (default: %(default)s)"
    )
    add_ring_options(made)
    _add_json(made)
    return made


def status(arguments: Sequence[str]) -> Parser:
    """Return the command line of `status`."""
    made = Parser("client.py status", "Show every node of the ring.", "python3 client.py status", arguments)
    add_ring_options(made)
    _add_json(made)
    made.add_argument("--fingers", action="store_true", help="show each node's finger table as well")
    made.add_argument("--digits", action="store_true", help="show all digits of identifiers")
    made.add_argument(
        "--check",
        action="store_true",
        help="evaluate the invariants of a correct ring instead; exit code 1 if one is violated",
    )
    return made


def ring(arguments: Sequence[str]) -> Parser:
    """Return the command line of `ring`."""
    about = "Start a ring on this machine; Ctrl-C stops it."
    made = Parser("client.py ring", about, "python3 client.py ring 64", arguments)
    made.add_argument(
        "count", nargs="?", type=int, default=4, metavar="N", help="number of nodes (default: %(default)s)"
    )
    made.add_argument(
        "--port",
        type=port,
        default=SUPERNODE_PORT,
        metavar="P",
        help="port of the supernode; 0: any free one (default: %(default)s)",
    )
    made.add_argument("--data-dir", type=path, metavar="DIR", help=DATA_DIR_HELP)
    made.add_argument("--json", action="store_true", help="print one JSON object on one line when the ring is up")
    add_ring_parameters(made)
    return made


def ping(arguments: Sequence[str]) -> Parser:
    """Return the command line of `ping`."""
    about = "Check whether a process of the ring is serving: exit code 0 if so, else 69."
    made = Parser("client.py ping", about, "python3 client.py ping 127.0.0.1:8001", arguments)
    made.add_argument(
        "address",
        nargs="?",
        type=supernode,
        metavar="HOST:PORT",
        help="a node or a supernode (default: any node of the ring)",
    )
    made.add_argument("--port", type=port, metavar="P", help="the process at this port of this machine")
    add_ring_options(made)
    return made


def lookup(arguments: Sequence[str]) -> Parser:
    """Return the command line of `lookup`."""
    about = "Show the route to the node that owns a name or a key."
    made = Parser("client.py lookup", about, "python3 client.py lookup validate_letters.txt", arguments)
    made.add_argument("name", nargs="?", metavar="NAME", type=_name, help="name of a file")
    made.add_argument("--key", metavar="KEY", help="look up this key instead, as status shows identifiers")
    made.add_argument("--digits", action="store_true", help="show all digits of identifiers")
    add_ring_options(made)
    _add_json(made)
    return made


def predict(arguments: Sequence[str]) -> Parser:
    """Return the command line of `predict`."""
    about, example = "Apply a saved model.", "python3 client.py predict model.npz letters/validate_letters.txt"
    made = Parser("client.py predict", f"{about} Prints one class a line.", example, arguments)
    made.add_argument("model", type=path, metavar="MODEL", help="a model saved with --out")
    made.add_argument("file", type=path, metavar="DATA", help="rows in any format of DATA, with or without classes")
    made.add_argument("--csv", action="store_true", help="print a header, too")
    made.add_argument("--probabilities", action="store_true", help="print the probability of each class, too")
    _add_json(made)
    add_max_file_bytes(made)
    return made


def _add_json(made: Parser) -> None:
    made.add_argument("--json", action="store_true", help="print one JSON object on one line")


def _name(text: str) -> str:
    """Read the name of a file on the ring."""
    try:
        check_name(text)
    except Malformed as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


PARSERS: dict[str, MakeParser] = {
    made.__name__: made
    for made in (jobs, attach, cancel, pause, resume, sites, export, audit, status, ring, ping, lookup, predict)
}
# Modules of this package.
WITH_PARSER = (
    *("train", "verify", "forget", "prepare", "inspect", "describe", "partition"),
    *("dashboard", "plugins", "pki", "completion", "simulate"),
)
WORDS = (*WITH_PARSER, *PARSERS)


def parser_of(word: str) -> MakeParser:
    """Return what makes the parser of a subcommand; only its own module is imported."""
    if word in PARSERS:
        return PARSERS[word]
    made: MakeParser = import_module(f"roundelay.cli.{word}").parser
    return made
