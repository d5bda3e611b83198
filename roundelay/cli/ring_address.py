"""The ring that a command line names."""

from __future__ import annotations

from roundelay.cli.parser_base import Namespace
from roundelay.client.requests import RingAddress


def ring_address(chosen: Namespace) -> RingAddress:
    """Return the address that the options give. Raises InvalidRequest."""
    return RingAddress(chosen.supernode, chosen.bootstrap, chosen.nodes, chosen.kit)
