"""The command line of compute_node.py."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.cli import monitoring
from roundelay.cli.parser_base import (
    DATA_DIR_HELP,
    Parser,
    Word,
    add_end_with_parent,
    add_max_file_bytes,
    address,
    checked,
    host,
    path,
    port,
    supernode,
)
from roundelay.cli.security import add_server_options
from roundelay.ml.choices import ATTACKS, MODEL
from roundelay.node.options import DEFAULT_FILE, LOAD_DELAY_S, PRIVATE_NAME

NAME = re.compile(r"[\w.-]{1,64}")
PAIR = re.compile(r"([\w.-]+)=(\"[^\"]*\"|'[^']*'|[^\s\"']+)")


class AtPort(argparse.Action):
    """Set the supernode's port, given as a word after its host."""

    def __call__(self, parser: object, chosen: argparse.Namespace, value: Any, flag: str | None = None) -> None:
        """Set the port, if there is one."""
        if value is not None:
            from roundelay.chord.refs import Address

            chosen.supernode = Address(chosen.supernode.host, value)


def private_data(text: str) -> tuple[str, Path]:
    """Read NAME=DIR, or DIR alone, which has no name of its own. Raises ArgumentTypeError."""
    name, is_named, folder = text.partition("=")
    if not is_named or Path(text).exists():
        return "", path(text)
    if NAME.fullmatch(name) is None:
        expected = "expected NAME=DIR, with 1 to 64 letters, digits, dots, hyphens and underscores as NAME"
        raise argparse.ArgumentTypeError(f"{name[:80]!r} cannot be the name of private data: {expected}")
    return name, path(folder)


def trainer(text: str) -> str:
    """Read MODULE:NAME."""
    if ":" not in text or MODEL.fullmatch(text) is None:
        raise ValueError(f"{text[:80]!r} is not MODULE:NAME")
    return text


def trainer_config(text: str) -> dict[str, bool | int | float | str]:
    """Read KEY=VALUE pairs, the values as in TOML, as Flower's --node-config does. Raises ValueError."""
    import tomllib

    try:
        found = {key: tomllib.loads(f"value = {value}")["value"] for key, value in PAIR.findall(text)}
    except tomllib.TOMLDecodeError:
        found = {"": None}
    if PAIR.sub("", text).strip() or not all(isinstance(value, bool | int | float | str) for value in found.values()):
        raise ValueError(f"{text[:80]!r} is not KEY=VALUE KEY=VALUE, as in partition-id=0 name='x'")
    return found


def _as_typed(text: str) -> str:
    """Check a trainer's configuration, and return it as it was typed."""
    trainer_config(text)
    return text


def parser(arguments: Sequence[str]) -> Parser:
    """Return the command line."""
    made = Parser(
        "compute_node.py",
        "Join the ring, store files and train on them.",
        "python3 compute_node.py 8001 --data-dir letters",
        arguments,
    )
    _add_addresses(made)
    made.add_argument("--data-dir", type=path, metavar="DIR", help=DATA_DIR_HELP)
    made.add_argument("--register", action="store_true", help="first add this node to the node list")
    made.add_argument(
        "--nodes", type=path, default=DEFAULT_FILE, metavar="FILE", help="the node list (default: %(default)s)"
    )
    made.add_argument(
        "--bootstrap",
        type=address,
        metavar="HOST:PORT",
        help="join through this node, without a supernode; this node's own address starts a new ring",
    )
    made.add_argument(
        "--outbound",
        action="store_true",
        help="only dial out: accept no connections, as behind a NAT or a firewall; PORT is then only part of the name",
    )
    made.add_argument("--quiet", action="store_true", help="print no finger tables")
    made.add_argument("--verbose", action="store_true", help="print every epoch of every file")
    made.add_argument(
        "--state-dir", type=path, metavar="DIR", help="keep stored data in this folder, for the next start"
    )
    _add_private(made)
    made.more(
        "--plugins",
        "--models",
        default="",
        metavar="A,B",
        help="modules of models, optimizers, losses, rules, ... that jobs may name as MODULE:NAME",
    )
    _add_tuning(made)
    add_server_options(made)
    monitoring.add_options(made)
    add_end_with_parent(made)
    return made


def _add_addresses(made: Parser) -> None:
    """Add where the node listens, and where its supernode is; as words or as options."""
    made.add_argument("port", nargs="?", type=port, action=Word, metavar="PORT", help="listen here; 0: any free port")
    made.add_argument(
        "supernode",
        nargs="?",
        type=supernode,
        action=Word,
        metavar="SUPERNODE_HOST",
        help="host of the supernode (default: as the node list says)",
    )
    made.add_argument(
        "supernode_port", nargs="?", type=port, action=AtPort, metavar="SUPERNODE_PORT", help="its port (default: 9091)"
    )
    made.more("--port", type=port, metavar="P", help="same as PORT")
    made.more("--supernode", type=supernode, metavar="HOST:PORT", help="same as SUPERNODE_HOST SUPERNODE_PORT")
    made.more(
        "--host",
        type=host,
        default="127.0.0.1",
        metavar="H",
        help="listen at this address; 0.0.0.0 or :: for every interface (default: %(default)s)",
    )
    made.more(
        "--advertise",
        type=host,
        metavar="HOST",
        help="host by which others reach this node (default: --host; for every interface, the local address of the "
        "route to the supernode)",
    )


def _add_private(made: Parser) -> None:
    """Add the private data of a node: files, or a Flower client with its own."""
    made.add_argument(
        "--private",
        type=private_data,
        metavar="NAME=DIR",
        help="train on the data in this folder, published under this name; they never leave this node",
    )
    add_max_file_bytes(made)
    made.more("--policy", type=path, metavar="FILE", help="the site's rules for its private data: see docs/privacy.md")
    made.more(
        "--private-name",
        metavar="NAME",
        help=f"publish the private data, or the Flower client, under this name (default: {PRIVATE_NAME})",
    )
    made.add_argument(
        "--trainer", type=checked(trainer), metavar="MODULE:NAME", help="train with this Flower client, on its own data"
    )
    made.more(
        "--trainer-config",
        type=checked(_as_typed),
        default="",
        metavar="'K=V K=V'",
        help="passed to the Flower client as context.node_config, and as config of fit and evaluate",
    )
    made.more(
        "--trainer-rows",
        type=int,
        metavar="N",
        help="number of examples of the Flower client (default: what one fit at startup returns)",
    )


def _add_tuning(made: Parser) -> None:
    made.more(
        "--attack",
        choices=ATTACKS,
        help="test instrument: return wrong results of every training, to see that --verify finds this node",
    )
    made.more(
        "--stabilize-every",
        type=float,
        default=STABILIZE_INTERVAL_S,
        metavar="S",
        help="seconds between stabilizations (default: %(default)s); 5 shows them in slow motion",
    )
    made.more(
        "--near-fingers",
        action="store_true",
        help="prefer near nodes as fingers, by measured round trips: for hosts that are far apart",
    )
    made.more(
        "--load",
        type=float,
        default=0.0,
        metavar="P",
        help="simulated load: probability that an order is delayed or refused (default: 0)",
    )
    made.more(
        "--load-delay",
        type=float,
        default=LOAD_DELAY_S,
        metavar="S",
        help="simulated load: delay of an order in seconds (default: %(default)s)",
    )
