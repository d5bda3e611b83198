"""The command line of compute_node.py."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roundelay.chord.choices import STABILIZE_INTERVAL_S
from roundelay.cli import options
from roundelay.ml.choices import MODEL
from roundelay.node.options import DEFAULT_FILE, LOAD_DELAY_S, PRIVATE_NAME

PAIR = re.compile(r"([\w.-]+)=(\"[^\"]*\"|'[^']*'|[^\s\"']+)")


class AtPort(argparse.Action):
    """The supernode's port, as a word of its own after its host."""

    def __call__(self, parser: object, chosen: argparse.Namespace, port: Any, flag: str | None = None) -> None:
        if port is not None:
            from roundelay.chord.refs import Address  # when there is one to make

            chosen.supernode = Address(chosen.supernode.host, port)


def trainer(text: str) -> str:
    """An argparse type: MODULE:NAME."""
    if ":" not in text or MODEL.fullmatch(text) is None:
        raise ValueError(f"{text[:80]!r} is no MODULE:NAME")
    return text


def trainer_config(text: str) -> dict[str, bool | int | float | str]:
    """As Flower's --node-config: KEY=VALUE with spaces between them, the values as in TOML. Raises ValueError."""
    import tomllib  # most nodes do without

    try:
        found = {key: tomllib.loads(f"value = {value}")["value"] for key, value in PAIR.findall(text)}
    except tomllib.TOMLDecodeError:
        found = {"": None}
    if PAIR.sub("", text).strip() or not all(isinstance(value, bool | int | float | str) for value in found.values()):
        raise ValueError(f"{text[:80]!r} is not KEY=VALUE KEY=VALUE, as in partition-id=0 name='x'")
    return found


def _as_typed(text: str) -> str:
    """An argparse type: what trainer_config understands, as it was typed."""
    trainer_config(text)
    return text


def parser(arguments: Sequence[str]) -> options.Parser:
    made = options.parser(
        "compute_node.py",
        "Join the ring, keep files and train on them.",
        "python3 compute_node.py 8001 --data-dir letters",
        arguments,
    )
    made.add_argument(
        "port",
        nargs="?",
        type=options.port,
        action=options.Word,
        metavar="PORT",
        help="listen there (0: any free port)",
    )
    made.add_argument(
        "supernode",
        nargs="?",
        type=options.supernode,
        action=options.Word,
        metavar="SUPERNODE_HOST",
        help="where the supernode is",
    )
    made.add_argument(
        "supernode_port", nargs="?", type=options.port, action=AtPort, metavar="SUPERNODE_PORT", help="(default: 9091)"
    )
    made.add_argument("--data-dir", type=Path, metavar="DIR", help="files found here need not be sent to this node")
    made.add_argument("--register", action="store_true", help="add our line to the node list first")
    made.add_argument(
        "--nodes", type=Path, default=DEFAULT_FILE, metavar="FILE", help="the node list (default: %(default)s)"
    )
    made.add_argument(
        "--bootstrap",
        type=options.address,
        metavar="HOST:PORT",
        help="join through this node, without a supernode; our own address: be the first",
    )
    made.add_argument("--quiet", action="store_true", help="print no finger tables")
    made.add_argument("--state-dir", type=Path, metavar="DIR", help="keep what is stored here, for the next start")
    made.add_argument("--private", type=Path, metavar="DIR", help="files to train on here, that never leave")
    made.more(
        "--private-name",
        default=PRIVATE_NAME,
        metavar="NAME",
        help="the name that they are published under (default: %(default)s)",
    )
    made.add_argument(
        "--trainer",
        type=options.checked(trainer),
        metavar="MODULE:NAME",
        help="train with a Flower client from here, on the data that it has",
    )
    made.more(
        "--trainer-config",
        type=options.checked(_as_typed),
        default="",
        metavar="'K=V K=V'",
        help="what it is told: context.node_config, and config of fit and evaluate",
    )
    made.more(
        "--trainer-rows",
        type=int,
        metavar="N",
        help="its num_examples (default: as it says when it is made to fit once, at the start)",
    )
    made.more("--models", default="", metavar="A,B", help="modules from here that jobs may name as MODULE:NAME")
    made.more("--port", type=options.port, metavar="P", help="the port, as an option")
    made.more("--supernode", type=options.supernode, metavar="HOST:PORT", help="where it is, as an option")
    made.more(
        "--host",
        type=options.host,
        default="127.0.0.1",
        metavar="H",
        help="listen there; 0.0.0.0 or :: is everywhere (default: %(default)s)",
    )
    made.more(
        "--advertise",
        type=options.host,
        metavar="HOST",
        help="the host that others reach us by (default: --host; everywhere: our address on the way to the ring)",
    )
    made.more(
        "--stabilize-every",
        type=float,
        default=STABILIZE_INTERVAL_S,
        metavar="S",
        help="seconds between two stabilisations (default: %(default)s); 5 is slow motion",
    )
    made.more(
        "--load",
        type=float,
        default=0.0,
        metavar="P",
        help="busy with other things with this probability: an order is late then, or refused (default: 0)",
    )
    made.more(
        "--load-delay",
        type=float,
        default=LOAD_DELAY_S,
        metavar="S",
        help="how late, in seconds (default: %(default)s)",
    )
    made.more(
        "--end-with-parent", action="store_true", help="announce readiness as JSON, and end when standard input closes"
    )
    return made
