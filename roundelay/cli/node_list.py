"""Write an address into the node list, for --register."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.cli import exits
from roundelay.node.addresses import NodeListError


def register(write: Callable[[Path, Address], None], nodes: Path, ours: Address) -> None:
    """Write our address into the node list. Raises Exit."""
    try:
        write(nodes, ours)
    except NodeListError as error:
        raise exits.Exit(exits.DATA, str(error)) from error
    except OSError as error:
        raise exits.Exit(exits.CANNOT_CREATE, f"--register: cannot write {nodes}: {error.strerror}") from error
