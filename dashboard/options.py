"""The command line of `python -m dashboard`, and what it means."""

from __future__ import annotations

import argparse
import ipaddress
import secrets
from pathlib import Path

from cli import exits, options
from node.local import NODES_MAX

TOKEN_CHARACTERS_MIN = 16
LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")
LAB_NODES = 5


def parser(arguments: list[str]) -> options.Parser:
    made = options.parser("python3 -m dashboard", "A page that shows the ring, launches jobs and watches them.",
                          "python3 -m dashboard --lab", arguments)
    options.add_ring_options(made)
    made.add_argument("--port", type=options.port, default=8080, metavar="P", help="(default: %(default)s; 0: any)")
    made.add_argument("--lab", type=int, nargs="?", const=LAB_NODES, metavar="N",
                      help=f"start a ring of N nodes ({LAB_NODES}) here, to be disturbed from the page")
    made.add_argument("--read-only", action="store_true",
                      help="look only: nothing can be launched, stopped or disturbed")
    made.add_argument("--data", type=Path, default=Path(), metavar="DIR",
                      help="training files are taken from below here (default: the current folder)")
    made.more("--host", default="127.0.0.1", metavar="H", help="listen there (default: %(default)s)")
    made.more("--name", action="append", default=[], metavar="H",
              help="a name that browsers reach this page by, besides --host; may be repeated")
    made.more("--token-file", type=Path, metavar="FILE",
              help=f"the token to ask for, {TOKEN_CHARACTERS_MIN} characters or more; required beyond loopback "
                   "(default: a new one at each start)")
    made.more("--end-with-parent", action="store_true", help="end when standard input is closed")
    return made


def check(chosen: argparse.Namespace) -> None:
    """Raises Exit for what does not fit together."""
    if chosen.lab is not None and not 1 <= chosen.lab <= NODES_MAX:
        raise exits.Exit(exits.USAGE, f"--lab takes 1 to {NODES_MAX} nodes")
    if chosen.lab is not None and chosen.supernode is not None:
        raise exits.Exit(exits.USAGE, "--lab and --supernode exclude one another: the lab is a ring of its own")
    if not is_loopback(chosen.host) and chosen.token_file is None:
        raise exits.Exit(exits.USAGE, f"--host {chosen.host} can be reached from other machines: choose a token with "
                                      "--token-file FILE, and mind that HTTP does not hide it")
    if not chosen.data.is_dir():
        raise exits.Exit(exits.NO_INPUT, f"--data: no folder {chosen.data}")


def token(chosen: argparse.Namespace) -> str:
    """As given, or one for this start. Raises Exit."""
    if chosen.token_file is None:
        return secrets.token_urlsafe(32)
    try:
        given: str = chosen.token_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise exits.Exit(exits.NO_INPUT, f"--token-file: cannot read {chosen.token_file}: {error}") from error
    if len(given) < TOKEN_CHARACTERS_MIN or not all(c.isalnum() or c in "-_" for c in given):
        raise exits.Exit(exits.DATA, f"--token-file: {TOKEN_CHARACTERS_MIN} letters, digits, - or _, or more, please")
    return given


def names(chosen: argparse.Namespace) -> list[str]:
    """What browsers may call this page."""
    return [*(LOCAL_NAMES if is_loopback(chosen.host) else (chosen.host,)), *chosen.name]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
