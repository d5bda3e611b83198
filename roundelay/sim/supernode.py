"""The supernode as a simulated process: the registry of chord/, and a journal that outlives the process."""

from __future__ import annotations

from contextlib import suppress

from roundelay.chord.effects import Ask, AskAll, Procedure
from roundelay.chord.errors import JoinRefused
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.registry import Registry
from roundelay.chord.requests import Admit, GetMembers, Heartbeat, Hello, Retire, SayHello
from roundelay.chord.ring import Ring
from roundelay.sim.process import Outcome, Process
from roundelay.sim.world import World

RECALL_TIMEOUT_S = 1.0


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
        self.world.run(
            self.process, "recall", _ask_for_members(registry.addresses()), lambda hellos: self._serve(registry, hellos)
        )

    def crash(self) -> None:
        if self.process is not None:
            self.world.kill(self.process)
        self.process = self._registry = None

    @property
    def members(self) -> tuple[NodeRef, ...]:
        """The members it knows to be alive; none while it is down."""
        return self._registry.members(self.world.clock.now).nodes if self._registry else ()

    def _serve(self, registry: Registry, hellos: Outcome) -> None:
        assert self.process is not None
        clock, self._registry = self.world.clock, registry
        for hello in hellos:
            with suppress(JoinRefused):  # an earlier incarnation at an address that was admitted again
                registry.renew(hello.node, clock.now)
        self.process.handlers = {
            Admit: lambda r: registry.admit(r.address, clock.now),
            Heartbeat: lambda r: registry.renew(r.node, clock.now),
            Retire: lambda r: registry.retire(r.node),
            GetMembers: lambda _: registry.members(clock.now),
        }


def _ask_for_members(addresses: list[Address]) -> Procedure[list[Hello]]:
    """Ask the addresses; return the answers of members."""
    if not addresses:
        return []
    asks = [Ask(address, SayHello(), RECALL_TIMEOUT_S) for address in addresses]
    answers = yield AskAll(asks, deadline_s=2 * RECALL_TIMEOUT_S)
    return [hello for hello in answers if isinstance(hello, Hello) and hello.joined]
