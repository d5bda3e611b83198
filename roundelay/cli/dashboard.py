"""client.py dashboard: a page in the browser that shows the ring, launches jobs and watches them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from roundelay.cli import exits, parser_base
from roundelay.dashboard.choices import TOKEN_CHARACTERS_MIN

if TYPE_CHECKING:
    from roundelay.dashboard.options import DashboardOptions

LAB_NODES = 5


def parser(arguments: Sequence[str]) -> parser_base.Parser:
    """Return the command line."""
    made = parser_base.Parser(
        "client.py dashboard",
        "Show the ring in a browser, launch jobs there and watch them.",
        "python3 client.py dashboard --lab",
        arguments,
        program="dashboard",
    )
    parser_base.add_ring_options(made)
    made.add_argument(
        "--port", type=parser_base.port, default=8080, metavar="P", help="port; 0: any free one (default: %(default)s)"
    )
    made.add_argument(
        "--lab",
        type=int,
        nargs="?",
        const=LAB_NODES,
        metavar="N",
        help=f"start a ring of N nodes ({LAB_NODES}) on this machine, with faults injected from the page",
    )
    made.add_argument("--read-only", action="store_true", help="refuse to start, stop or change anything")
    made.add_argument(
        "--data",
        type=parser_base.path,
        default=Path(),
        metavar="DIR",
        help="take training files from below this folder (default: the current folder)",
    )
    made.more("--host", default="127.0.0.1", metavar="H", help="listen at this address (default: %(default)s)")
    made.more(
        "--name",
        action="append",
        default=[],
        metavar="H",
        help="a name by which browsers reach the page, besides --host; may be repeated",
    )
    made.more(
        "--token-file",
        type=parser_base.path,
        metavar="FILE",
        help=f"file with the access token, {TOKEN_CHARACTERS_MIN} characters or more; required beyond loopback "
        "(default: a new token at every start)",
    )
    made.more(
        "--metrics",
        action="append",
        default=[],
        type=parser_base.address,
        metavar="HOST:PORT",
        help="show the calls and bytes a second of the process with this --metrics-port; may be repeated",
    )
    made.more(
        "--plugins",
        default="",
        metavar="A,B",
        help="modules of models, readers, rules, ... that jobs launched from the page may name as MODULE:NAME",
    )
    parser_base.add_end_with_parent(made)
    return made


def run(chosen: parser_base.Namespace) -> int:
    """Serve the page until it is stopped. Raises ClientError."""
    options = options_of(chosen)
    from roundelay.dashboard.run import run  # brings thrift and numpy, which wrong options need not wait for

    run(options, exits.say)
    return 0


def options_of(chosen: parser_base.Namespace) -> DashboardOptions:
    """Return the dashboard's options. Raises ClientError."""
    from roundelay.cli.ring_address import ring_address
    from roundelay.dashboard.options import DashboardOptions

    return DashboardOptions(
        ring_address(chosen),
        chosen.port,
        chosen.host,
        tuple(chosen.name),
        chosen.token_file,
        chosen.lab,
        chosen.read_only,
        chosen.data,
        chosen.end_with_parent,
        tuple(chosen.metrics),
        tuple(filter(None, chosen.plugins.split(","))),
    )
