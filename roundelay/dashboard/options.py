"""What the command line of `python -m roundelay.dashboard` means, and what of it is refused."""

from __future__ import annotations

import argparse
import ipaddress
import secrets

from roundelay.cli import exits
from roundelay.cli.dashboard import TOKEN_CHARACTERS_MIN
from roundelay.node.addresses import is_everywhere
from roundelay.node.options import NODES_MAX

LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


def check(chosen: argparse.Namespace) -> None:
    """Raises Exit for what does not fit together."""
    if chosen.lab is not None and not 1 <= chosen.lab <= NODES_MAX:
        raise exits.Exit(exits.USAGE, f"--lab takes 1 to {NODES_MAX} nodes")
    for name in ("supernode", "bootstrap"):
        if chosen.lab is not None and getattr(chosen, name) is not None:
            raise exits.Exit(exits.USAGE, f"--lab and --{name} exclude one another: the lab is a ring of its own")
    if not is_loopback(chosen.host) and chosen.token_file is None:
        raise exits.Exit(
            exits.USAGE,
            f"--host {chosen.host} can be reached from other machines: choose a token with "
            "--token-file FILE, and mind that HTTP does not hide it",
        )
    if not names(chosen):
        raise exits.Exit(
            exits.USAGE,
            f"--host {chosen.host} is no name that a browser could use: say with --name H how this page is reached",
        )
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
    own = LOCAL_NAMES if is_loopback(chosen.host) else () if is_everywhere(chosen.host) else (chosen.host,)
    return [*own, *chosen.name]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
