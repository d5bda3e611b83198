"""The supernode as a simulated process: the membership as it is, and a journal that outlives it."""

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
    """Admits nodes; after a crash it asks everybody ever admitted who still lives, then serves again."""

    def __init__(self, world: World, ring: Ring, address: Address) -> None:
        self.world = world
        self.address = address
        self.granted: list[NodeRef] = []  # its journal, in order
        self.process: Process | None = None
        self._ring = ring
        self._membership: Registry | None = None

    def boot(self) -> None:
        if self.process is not None:
            return
        rng = self.world.rng(f"supernode {len(self.granted)}")
        membership = Registry(self._ring, rng, self.granted.append)
        for node in self.granted:
            membership.recall(node)
        self.process = self.world.start(self.address)
        self.world.run(
            self.process, "recall", _living(membership.addresses()), lambda hellos: self._serve(membership, hellos)
        )

    def crash(self) -> None:
        if self.process is not None:
            self.world.kill(self.process)
        self.process = self._membership = None

    @property
    def members(self) -> tuple[NodeRef, ...]:
        """Whom it holds for alive; nobody while it is down."""
        return self._membership.members(self.world.clock.now).nodes if self._membership else ()

    def _serve(self, membership: Registry, hellos: Outcome) -> None:
        assert self.process is not None
        clock, self._membership = self.world.clock, membership
        for hello in hellos:
            with suppress(JoinRefused):  # an earlier life of an address that has been admitted again
                membership.renew(hello.node, clock.now)
        self.process.handlers = {
            Admit: lambda r: membership.admit(r.address, clock.now),
            Heartbeat: lambda r: membership.renew(r.node, clock.now),
            Retire: lambda r: membership.retire(r.node),
            GetMembers: lambda _: membership.members(clock.now),
        }


def _living(addresses: list[Address]) -> Procedure[list[Hello]]:
    """Who of them answers as a member."""
    if not addresses:
        return []
    asks = [Ask(address, SayHello(), RECALL_TIMEOUT_S) for address in addresses]
    answers = yield AskAll(asks, deadline_s=2 * RECALL_TIMEOUT_S)
    return [hello for hello in answers if isinstance(hello, Hello) and hello.joined]
