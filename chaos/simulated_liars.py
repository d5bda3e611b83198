"""Simulated jobs in which some nodes return wrong results: the real core in one thread and virtual time, from one seed.

The ring is formed and loses no node, so that nothing but the results differs from an honest run.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from roundelay.chord.effects import Procedure, gather
from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.federation import replay
from roundelay.federation.attacks import Attack
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Compute
from roundelay.federation.errors import Replaced
from roundelay.federation.node_core import Loops
from roundelay.federation.records import DONE
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec, Liar
from roundelay.federation.tasks import TrainTask
from roundelay.federation.upload import store_and_publish
from roundelay.ml.worker import Worker
from roundelay.sim.ideal_ring import random_ring
from roundelay.sim.identities import SimIdentities
from roundelay.sim.journal import EventJournal
from roundelay.sim.learnable_files import learnable_files
from roundelay.sim.machine import Machine, clocks
from roundelay.sim.options import CALM
from roundelay.sim.process import PENDING, Outcome, SimTask
from roundelay.sim.program import NodeProgram, add_performers
from roundelay.sim.world import World
from roundelay.store.blobs import digest_of
from roundelay.trust.identity import SUBMITTER, VIEWER

NODES, FILES, ROWS, FEATURES, CLASSES = 12, 36, 12, 4, 3
SETTINGS = Settings(rounds=30, epochs=1, hidden=(4,), eta=0.1, batch=4)
CLIENT, READER, SUPERNODE = Address("client", 1), Address("reader", 1), Address("supernode", 1)
TRAINING_S = 0.1  # of a file
ENDS_WITHIN_S = 4 * 3600.0  # of virtual time
POLL_S = 5.0
REPLACED_MAX = 20


@dataclass(frozen=True)
class SimulatedJob:
    """How a job with liars has ended.

    liars: by address, what each does. named: the nodes that the job has called liars. trained: how many times a file
    was trained. seconds: of virtual time.
    """

    seed: int
    rounds: int
    liars: Mapping[str, str]
    named: tuple[Liar, ...]
    is_honest: bool  # the job is done, and its model is that of an honest run
    replaced: int  # times that a job replaced another
    trained: int
    seconds: float

    @property
    def accused(self) -> list[str]:
        """The honest nodes that were called liars."""
        return sorted({liar.address for liar in self.named} - self.liars.keys())

    @property
    def missed(self) -> list[str]:
        """The liars that were not named."""
        return sorted(self.liars.keys() - {liar.address for liar in self.named})

    @property
    def found_in(self) -> int | None:
        """The round by which all liars were found."""
        return None if self.missed else max((liar.round for liar in self.named), default=0)


class SettledNode(NodeProgram):
    """A node that stores, trains and takes over jobs; the ring does not change, so nothing maintains it."""

    def loops(self) -> Loops:
        loops = super().loops()
        self.store.handoff_complete = True
        return {name: loops[name] for name in ("orders", "jobs")}


class Simulation:
    """One job on a ring of settled nodes, driven by a client that may be killed."""

    def __init__(
        self, seed: int, verify: float, attacks: Sequence[str], settings: Settings = SETTINGS, secured: bool = False
    ) -> None:
        """attacks: one for each liar; which nodes lie is drawn from those that own a file. secured: by identities."""
        self.seed = seed
        self.trained = 0  # files, each time they were
        self.replaced = 0  # times that the client has seen its job replaced
        self.contents, files = learnable_files(seed, FILES, ROWS, FEATURES, CLASSES)
        self.spec = JobSpec(replace(settings, seed=seed, verify=verify), files[:-1], files[-1], FEATURES, CLASSES)
        self.world = World(replace(CALM, seed=seed), EventJournal())
        rng = random.Random(f"liars {seed}")
        self._ring = Ring()
        true = random_ring(self._ring, NODES, rng)
        owners = sorted({true.owner(self._ring.key(file.name)).address for file in self.spec.files}, key=str)
        self.liars = dict(zip(rng.sample(owners, len(attacks)), attacks, strict=True))
        attacks_at = {place: Attack(name, rng) for place, name in self.liars.items()}
        add_performers(self.world, TRAINING_S, attacks_at)
        self._count_training()
        self._nodes = true.nodes()
        if secured:
            self._issue_identities()
        for node in self._nodes:
            Machine(self.world, node.ref.address, SUPERNODE, SettledNode).adopt(node)
        self._ended: list[Outcome] = []
        self._client = self.world.start(CLIENT)
        self.world.run(self._client, "client", self._drive(), self._ended.append)

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Run until the client has ended, or a condition holds."""
        self.world.clock.run_while(lambda: not self._ended and not until(), ENDS_WITHIN_S)

    def kill_client(self) -> None:
        """Kill the client. A node takes over."""
        self.world.kill(self._client)

    def outcome(self) -> SimulatedJob:
        """Wait for the end of the job, whoever drives it, and return what its records show."""
        clock, snapshot, replaced = self.world.clock, self._read(self.spec.job), 0
        while not (snapshot.end and not snapshot.successor) and clock.now < ENDS_WITHIN_S:
            if snapshot.successor:
                replaced += 1
            else:
                clock.run(clock.now + POLL_S)
            snapshot = self._read(snapshot.successor or snapshot.job)
        last = snapshot.reports[max(snapshot.reports)]
        return SimulatedJob(
            self.seed,
            self.spec.settings.rounds,
            {str(place): name for place, name in self.liars.items()},
            last.liars,
            snapshot.end == DONE and snapshot.results[-1].weights == self._expected(),
            replaced,
            self.trained,
            clock.now,
        )

    def _drive(self) -> Procedure[Any]:
        """Do what a client does: publish the job and drive it, and those that replace it."""
        entry, ring, time, spec = self._nodes[0].ref, self._ring, clocks(self.world), self.spec
        members = yield from store_and_publish(entry, ring, spec, self.contents, time.version())
        for _ in range(REPLACED_MAX):
            driver = Driver(spec, ring, entry, "client", time, lambda result, report: None, members=members)
            outcome, _ = yield from gather([driver.drive(), driver.heartbeat()])
            if not isinstance(outcome, Replaced):
                return outcome
            spec, self.replaced = outcome.successor, self.replaced + 1
        return None

    def _issue_identities(self) -> None:
        identities = self.world.identities = SimIdentities(self._ring, clocks(self.world))
        identities.issue_to_nodes({node.ref.address: node.ref.id for node in self._nodes})
        identities.issue(CLIENT, SUBMITTER)
        identities.issue(READER, VIEWER)

    def _count_training(self) -> None:
        perform = self.world.performers[Compute]

        def compute(task: SimTask, effect: Compute) -> Outcome:
            outcome = perform(task, effect)
            if outcome is PENDING and isinstance(effect.order.task, TrainTask):
                self.trained += len(effect.order.files)
            return outcome

        self.world.performers[Compute] = compute

    def _read(self, job: str) -> JobSnapshot:
        """Read a job as a client does."""
        found: list[Outcome] = []
        reading = read_snapshot(self._nodes[0].ref, self._ring, job, with_reports=True)
        self.world.run(self.world.start(READER), "read", reading, found.append)
        self.world.clock.run_while(lambda: not found, self.world.clock.now + POLL_S)
        self.world.kill(self.world.processes[READER])
        if not found or not isinstance(found[0], JobSnapshot):
            raise RuntimeError(f"seed {self.seed}: job {job[:8]} cannot be read: {found}")
        return found[0]

    def _expected(self) -> str:
        """Return the digest of the weights that one process gets without any ring."""
        worker = Worker()
        *_, last = replay.rounds(self.spec, replay.moments(self.spec, self.contents, worker), worker)
        return digest_of(last)


def simulate(
    seed: int, verify: float, attacks: Sequence[str], settings: Settings = SETTINGS, secured: bool = False
) -> SimulatedJob:
    """Run one job to its end."""
    simulation = Simulation(seed, verify, attacks, settings, secured)
    simulation.run()
    return simulation.outcome()
