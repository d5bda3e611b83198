"""How processes are named: an address, and the identity of a node on the ring."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, order=True)
class Address:
    """The host and port at which a process listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class NodeRef:
    """One incarnation of one node. After a restart it is a new member, without any state of the old one.

    relays: the nodes through which it is asked, where it accepts no connections itself. Its host and port are then only
    a name, and the relays may change; so they are no part of its identity.
    """

    id: int
    host: str
    port: int
    incarnation: int = 1
    relays: tuple[NodeRef, ...] = field(default=(), compare=False, repr=False)

    def __eq__(self, other: object) -> bool:
        """Compare as a dataclass would, but the identifier first: lookups compare many nodes, and nearly all differ."""
        return self is other or (
            isinstance(other, NodeRef)
            and self.id == other.id
            and self.incarnation == other.incarnation
            and self.port == other.port
            and self.host == other.host
        )

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def address(self) -> Address:
        return Address(self.host, self.port)

    @property
    def is_vacant(self) -> bool:
        """True of a placeholder, which keeps a successor list at its length and names no process."""
        return not self.host

    def __str__(self) -> str:
        return f"{self.id} at {self.address} (incarnation {self.incarnation})"


def vacant(identifier: int) -> NodeRef:
    """Return a placeholder for an identifier (Zave's padding of a successor list)."""
    return NodeRef(identifier, "", 0, 0)
