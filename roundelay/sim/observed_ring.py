"""A ring under observation, and the protocol of a workload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from roundelay.chord.node import ChordNode
from roundelay.chord.ring import Ring
from roundelay.sim.machine import Machine
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World


class Violated(Exception):
    """A requirement is violated; the message says which and when."""


@dataclass
class ObservedRing:
    """A simulated ring, as workloads and checks use it."""

    world: World
    ring: Ring
    supernode: SimSupernode
    machines: list[Machine] = field(default_factory=list)

    @property
    def members(self) -> list[ChordNode]:
        """The live members, in the order of their identifiers."""
        nodes = [m.member for m in self.machines if m.member is not None]
        return sorted(nodes, key=lambda node: node.ref.id)

    def require(self, holds: bool, what: str) -> None:
        """Raise Violated unless `holds`."""
        if not holds:
            raise Violated(f"at {self.world.clock.now:.2f} s: {what}")


class Workload(Protocol):
    """Something that uses the ring while faults happen."""

    def start(self, observed: ObservedRing) -> None:
        """Start, once the ring has formed, and continue until `stop`."""

    def stop(self) -> None:
        """Start nothing new."""

    def check(self, observed: ObservedRing) -> None:
        """Check, after healing, that everything is correct. Raises Violated."""

    def summary(self) -> str:
        """Return what it did, in one line."""
