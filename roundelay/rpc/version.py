"""The version of the protocol that this process speaks, and the refusal of other versions.

A process is told a ring's version when it enters, with the ring's parameters, and tells its own when it asks for
admission. So processes of different releases work together, or refuse one another by name before they exchange
anything else.
"""

from __future__ import annotations

from roundelay.chord.errors import JoinRefused, OtherProtocol
from roundelay.rpc.gen.constants import PROTOCOL

UNNAMED = 1  # of releases that do not name their version


def require_joiner(theirs: int) -> None:
    """Raise JoinRefused unless a process that asks for admission speaks our version."""
    if theirs != PROTOCOL:
        raise JoinRefused(f"this ring speaks protocol {PROTOCOL}, and the node protocol {theirs}: run the same release")


def require_ring(theirs: int | None) -> None:
    """Raise OtherProtocol unless the processes of a ring speak our version."""
    version = UNNAMED if theirs is None else theirs
    if version != PROTOCOL:
        raise OtherProtocol(f"speaks protocol {version}, and this process protocol {PROTOCOL}: run the same release")
