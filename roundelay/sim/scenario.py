"""A ring of many nodes from one seed: it forms, things break, they are healed.

While things break only safety is asked for: what may never be, however bad the world is. Where
silence means death (no loss, no partition, no pause) that includes Zave's invariant and all it
entails. After healing liveness: one ring, Ideal, right fingers, every lookup right, within bounds.
What the ring is used for meanwhile (lookups; puts, gets and jobs likewise) are its workloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.sim.checks import demand_proved, demand_safety, lacks, ring_lacks
from roundelay.sim.faults import SimFaults
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.observed_ring import ObservedRing, Workload
from roundelay.sim.options import SimOptions
from roundelay.sim.program import NodeProgram
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World

BOOTS_WITHIN_S = 2.0
FORMS_WITHIN_S = 60.0  # all at once and losing messages: the joiners of one gap find their places one by one
HEALS_WITHIN_S = 30.0
STAYS_S = 10.0
CHECK_INTERVAL_S = 0.25
PORT = 5000
SUPERNODE = Address("supernode", 9091)


@dataclass(frozen=True)
class ScenarioReport:
    """What happened in one run."""

    options: SimOptions
    formed_s: float
    healed_s: float
    messages: int
    faults: str
    workloads: tuple[str, ...]
    digest: str

    def __str__(self) -> str:
        return "\n".join(
            (
                f"seed {self.options.seed}: {self.options.nodes} nodes, {self.options.successors} successors",
                f"  formed in {self.formed_s:.2f} s; {self.faults}; whole again {self.healed_s:.2f} s after healing",
                *(f"  {line}" for line in self.workloads),
                f"  {self.messages} messages; journal {self.digest[:16]}",
            )
        )


class Scenario:
    """One run, from its options."""

    def __init__(self, options: SimOptions, journal: EventJournal, workloads: Sequence[Workload]) -> None:
        world = World(options, journal)
        ring = Ring(options.bits, options.successors, min(3, options.successors + 1))
        supernode = SimSupernode(world, ring, SUPERNODE)
        program = NodeProgram if options.jobs else RingProgram
        machines = [Machine(world, Address(f"n{i:02}", PORT), SUPERNODE, program) for i in range(options.nodes)]
        self.scene = ObservedRing(world, ring, supernode, machines)
        self._faults = SimFaults(world, ring, machines, supernode)
        self._workloads = workloads
        self._provable = False  # the proof begins with an Ideal ring

    def run(self) -> ScenarioReport:
        """Raises Violated."""
        world = self.scene.world
        formed_s = self._form()
        self._disturb()
        healed_s = self._heal()
        self._stay()
        for workload in self._workloads:
            workload.judge(self.scene)
        f = self._faults
        faults = f"{f.crashes} crashes ({f.spared} spared), {f.pauses} pauses, {f.partitions} partitions"
        return ScenarioReport(
            world.options,
            formed_s,
            healed_s,
            world.messages,
            faults,
            tuple(w.summary() for w in self._workloads),
            world.journal.digest,
        )

    # --- the four acts

    def _form(self) -> float:
        self.scene.supernode.boot()
        draw = self.scene.world.rng("boots").uniform
        for machine in self.scene.machines:
            self.scene.world.clock.after(draw(0.0, BOOTS_WITHIN_S), machine.boot)
        formed_s = self._until_whole("formed", FORMS_WITHIN_S)
        self._provable = self.scene.world.options.silence_is_death
        return formed_s

    def _disturb(self) -> None:
        for workload in self._workloads:
            workload.start(self.scene)
        self._faults.begin()
        end_s = self.scene.world.clock.now + self.scene.world.options.faults_s
        while self.scene.world.clock.now < end_s:
            self._advance()

    def _heal(self) -> float:
        self._faults.end()
        for workload in self._workloads:
            workload.stop()
        return self._until_whole("whole again", HEALS_WITHIN_S)

    def _stay(self) -> None:
        """Where nothing happens any more, nothing may change any more."""
        end_s = self.scene.world.clock.now + STAYS_S
        while self.scene.world.clock.now < end_s:
            self._advance()
            self.scene.demand(not (missing := ring_lacks(self.scene)), f"it did not stay whole: {missing}")
        self.scene.demand(not (missing := lacks(self.scene)), f"it is not whole any more: {missing}")

    # --- helpers

    def _advance(self) -> None:
        clock = self.scene.world.clock
        clock.run(clock.now + CHECK_INTERVAL_S)
        demand_safety(self.scene)
        if self._provable:
            demand_proved(self.scene)

    def _until_whole(self, what: str, within_s: float) -> float:
        clock = self.scene.world.clock
        begun_s = clock.now
        while missing := lacks(self.scene):
            self.scene.demand(clock.now - begun_s < within_s, f"not {what} within {within_s:g} s: {missing}")
            self._advance()
        return clock.now - begun_s
