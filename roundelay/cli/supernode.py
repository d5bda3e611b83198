"""The command line of supernode.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from roundelay.cli import monitoring
from roundelay.cli.parser_base import Parser, add_end_with_parent, add_ring_parameters, host, identifiers, path, port
from roundelay.cli.security import add_server_options
from roundelay.node.options import DEFAULT_FILE, SUPERNODE_PORT


def parser(arguments: Sequence[str]) -> Parser:
    """Return the command line."""
    made = Parser("supernode.py", "Admit compute nodes to the ring.", "python3 supernode.py", arguments)
    made.add_argument(
        "--port",
        type=port,
        default=SUPERNODE_PORT,
        metavar="P",
        help="listen at this port; 0: any free port (default: %(default)s)",
    )
    made.add_argument(
        "--host",
        type=host,
        default="127.0.0.1",
        metavar="H",
        help="listen at this address; 0.0.0.0 or :: for every interface (default: %(default)s)",
    )
    made.add_argument(
        "--nodes",
        type=path,
        default=DEFAULT_FILE,
        metavar="FILE",
        help="the nodes that may join: host,port lines (default: %(default)s)",
    )
    made.add_argument(
        "--register", action="store_true", help="write this address into the node list, for nodes and clients"
    )
    add_ring_parameters(made)
    made.add_argument(
        "--id",
        dest="ids",
        type=identifiers,
        default=(),
        metavar="N,N,...",
        help="identifiers of the next nodes to join, in order, to reproduce a figure",
    )
    made.more("--advertise", type=host, metavar="HOST", help="host to register (default: --host)")
    made.more(
        "--state-dir",
        type=path,
        default=Path(".roundelay"),
        metavar="DIR",
        help="folder of the journal of identities (default: %(default)s)",
    )
    add_server_options(made)
    monitoring.add_options(made)
    add_end_with_parent(made)
    return made
