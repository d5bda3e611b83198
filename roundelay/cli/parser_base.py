"""What all command lines have in common: the parser, argparse types, groups of options.

It imports no parser, no configuration and nothing that --help would have to wait for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from roundelay.chord.choices import ASSIGNMENTS
from roundelay.cli import exits
from roundelay.client.errors import CannotWrite
from roundelay.client.whole_file import require_writable
from roundelay.federation.job_name import JOB_NAME
from roundelay.ml.choices import MAX_FILE_BYTES_HELP, file_size, whole_number
from roundelay.ml.errors import printable
from roundelay.node.options import DEFAULT_FILE, SUPERNODE_PORT

if TYPE_CHECKING:
    from roundelay.chord.refs import Address

Namespace = argparse.Namespace
Options = dict[str, argparse.Action]  # by key: the long flag, without its dashes
MakeParser = Callable[[Sequence[str]], "Parser"]
PORT_MAX = 65535
MODEL_SUFFIXES = (".npz", ".safetensors")
JOB_DIGITS_MIN = 4
UNKNOWN = "unrecognized arguments: "  # of argparse
DATA_DIR_HELP = "folder of local copies: a job's file that is found here need not be sent to the node"
NOT_CONFIGURABLE = ("help", "help-all", "config", "show-config")


class Parser(argparse.ArgumentParser):
    """A parser that ends with exit code 64 and one line; options added with `more` show only in --help-all."""

    def __init__(
        self,
        prog: str,
        description: str,
        example: str,
        arguments: Sequence[str],
        program: str = "",
        is_configurable: bool = True,
    ) -> None:
        epilog = exits.as_typed_here(f"example: {example}    (--help-all shows every option)")
        super().__init__(
            prog=exits.as_typed_here(prog), description=description, epilog=epilog, add_help=False, allow_abbrev=False
        )
        self.register("type", int, checked(whole_number))  # argparse's own message is "invalid int value"
        self.complete: Callable[[argparse.Namespace, dict[str, str]], None] | None = None  # for --show-config
        self.program = program or prog.split()[0].removesuffix(".py")  # whose section of a --config file it reads
        self.surplus = ""  # what to do with more words than there are arguments
        self.is_configurable = is_configurable  # by a file and by the environment
        self._everything = "--help-all" in arguments or "--show-config" in arguments  # which shows what values mean
        self.add_argument("-h", "--help", action="help", help="show this help and exit")
        self.more("--help-all", action="store_true", help="show every option and exit")
        if is_configurable:
            self.more("--config", metavar="FILE", help="read options that are not given here from a TOML file")
            self.more("--show-config", action="store_true", help="show each value with its origin and exit")

    def more(self, *flags: str, **about: Any) -> None:
        """Add an option that only --help-all shows."""
        if not self._everything:
            about["help"] = argparse.SUPPRESS
        self.add_argument(*flags, **about)

    def error(self, message: str) -> NoReturn:
        """Raise Exit; for an unknown option, name the one that is meant."""
        near = ""
        if message.startswith(UNKNOWN):
            flag = message.removeprefix(UNKNOWN).partition(" ")[0].partition("=")[0]
            known = [option[2:] for option in self._option_string_actions if option.startswith("--")]
            near = exits.nearest(flag.removeprefix("--"), known, "--") if flag.startswith("-") else self.surplus
        raise exits.Exit(exits.USAGE, f"{self.prog}: {printable(message)}{near} (see --help)")


class Word(argparse.Action):
    """A positional argument; if it is missing, the option of the same name keeps its value."""

    def __call__(self, parser: object, chosen: argparse.Namespace, value: Any, flag: str | None = None) -> None:
        """Set the value, if there is one."""
        if value is not None:
            setattr(chosen, self.dest, value)


# --- what a parser has


def options_of(made: argparse.ArgumentParser) -> Options:
    """Return the options of a parser that can be configured."""
    found = {_key(action): action for action in made._actions if action.option_strings}
    return {
        key: action
        for key, action in found.items()
        if key not in NOT_CONFIGURABLE and (action.nargs != 0 or is_switch(action))
    }


def is_switch(action: argparse.Action) -> bool:
    """Return whether an option is on or off, without a value."""
    return action.nargs == 0 and (action.const is True or isinstance(action, argparse.BooleanOptionalAction))


def collects(action: argparse.Action) -> bool:
    """Return whether an option takes several values, one after the other."""
    return action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction)


def make_optional(made: Parser) -> None:
    """Require no argument: to show the configuration, no job and no folder need be named."""
    for action in made._actions:
        action.required = False
        if not action.option_strings and action.nargs is None:
            action.nargs = "?"


def _key(action: argparse.Action) -> str:
    """Return the option's first long flag, without the dashes."""
    return next(flag for flag in action.option_strings if flag.startswith("--"))[2:]


