"""A scenario: a ring of many nodes forms, suffers faults and heals, all from one seed.

During the faults only safety is checked. If only dead nodes do not answer (no loss, no partition, no pause), that
includes Zave's invariant and all it entails. After healing, liveness is checked: within bounded time there is one
Ideal ring with correct fingers and correct lookups. Workloads (lookups, puts and gets, jobs) use the ring meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.sim.checks import check_proved, check_safety, find_deviation, find_ring_deviation
from roundelay.sim.faults import SimFaults
from roundelay.sim.identities import SimIdentities
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, RingProgram, clocks
from roundelay.sim.observed_ring import ObservedRing, Workload
from roundelay.sim.options import SimOptions
from roundelay.sim.program import NodeProgram
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World

BOOTS_WITHIN_S = 2.0
FORMS_WITHIN_S = 90.0  # all join at once and lose messages; those of one gap find their places one by one
HEALS_WITHIN_S = 30.0
STAYS_S = 10.0
CHECK_INTERVAL_S = 0.25
PORT = 5000
SUPERNODE = Address("supernode", 9091)


@dataclass(frozen=True)
class ScenarioReport:
    """The result of one run."""

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
                f"  formed in {self.formed_s:.2f} s; {self.faults}; converged {self.healed_s:.2f} s after healing",
                *(f"  {line}" for line in self.workloads),
                f"  {self.messages} messages; journal {self.digest[:16]}",
            )
        )


class Scenario:
    """One run of a scenario."""

    def __init__(self, options: SimOptions, journal: EventJournal, workloads: Sequence[Workload]) -> None:
        world = World(options, journal)
        ring = Ring(options.bits, options.successors, min(3, options.successors + 1))
        supernode = SimSupernode(world, ring, SUPERNODE)
        program = NodeProgram if options.jobs else RingProgram
        machines = [Machine(world, Address(f"n{i:02}", PORT), SUPERNODE, program) for i in range(options.nodes)]
        if options.secured:
            world.identities = _issue_identities(world, ring, machines)
        self.observed = ObservedRing(world, ring, supernode, machines)
        self._faults = SimFaults(world, ring, machines, supernode)
        self._workloads = workloads
        self._provable = False  # the proof starts from an Ideal ring

    def run(self) -> ScenarioReport:
        """Run the scenario to its end. Raises Violated."""
        world = self.observed.world
        formed_s = self._form()
        self._disturb()
        healed_s = self._heal()
        self._stay()
        for workload in self._workloads:
            workload.check(self.observed)
        f = self._faults
        faults = f"{f.crashes} crashes ({f.skipped} skipped), {f.pauses} pauses, {f.partitions} partitions"
        return ScenarioReport(
            world.options,
            formed_s,
            healed_s,
            world.messages,
            faults,
            tuple(w.summary() for w in self._workloads),
            world.journal.digest,
        )

    # --- the four phases

    def _form(self) -> float:
        self.observed.supernode.boot()
        draw = self.observed.world.rng("boots").uniform
        for machine in self.observed.machines:
            self.observed.world.clock.after(draw(0.0, BOOTS_WITHIN_S), machine.boot)
        formed_s = self._wait_until_converged("formed", FORMS_WITHIN_S)
        self._provable = self.observed.world.options.silence_is_death
        return formed_s

    def _disturb(self) -> None:
        for workload in self._workloads:
            workload.start(self.observed)
        self._faults.begin()
        end_s = self.observed.world.clock.now + self.observed.world.options.faults_s
        while self.observed.world.clock.now < end_s:
            self._advance()

    def _heal(self) -> float:
        self._faults.end()
        for workload in self._workloads:
            workload.stop()
        return self._wait_until_converged("converged", HEALS_WITHIN_S)

    def _stay(self) -> None:
        """Check that nothing changes any more when no faults happen."""
        end_s = self.observed.world.clock.now + STAYS_S
        while self.observed.world.clock.now < end_s:
            self._advance()
            deviation = find_ring_deviation(self.observed)
            self.observed.require(not deviation, f"it did not stay converged: {deviation}")
        deviation = find_deviation(self.observed)
        self.observed.require(not deviation, f"it is not converged any more: {deviation}")

    # --- helpers

    def _advance(self) -> None:
        clock = self.observed.world.clock
        clock.run(clock.now + CHECK_INTERVAL_S)
        check_safety(self.observed)
        if self._provable:
            check_proved(self.observed)

    def _wait_until_converged(self, what: str, within_s: float) -> float:
        clock = self.observed.world.clock
        begun_s = clock.now
        while deviation := find_deviation(self.observed):
            self.observed.require(clock.now - begun_s < within_s, f"not {what} within {within_s:g} s: {deviation}")
            self._advance()
        return clock.now - begun_s


def _issue_identities(world: World, ring: Ring, machines: Sequence[Machine]) -> SimIdentities:
    """Return the identities of a secured ring; those of the nodes state identifiers that are drawn at random."""
    identities, draw = SimIdentities(ring, clocks(world)), world.rng("identifiers").getrandbits
    identities.issue_to_nodes({machine.address: draw(ring.bits) for machine in machines})
    return identities
