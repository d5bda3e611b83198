"""What can go wrong on the ring.

Definite: it certainly did not happen. Indefinite: it may have happened, which is why every
request that changes state is idempotent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from roundelay.chord.refs import NodeRef


class ChordError(Exception):
    """Base of all errors of this package."""


class NodeUnreachable(ChordError):
    """A process did not answer in time. Indefinite: it may or may not have acted."""


class PeerFault(ChordError):
    """A peer broke while answering, or answered with what is no answer. Indefinite."""


class WrongIncarnation(ChordError):
    """Another process answers at that address: the one that was meant is dead. Definite."""

    def __init__(self, actual: NodeRef) -> None:
        super().__init__(f"another process answers at {actual.address}: {actual}")
        self.actual = actual


class Busy(ChordError):
    """Alive, but its queue is full: try again later, or elsewhere. Definite."""


class NotYet(ChordError):
    """Cannot answer yet (not joined, or a hand-over is going on): ask again soon. Definite."""


class LookupFailed(ChordError):
    """No live route led to the key within the bound on hops. Definite."""


class JoinRefused(ChordError):
    """The ring will not have this node, for the reason given. Definite, and final."""


class NotFound(ChordError):
    """Nobody asked has it. Definite for those that were asked."""


class UnderReplicated(ChordError):
    """Fewer distinct nodes than promised have committed it. Indefinite: some copies may exist."""

    def __init__(self, name: str, copies: int, wanted: int) -> None:
        super().__init__(f"{name}: {copies} of {wanted} copies stored")
        self.name, self.copies, self.wanted = name, copies, wanted


class StoreFull(ChordError):
    """The node has no room for it. Definite."""


class Corrupt(ChordError):
    """The bytes are not those of the digest. Definite: nothing was stored."""


class Malformed(ChordError):
    """The request breaks the contract (a length, a range, a name). Definite, and final."""