# --- groups of options


def add_ring_options(made: Parser) -> None:
    """Add the options that say where the ring is."""
    made.add_argument(
        "--supernode",
        metavar="HOST:PORT",
        type=supernode,
        help="address of the supernode (default: as the node list says, else 127.0.0.1:9091)",
    )
    made.more(
        "--bootstrap", metavar="HOST:PORT", type=address, help="enter the ring through this node, without a supernode"
    )
    made.more(
        "--nodes",
        metavar="FILE",
        type=path,
        default=DEFAULT_FILE,
        help="the node list: host,port lines (default: compute_nodes.txt)",
    )
    add_kit(made)


def add_kit(made: Parser) -> None:
    """Add the option that names a kit."""
    made.add_argument("--kit", type=path, metavar="FILE", help="certificate and key for a secured ring (client.py pki)")


def add_ring_parameters(made: Parser) -> None:
    """Add the parameters of a ring, the same for all of its nodes."""
    made.add_argument(
        "--bits", type=int, default=160, metavar="N", help="length of identifiers in bits (default: %(default)s)"
    )
    made.add_argument(
        "--assign",
        choices=ASSIGNMENTS,
        default="balanced",
        help="identifiers: balanced takes the middle of the largest gap, hash hashes HOST:PORT (default: %(default)s)",
    )
    made.more("--successors", type=int, default=8, metavar="N", help="length of successor lists (default: %(default)s)")
    made.more("--replicas", type=int, default=3, metavar="N", help="copies of everything stored (default: %(default)s)")


def add_end_with_parent(made: Parser) -> None:
    """Add the option by which a process that started this one ends it."""
    made.more(
        "--end-with-parent", action="store_true", help="announce readiness as JSON, and end when standard input closes"
    )


def add_max_file_bytes(made: Parser) -> None:
    """Add the option that raises the limits of readers."""
    made.more("--max-file-bytes", type=checked(file_size), metavar="SIZE", help=MAX_FILE_BYTES_HELP)


# --- argparse types


def path(text: str) -> Path:
    """Read the name of a file or folder; ~ is the home folder, also where no shell has replaced it."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name (an unset variable?)")
    return Path(text).expanduser()


def output(text: str) -> Path:
    """Read the path of a file to write. Raises Exit at once if it cannot be written, not after hours of training."""
    file = path(text)
    try:
        require_writable(file)
    except CannotWrite as error:
        raise exits.from_client(error) from error
    return file


def model_output(text: str) -> Path:
    """Read the path of a model to write, whose suffix names its format. Raises ArgumentTypeError, Exit."""
    path = output(text)
    if path.suffix not in MODEL_SUFFIXES:
        raise argparse.ArgumentTypeError(f"{text[-80:]!r} must end in {' or '.join(MODEL_SUFFIXES)}")
    return path


def port(text: str) -> int:
    """Read a port."""
    if not text.isdecimal() or len(text) > 5 or int(text) > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a port from 0 to {PORT_MAX}")
    return int(text)


def address(text: str, default_port: int | None = None) -> Address:
    """Read HOST:PORT."""
    from roundelay.node.addresses import parse_address

    try:
        return parse_address(text, default_port)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def supernode(text: str) -> Address:
    """Read HOST:PORT, or HOST with the default port."""
    return address(text, SUPERNODE_PORT)


def host(text: str) -> str:
    """Read a host name or address."""
    from roundelay.node.addresses import parse_host

    try:
        return parse_host(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_job(made: Parser) -> None:
    """Add the argument that names a job."""
    made.add_argument(
        "job", type=checked(job_id), metavar="JOB", help="a job: its name, its id, the first digits of it, or last"
    )


def job_id(text: str) -> str:
    """Read a job's name, its id, the first digits of it, or `last`. Raises ValueError."""
    digits = text.lower()
    if text and JOB_NAME.fullmatch(text):
        return text
    if digits == "last":
        return digits
    if not JOB_DIGITS_MIN <= len(digits) <= 64 or any(c not in "0123456789abcdef" for c in digits):
        raise ValueError(
            f"{text[:80]!r} is not a job: expected its name, its id of 64 hexadecimal digits, at least the first "
            f"{JOB_DIGITS_MIN} of them, or last"
        )
    return digits


def checked(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return an argparse type that keeps the message of a ValueError."""

    def typed(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return typed


def at_least(least: int) -> Callable[[str], int]:
    """Return an argparse type for a count or a seed."""

    def read(text: str) -> int:
        if (found := whole_number(text)) < least:
            raise ValueError(f"{text[:80]}, expected {least} or more")
        return found

    return checked(read)


def identifiers(text: str) -> tuple[int, ...]:
    """Read numbers with commas between them."""
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers") from None
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} names an identifier twice")
    return found
