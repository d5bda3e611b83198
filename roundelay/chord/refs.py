"""How processes are named: an address, and a node's identity on the ring."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Address:
    """Where a process listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class NodeRef:
    """One life of one node. A restart is a new incarnation: a new member, with nothing of the old."""

    id: int
    host: str
    port: int
    incarnation: int = 1

    def __eq__(self, other: object) -> bool:
        """As a dataclass has it, but quickly: every hop compares and looks up nodes, and nearly all differ in id."""
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
        """A placeholder that keeps a successor list at its length; it is no process."""
        return not self.host

    def __str__(self) -> str:
        return f"{self.id} at {self.address} (incarnation {self.incarnation})"


def vacant(identifier: int) -> NodeRef:
    """An entry for an identifier at which nobody may live (Zave's padding)."""
    return NodeRef(identifier, "", 0, 0)
