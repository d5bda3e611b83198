"""What can go wrong on the ring.

A definite error means that the request had no effect. After an indefinite one it may or may not have had its effect,
which is why every request that changes state is idempotent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roundelay.chord.refs import NodeRef


class ChordError(Exception):
    """Base class of the errors of the ring and of the store."""


class NodeUnreachable(ChordError):
    """A process did not answer in time. Indefinite."""


class PeerNotTrusted(NodeUnreachable):
    """The process at the address is not the one that is meant, or shows no valid certificate of this ring."""


class OtherProtocol(PeerNotTrusted):
    """The process at the address speaks another version of the protocol."""


class PeerFault(ChordError):
    """A peer failed while it answered, or its answer makes no sense. Indefinite."""


class WrongIncarnation(ChordError):
    """Another process answers at the address: the one that was meant is dead. Definite."""

    def __init__(self, actual: NodeRef) -> None:
        super().__init__(f"another process answers at {actual.address}: {actual}")
        self.actual = actual


class Busy(ChordError):
    """The process is alive, but its queue is full: try again later, or elsewhere. Definite."""


class NotYet(ChordError):
    """The node cannot answer yet (it has not joined, or receives a hand-off): ask again soon. Definite."""


class NotOwner(ChordError):
    """The node does not own the key; `nearer` is where to look for its owner. Definite."""

    def __init__(self, nearer: NodeRef) -> None:
        super().__init__(f"not the owner of the key: ask {nearer.address}")
        self.nearer = nearer


class LookupFailed(ChordError):
    """No live route led to the key within the bound on hops. Definite."""


class JoinRefused(ChordError):
    """The ring does not admit this node, for the reason given. Definite and final."""


class NotFound(ChordError):
    """None of the nodes that were asked has it. Definite for those nodes."""


class UnderReplicated(ChordError):
    """Fewer distinct nodes than required have stored it. Indefinite: some copies may exist."""

    def __init__(self, name: str, copies: int, wanted: int) -> None:
        super().__init__(f"{name}: {copies} of {wanted} copies stored")
        self.name, self.copies, self.wanted = name, copies, wanted


class StoreFull(ChordError):
    """The node has no room for it. Definite."""


class Corrupt(ChordError):
    """The bytes do not have the digest announced. Definite: nothing was stored."""


class Malformed(ChordError):
    """The request is invalid (a length, a range, a name). Definite and final."""


class NotAllowed(Malformed):
    """The receiver does not allow the request to this caller. Definite and final."""
