"""Command lines: what they have in common. The options of a job are in roundelay.cli.settings.

--help waits for nothing that it does not show: what reads a value is imported when there is one to read.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from roundelay.chord.choices import ASSIGNMENTS
from roundelay.cli import exits
from roundelay.node.options import DEFAULT_FILE, SUPERNODE_PORT

if TYPE_CHECKING:
    from roundelay.chord.refs import Address

Namespace = argparse.Namespace
PORT_MAX = 65535


class Parser(argparse.ArgumentParser):
    """Ends with exit code 64 and one line; `more` options show only in --help-all."""

    def __init__(self, prog: str, description: str, example: str, everything: bool) -> None:
        epilog = f"example: {example}    (--help-all shows every option)"
        super().__init__(prog=prog, description=description, epilog=epilog, add_help=False, allow_abbrev=False)
        self._everything = everything
        self.add_argument("-h", "--help", action="help", help="show this and end")
        self.more("--help-all", action="store_true", help="show every option and end")
        self.more("--config", metavar="FILE", help="values of options that are not given here (TOML)")
        self.more("--show-config", action="store_true", help="show each value with its origin and end")

    def more(self, *flags: str, **about: Any) -> None:
        """Add an option that is shown only among all."""
        if not self._everything:
            about["help"] = argparse.SUPPRESS
        self.add_argument(*flags, **about)

    def error(self, message: str) -> NoReturn:
        raise exits.Exit(exits.USAGE, f"{self.prog}: {message} (see --help)")


class Word(argparse.Action):
    """A word that may be missing, and then leaves alone what the option of that name has set."""

    def __call__(self, parser: object, chosen: argparse.Namespace, value: Any, flag: str | None = None) -> None:
        if value is not None:
            setattr(chosen, self.dest, value)


def parser(prog: str, description: str, example: str, arguments: Sequence[str]) -> Parser:
    """A parser; asked for everything, it will show everything."""
    return Parser(prog, description, example, "--help-all" in arguments)


def parse(made: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """The options, from wherever they are given; --help, --help-all and --show-config show them and end."""
    if not {"-h", "--help", "--help-all"}.isdisjoint(arguments):
        made.print_help()
        sys.exit(0)
    if "--show-config" in arguments:
        _require_nothing(made)
    from roundelay.cli import configuration

    chosen, origins = configuration.resolve(made, arguments)
    chosen.origins = origins
    if getattr(chosen, "bootstrap", None) is not None and getattr(chosen, "supernode", None) is not None:
        raise exits.Exit(
            exits.USAGE,
            "--bootstrap cannot be combined with --supernode: the client enters the ring through one of them",
        )
    if "--show-config" in arguments:
        print(configuration.show(made, chosen, origins))
        sys.exit(0)
    return chosen


def _require_nothing(made: Parser) -> None:
    """To show what is configured, no job and no folder need be named."""
    for action in made._actions:
        action.required = False
        if not action.option_strings and action.nargs is None:
            action.nargs = "?"


def add_ring_options(made: Parser) -> None:
    """Where the ring is."""
    made.add_argument(
        "--supernode",
        metavar="HOST:PORT",
        type=supernode,
        help="where the supernode is (default: as the node list says, else 127.0.0.1:9091)",
    )
    made.more(
        "--bootstrap",
        metavar="HOST:PORT",
        type=address,
        help="a node of the ring, to enter through without a supernode",
    )
    made.more(
        "--nodes",
        metavar="FILE",
        type=Path,
        default=DEFAULT_FILE,
        help="the node list: host,port lines (default: compute_nodes.txt)",
    )


def add_ring_parameters(made: Parser) -> None:
    """What a ring is: the same for all of its nodes."""
    made.add_argument(
        "--bits", type=int, default=160, metavar="N", help="identifiers have N bits (default: %(default)s)"
    )
    made.add_argument(
        "--assign",
        choices=ASSIGNMENTS,
        default="balanced",
        help="identifiers: the middle of the largest gap, or SHA-1 of host:port (default: %(default)s)",
    )
    made.more("--successors", type=int, default=8, metavar="N", help="length of successor lists (default: %(default)s)")
    made.more("--replicas", type=int, default=3, metavar="N", help="copies of everything stored (default: %(default)s)")


def register(write: Callable[[Path, Address], None], nodes: Path, ours: Address) -> None:
    """Write an address into the node list. Raises Exit where that cannot be."""
    from roundelay.node.addresses import NodeListError

    try:
        write(nodes, ours)
    except NodeListError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except OSError as error:
        raise exits.Exit(exits.CANNOT_CREATE, f"--register: cannot write {nodes}: {error.strerror}") from error


def output(text: str) -> Path:
    """An argparse type: a file to write. Raises Exit at once where it cannot be, not after hours of training."""
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise exits.Exit(exits.CANNOT_CREATE, f"cannot write {path}: no such folder, or not ours to write")
    return path


def port(text: str) -> int:
    """An argparse type: 0 to 65535."""
    if not text.isdecimal() or len(text) > 5 or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no port: 0 to {PORT_MAX}")
    return int(text)


def address(text: str, default_port: int | None = None) -> Address:
    """An argparse type: HOST:PORT."""
    from roundelay.node.addresses import parse_address

    try:
        return parse_address(text, default_port)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def supernode(text: str) -> Address:
    """An argparse type: HOST:PORT, or HOST alone."""
    return address(text, SUPERNODE_PORT)


def host(text: str) -> str:
    """An argparse type: a name or an address."""
    from roundelay.node.addresses import parse_host

    try:
        return parse_host(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_job(made: Parser) -> None:
    """Which job."""
    made.add_argument("job", type=checked(_job), metavar="JOB", help="a job's id, as train and jobs print it")


def _job(text: str) -> str:
    if len(text) != 64 or any(c not in "0123456789abcdef" for c in text):
        raise ValueError(f"{text[:80]!r} is no job's id: 64 hexadecimal digits")
    return text


def checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type that keeps the message of a ValueError."""

    def typed(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def identifiers(text: str) -> tuple[int, ...]:
    """An argparse type: 0,1,3."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from None
