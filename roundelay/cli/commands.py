"""The command lines of the client's subcommands; what each does is in the module of its name, which has `run`.

They stand together, so that --help and a wrong option need not wait for what only a run imports.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from roundelay.cli import options, partition, prepare, train
from roundelay.node.options import SUPERNODE_PORT


def jobs(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py jobs", "List the jobs of the ring.", "python3 client.py jobs", arguments)
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return made


def attach(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py attach", "Watch a job until it ends.", "python3 client.py attach JOB", arguments)
    options.add_job(made)
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object, at the end")
    made.add_argument("--out", type=options.output, metavar="FILE", help="save the model (.npz)")
    return made


def cancel(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py cancel", "End a job.", "python3 client.py cancel JOB", arguments)
    options.add_job(made)
    options.add_ring_options(made)
    return made


def export(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "client.py export", "Save the model of a job.", "python3 client.py export JOB --out model.npz", arguments
    )
    options.add_job(made)
    made.add_argument("--out", type=options.output, metavar="FILE", required=True, help="where to (.npz, .safetensors)")
    made.add_argument("--format", choices=("npz", "safetensors"), help="of the file (default: as its name ends)")
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return made


def audit(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "client.py audit", "Verify what a job has recorded.", "python3 client.py audit JOB --retrain 2", arguments
    )
    options.add_job(made)
    made.add_argument("--retrain", type=int, default=0, metavar="N", help="make N random rounds again (default: 0)")
    made.add_argument("--seed", type=int, default=0, metavar="S", help="which ones (default: 0)")
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return made


def status(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("client.py status", "Show every node of the ring.", "python3 client.py status", arguments)
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    made.add_argument("--fingers", action="store_true", help="show every node's finger table as well")
    made.add_argument(
        "--check",
        action="store_true",
        help="test every predicate of a correct ring instead; exit code 1 when one is broken",
    )
    return made


def ring(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "client.py ring",
        "Start a ring on this machine, and stop it with Ctrl-C.",
        "python3 client.py ring 64",
        arguments,
    )
    made.add_argument("count", nargs="?", type=int, default=4, metavar="N", help="so many nodes (default: %(default)s)")
    made.add_argument(
        "--port",
        type=options.port,
        default=SUPERNODE_PORT,
        metavar="P",
        help="the supernode's (default: %(default)s; 0: any free one)",
    )
    made.add_argument("--data-dir", type=Path, metavar="DIR", help="files found here need not be sent to the nodes")
    made.add_argument("--json", action="store_true", help="print one line, one JSON object, when it is up")
    options.add_ring_parameters(made)
    return made


def ping(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "client.py ping",
        "Does a process of the ring serve? Exit code 0, or 69.",
        "python3 client.py ping 127.0.0.1:8001",
        arguments,
    )
    made.add_argument(
        "address",
        nargs="?",
        type=options.supernode,
        metavar="HOST:PORT",
        help="a node or a supernode (default: some node of the ring)",
    )
    made.add_argument("--port", type=options.port, metavar="P", help="the one at this port of this machine")
    options.add_ring_options(made)
    return made


def lookup(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "client.py lookup",
        "Show the way to the node that owns a name.",
        "python3 client.py lookup validate_letters.txt",
        arguments,
    )
    made.add_argument("name", metavar="NAME", type=_name, help="a file's name")
    options.add_ring_options(made)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return made


def predict(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "client.py predict",
        "Use a saved model: one class a line.",
        "python3 client.py predict model.npz letters/validate_letters.txt",
        arguments,
    )
    made.add_argument("model", type=Path, metavar="MODEL", help="a model that train --out has saved")
    made.add_argument("file", type=Path, metavar="FILE", help="rows as in the training files")
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return made


def _name(text: str) -> str:
    """An argparse type: what a file on the ring may be called."""
    from roundelay.chord.errors import Malformed
    from roundelay.store.names import check_name

    try:
        check_name(text)
    except Malformed as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


LINES: dict[str, Callable[[Sequence[str]], options.Parser]] = {
    "train": train.parser,
    "prepare": prepare.parser,
    "partition": partition.parser,
    **{made.__name__: made for made in (jobs, attach, cancel, export, audit, status, ring, ping, lookup, predict)},
}
