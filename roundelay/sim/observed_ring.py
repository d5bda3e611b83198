"""A ring under observation, and what may use it: the vocabulary of scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from roundelay.chord.node import ChordNode
from roundelay.chord.ring import Ring
from roundelay.sim.machine import Machine
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World


class Violated(Exception):
    """Something that must hold does not; the message says what, when and in which run."""


@dataclass
class ObservedRing:
    """What a workload may act on."""

    world: World
    ring: Ring
    supernode: SimSupernode
    machines: list[Machine] = field(default_factory=list)

    @property
    def members(self) -> list[ChordNode]:
        """The living members, in the order of their identifiers."""
        nodes = [m.member for m in self.machines if m.member is not None]
        return sorted(nodes, key=lambda node: node.ref.id)

    def demand(self, holds: bool, what: str) -> None:
        """Raises Violated where it does not hold."""
        if not holds:
            raise Violated(f"at {self.world.clock.now:.2f} s: {what}")


class Workload(Protocol):
    """Something that uses the ring while it is tormented."""

    def start(self, scene: ObservedRing) -> None:
        """Begin, once the ring has formed; go on until told to stop."""

    def stop(self) -> None:
        """Begin nothing new."""

    def judge(self, scene: ObservedRing) -> None:
        """After healing: everything must be right now. Raises Violated."""

    def summary(self) -> str:
        """What it did, in a line."""
