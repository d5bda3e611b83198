"""The command line of supernode.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from roundelay.cli import options
from roundelay.node.options import DEFAULT_FILE, SUPERNODE_PORT


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser("supernode.py", "Admit compute nodes to the ring.", "python3 supernode.py", arguments)
    made.add_argument(
        "--port",
        type=options.port,
        default=SUPERNODE_PORT,
        metavar="P",
        help="listen there (default: %(default)s; 0: any free port)",
    )
    made.add_argument(
        "--host",
        type=options.host,
        default="127.0.0.1",
        metavar="H",
        help="listen there; 0.0.0.0 or :: is everywhere (default: %(default)s)",
    )
    made.add_argument(
        "--nodes",
        type=Path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="who may join: host,port lines (default: %(default)s)",
    )
    made.add_argument(
        "--register", action="store_true", help="write our address into the node list, where nodes and clients read it"
    )
    options.add_ring_parameters(made)
    made.add_argument(
        "--id",
        dest="ids",
        type=options.identifiers,
        default=(),
        metavar="N,N,...",
        help="identifiers of the next joiners, in order, to rebuild a figure",
    )
    made.more("--advertise", type=options.host, metavar="HOST", help="the host to register (default: --host)")
    made.more(
        "--state-dir",
        type=Path,
        default=Path(".roundelay"),
        metavar="DIR",
        help="where the journal of identities is kept (default: %(default)s)",
    )
    made.more(
        "--end-with-parent", action="store_true", help="announce readiness as JSON, and end when standard input closes"
    )
    return made
