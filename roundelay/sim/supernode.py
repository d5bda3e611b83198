"""The supernode as a simulated process: the registry of chord/, and a journal that outlives the process."""

from __future__ import annotations

from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.registry import Registry, find_members
from roundelay.chord.requests import Admit, GetMembers, Heartbeat, Retire
from roundelay.chord.ring import Ring
from roundelay.sim.process import Process
from roundelay.sim.world import World


class SimSupernode:
    """Admits nodes; after a crash it asks every node ever admitted whether it is alive, then serves again."""

    def __init__(self, world: World, ring: Ring, address: Address) -> None:
        self.world = world
        self.address = address
        self.granted: list[NodeRef] = []  # its journal, in order
        self.process: Process | None = None
        self._ring = ring
        self._registry: Registry | None = None

    def boot(self) -> None:
        if self.process is not None:
            return
        rng = self.world.rng(f"supernode {len(self.granted)}")
        registry = Registry(self._ring, rng, self.granted.append)
        for node in self.granted:
            registry.recall(node)
        self.process = self.world.start(self.address)
        recall = find_members(registry, registry.addresses(), lambda: self.world.clock.now)
        self.world.run(self.process, "recall", recall, lambda _: self._serve(registry))

    def crash(self) -> None:
        if self.process is not None:
            self.world.kill(self.process)
        self.process = self._registry = None

    @property
    def members(self) -> tuple[NodeRef, ...]:
        """The members it knows to be alive; none while it is down."""
        return self._registry.members(self.world.clock.now).nodes if self._registry else ()

    def _serve(self, registry: Registry) -> None:
        assert self.process is not None
        clock, self._registry = self.world.clock, registry
        self.process.handlers = {
            Admit: lambda r: registry.admit(r.address, clock.now, r.node_id),
            Heartbeat: lambda r: registry.renew(r.node, clock.now),
            Retire: lambda r: registry.retire(r.node),
            GetMembers: lambda _: registry.members(clock.now),
        }
