"""In a simulated secured ring every record reaches every replica, whatever has become of the process that signed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from roundelay.chord.effects import Procedure, gather
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import records, replay
from roundelay.federation.driver import Driver
from roundelay.federation.settings import Settings
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import store_and_publish
from roundelay.ml.worker import Worker
from roundelay.sim.ideal_ring import IdealRing
from roundelay.sim.identities import SimIdentities
from roundelay.sim.journal import EventJournal
from roundelay.sim.learnable_files import learnable_files
from roundelay.sim.machine import Machine, clocks
from roundelay.sim.options import CALM
from roundelay.sim.process import Outcome
from roundelay.sim.program import NodeProgram, add_performers
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item
from roundelay.trust.identity import SUBMITTER, VIEWER

FILES, ROWS, FEATURES, CLASSES = 6, 12, 4, 3
SETTINGS = Settings(rounds=40, epochs=1, hidden=(4,), eta=0.1, batch=4)
CLIENT, READER, SUPERNODE = Address("client", 1), Address("reader", 1), Address("supernode", 1)
WITHIN_S = 300.0  # of virtual time, for whatever is awaited
STEP_S = 1.0

Items = dict[Entry, Item]


class SecuredJob:
    """A job on a secured ring whose processes are killed one after the other."""

    def __init__(self, nodes: int, settings: Settings = SETTINGS) -> None:
        self.ring = Ring(successors=4)
        self.world = World(CALM, EventJournal())
        add_performers(self.world)
        self.identities = self.world.identities = SimIdentities(self.ring, clocks(self.world))
        for address, role in ((CLIENT, SUBMITTER), (READER, VIEWER)):
            self.identities.issue(address, role)
        self.contents, files = learnable_files(0, FILES, ROWS, FEATURES, CLASSES)
        self.spec = JobSpec(settings, files[:-1], files[-1], FEATURES, CLASSES)
        self.key = self.ring.key(self.spec.job)
        SimSupernode(self.world, self.ring, SUPERNODE).boot()
        self.machines: list[Machine] = []
        for _ in range(nodes):
            self.join()
        self.await_(lambda: len(self.refs) == nodes and self._is_formed())
        self.client = self.world.start(CLIENT)
        self.world.run(self.client, "client", self._drive(), lambda _: None)

    # --- faults

    def join(self, after: int | None = None) -> Machine:
        """Start a new node; one that is placed is the next after an identifier, or a key."""
        address = Address(f"n{len(self.machines)}", 1)
        place = self.world.rng(str(address)).getrandbits(self.ring.bits) if after is None else after + 1
        self.identities.issue_to_nodes({address: place % self.ring.size})
        machine = Machine(self.world, address, SUPERNODE, NodeProgram)
        self.machines.append(machine)
        machine.boot()
        return machine

    def kill_driver(self) -> str:
        """Kill the node that drives. Return its name."""
        driver = self.driver
        next(machine for machine in self.machines if str(machine.address) == driver).crash()
        return driver

    def kill(self, ref: NodeRef) -> None:
        next(machine for machine in self.machines if machine.address == ref.address).crash()

    # --- what is awaited

    def await_(self, holds: Callable[[], object], seconds: float = WITHIN_S) -> None:
        clock = self.world.clock
        end_s = clock.now + seconds
        while not holds():
            assert clock.now < end_s, "it did not happen"
            clock.run(clock.now + STEP_S)

    def await_driver(self, other_than: str, rounds: int = 3) -> None:
        """Wait until another process has driven some rounds."""
        self.await_(lambda: self.rounds and self.driver != other_than)
        reached = self.rounds
        self.await_(lambda: self.rounds >= reached + rounds)

    def await_second_driver(self) -> str:
        """Kill the client, then the node that takes over, and wait for the next one. Return the first of the two."""
        self.await_(lambda: self.rounds)
        self.world.kill(self.client)
        self.await_driver(other_than=str(CLIENT))
        first = self.kill_driver()
        self.await_driver(other_than=first)
        return first

    def await_copies(self) -> None:
        """Wait until everything is on all replicas, and every node answers for what it owns."""
        self.await_(lambda: not self.missing() and all(each.store.handoff_complete for each in self.programs))

    # --- what is stored

    @property
    def refs(self) -> list[NodeRef]:
        return sorted((m.member.ref for m in self.machines if m.member is not None), key=lambda ref: ref.id)

    def holders(self, key: int) -> list[NodeRef]:
        true = IdealRing(self.ring, self.refs)
        first = true.place(true.owner(key))
        return [true.after(first + place) for place in range(min(self.ring.replicas, len(true)))]

    @property
    def rounds(self) -> int:
        """The rounds that are stored."""
        return sum(1 for item in self.everything.values() if ".result-" in item.entry.name)

    @property
    def driver(self) -> str:
        """The process that has signed the last RESULT."""
        results = [item for item in self.everything.values() if ".result-" in item.entry.name]
        return signer_of(max(results, key=lambda item: item.version))

    @property
    def programs(self) -> list[NodeProgram]:
        found = [machine.program for machine in self.machines if machine.member is not None]
        return [each for each in found if isinstance(each, NodeProgram)]

    def items_of(self, ref: NodeRef) -> Items:
        """Return what a node has of the job, its files and its line in the list of jobs, deletions included."""
        program = next(each for each in self.programs if each.node.ref == ref)
        keys = {
            self.key,
            *(self.ring.key(name) for name in (records.DIRECTORY, *(f.name for f in self.spec.all_files))),
        }
        found = [item for key in keys for item in program.store.list_range(key - 1, key)]
        return {item.entry: replace(item, lease_s=0.0) for item in found}

    @property
    def everything(self) -> Items:
        """Return all of this that some node has."""
        found: Items = {}
        for ref in self.refs:
            for entry, item in self.items_of(ref).items():
                found[entry] = max(item, found.get(entry, item), key=lambda each: each.rank)
        return found

    def missing(self) -> set[str]:
        """Return the names of what some replica lacks."""
        return {
            item.entry.name
            for entry, item in self.everything.items()
            for ref in self.holders(item.entry.key)
            if self.items_of(ref).get(entry) != item
        }

    def signers(self, what: str) -> set[str]:
        """Return the processes that have signed records of a kind."""
        return {signer_of(item) for item in self.everything.values() if f".{what}-" in item.entry.name}

    def end(self) -> JobSnapshot:
        """Wait until the job has ended, and return it as a client reads it."""
        names = {records.record_name(self.spec.job, end) for end in records.ENDS}
        self.await_(lambda: any(item.entry.name in names for item in self.everything.values()))
        found: list[Outcome] = []
        reading = read_snapshot(self.refs[0], self.ring, self.spec.job)
        self.world.run(self.world.start(READER), "read", reading, found.append)
        self.await_(lambda: found)
        assert isinstance(found[0], JobSnapshot), found
        return found[0]

    def expected(self) -> list[str]:
        """Return the digests of the weights of every round of a run in one process."""
        worker = Worker()
        rounds = replay.rounds(self.spec, replay.moments(self.spec, self.contents, worker), worker)
        return [digest_of(weights) for weights in rounds]

    # --- helpers

    def _is_formed(self) -> bool:
        true = IdealRing(self.ring, self.refs)
        return all(each.node.successors == true.successors(each.node.ref) for each in self.programs)

    def _drive(self) -> Procedure[Any]:
        entry, time = self.refs[0], clocks(self.world)
        members = yield from store_and_publish(entry, self.ring, self.spec, self.contents, time.version())
        driver = Driver(self.spec, self.ring, entry, "client", time, lambda result, report: None, members=members)
        yield from gather([driver.drive(), driver.heartbeat()])


def signer_of(item: Item) -> str:
    """Return the address of the process that has signed an item."""
    return item.signature.decode().partition(" ")[0]


@pytest.mark.parametrize("nodes", [4, 12])
@pytest.mark.parametrize("place", [0, 1], ids=["owner", "replica"])
def test_a_new_replica_gets_the_records_of_a_driver_that_has_died(nodes: int, place: int) -> None:
    job = SecuredJob(nodes)
    first = job.await_second_driver()
    lost = next(ref for ref in job.holders(job.key) if str(ref.address) != job.driver)
    job.kill(lost)
    job.join(after=([job.key, *(ref.id for ref in job.holders(job.key))])[place])
    job.await_(lambda: len(job.refs) == nodes - 1)
    job.await_copies()

    assert first in job.signers("result"), "it has written rounds"
    for ref in [each for each in job.holders(job.key) if each.address != job.machines[-1].address]:
        job.kill(ref)
    ended = job.end()

    assert ended.end == records.DONE
    assert [result.weights for result in ended.results] == job.expected()


@pytest.mark.parametrize("nodes", [4, 12])
def test_a_replica_that_has_lost_its_copies_gets_them_while_another_node_drives(nodes: int) -> None:
    job = SecuredJob(nodes)
    first = job.await_second_driver()
    lost = next(ref for ref in job.holders(job.key) if str(ref.address) != job.driver)
    program = next(each for each in job.programs if each.node.ref == lost)
    program.store.release(job.items_of(lost).values())
    rounds = job.rounds
    assert job.missing()
    job.await_copies()

    assert first in job.signers("result"), "it has written rounds"
    assert rounds < job.rounds < job.spec.settings.rounds, "the job goes on meanwhile"
    assert job.end().end == records.DONE
