"""The command line of `python -m roundelay.dashboard`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from roundelay.cli import options

TOKEN_CHARACTERS_MIN = 16
LAB_NODES = 5


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "dashboard",
        "A page that shows the ring, launches jobs and watches them.",
        "python3 -m roundelay.dashboard --lab",
        arguments,
    )
    options.add_ring_options(made)
    made.add_argument("--port", type=options.port, default=8080, metavar="P", help="(default: %(default)s; 0: any)")
    made.add_argument(
        "--lab",
        type=int,
        nargs="?",
        const=LAB_NODES,
        metavar="N",
        help=f"start a ring of N nodes ({LAB_NODES}) here, to be disturbed from the page",
    )
    made.add_argument(
        "--read-only", action="store_true", help="look only: nothing can be launched, stopped or disturbed"
    )
    made.add_argument(
        "--data",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="training files are taken from below here (default: the current folder)",
    )
    made.more("--host", default="127.0.0.1", metavar="H", help="listen there (default: %(default)s)")
    made.more(
        "--name",
        action="append",
        default=[],
        metavar="H",
        help="a name that browsers reach this page by, besides --host; may be repeated",
    )
    made.more(
        "--token-file",
        type=Path,
        metavar="FILE",
        help=f"the token to ask for, {TOKEN_CHARACTERS_MIN} characters or more; required beyond loopback "
        "(default: a new one at each start)",
    )
    made.more(
        "--end-with-parent", action="store_true", help="announce readiness as JSON, and end when standard input closes"
    )
    return made
