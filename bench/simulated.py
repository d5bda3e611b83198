"""Star and tree on a large simulated ring: one file per node, no maintenance, every request of the driver counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from statistics import mean, median
from typing import Any

from bench.wire_sizes import WireSizes
from roundelay.chord.effects import Ask, Procedure, gather
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.federation import jobs
from roundelay.federation.driver import Driver
from roundelay.federation.node_core import Loops
from roundelay.federation.records import RoundReport
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, clocks
from roundelay.sim.options import CALM, SimOptions
from roundelay.sim.process import Outcome, Process, Resume
from roundelay.sim.program import NodeProgram, add_performers
from roundelay.sim.world import World
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item, Put, Write

CLIENT = Address("client", 1)
ROUNDS, ROWS, FEATURES, CLASSES, HIDDEN = 3, 6, 4, 3, 8
HOUR_S = 3600.0
LINK = replace(CALM, seed=3)


@dataclass(frozen=True)
class _Moment:
    """What the world had counted when a round was reported."""

    driver_bytes: int
    bytes: int
    messages: int
    now: float


class Worker(NodeProgram):
    """A node that only works: no node joins or dies here, so no maintenance is needed."""

    def loops(self) -> Loops:
        self.store.handoff_complete = True
        return {"orders": lambda: self.orders.run_queue(self.node, self.surroundings.clocks.monotonic)}


class CountingWorld(World):
    """Counts what the driver sends and receives, and who sends orders."""

    def __init__(self, options: SimOptions, journal: EventJournal) -> None:
        super().__init__(options, journal, WireSizes())
        self.driver_bytes = 0
        self.orders: Counter[int] = Counter()  # by round

    def ask(self, asker: Process, ask: Ask, resume: Resume) -> Outcome:
        if asker.address != CLIENT or self.sizes is None:
            return super().ask(asker, ask, resume)
        sizes = self.sizes
        self.driver_bytes += sizes.question(ask)
        if isinstance(ask.request, Order):
            self.orders[ask.request.round] += 1

        def heard(answer: Outcome) -> None:
            self.driver_bytes += sizes.answer(ask, answer)
            resume(answer)

        return super().ask(asker, ask, heard)


def simulate(count: int, topology: str, options: SimOptions = LINK, hidden: int = HIDDEN) -> dict[str, Any]:
    """Run one job, and return the figures of a round."""
    world = CountingWorld(options, EventJournal())
    ring = Ring()
    true = random_ring(ring, count, random.Random(3))
    add_performers(world)
    nodes = true.nodes()
    for node in nodes:
        _start(world, node)
    settings = Settings(
        rounds=ROUNDS, epochs=1, hidden=(hidden,), eta=0.1, batch=8, placement="round-robin", topology=topology
    )
    contents, files = _files(count)
    spec = JobSpec(settings, files[:-1], files[-1], FEATURES, CLASSES, nonce=topology)
    for file in files:
        _store(world, nodes[file.index % count], file, contents[file.digest])
    _store_at_owner(world, true, files[-1], contents[files[-1].digest])
    reported: list[tuple[_Moment, RoundReport]] = []
    driver = Driver(
        spec,
        ring,
        nodes[0].ref,
        "bench",
        clocks(world),
        lambda result, report: reported.append((_moment(world), report)),
    )
    ended: list[Outcome] = []
    process = world.start(CLIENT)
    world.run(process, "client", _drive(spec, ring, nodes[0], driver, clocks(world).version), ended.append)
    world.clock.run_while(lambda: not ended, HOUR_S)
    if not ended or isinstance(ended[0], Exception):
        raise RuntimeError(f"the simulated job has not ended well: {ended}")
    last = reported[-1][1]

    def a_round(what: Callable[[_Moment], float]) -> float:
        return mean(what(later) - what(earlier) for (earlier, _), (later, _) in pairwise(reported))

    return {
        "nodes": count,
        "topology": topology,
        "simulated": True,
        "driver_bytes": round(a_round(lambda m: m.driver_bytes)),
        "bytes": round(a_round(lambda m: m.bytes)),
        "messages": round(a_round(lambda m: m.messages)),
        "apart_s": round(a_round(lambda m: m.now), 3),
        "driver_orders": world.orders[ROUNDS],
        "passed_on": last.passed_on,
        "depth": max(0, len(last.tiers) - 1),
        "seconds": round(median(report.seconds for _, report in reported), 3),
        "model_sha256": digest_of(driver.weights),
    }


def _start(world: World, node: ChordNode) -> None:
    """Start a worker."""
    machine = Machine(world, node.ref.address, Address("supernode", 1), Worker)
    machine.adopt(node)


def _moment(world: CountingWorld) -> _Moment:
    return _Moment(world.driver_bytes, world.bytes, world.messages, world.clock.now)


def _drive(spec: JobSpec, ring: Ring, entry: ChordNode, driver: Driver, version: Callable[[], int]) -> Procedure[Any]:
    yield from jobs.publish(entry.ref, ring, spec, version())
    outcome, _ = yield from gather([driver.drive(), driver.heartbeat()])
    return outcome


def _store(world: World, node: ChordNode, file: TrainingFile, content: bytes) -> None:
    """Store entries as if they had been put."""
    handlers = world.processes[node.ref.address].handlers
    handlers[Write](Write(file.digest, len(content), 0, content))
    handlers[Put](Put.of(Item(Entry(node.ring.key(file.name), file.name, file.digest, len(content)), 1, HOUR_S)))


def _store_at_owner(world: World, true: IdealRing, file: TrainingFile, content: bytes) -> None:
    put = partial(_store, world, file=file, content=content)
    owner = true.owner(true.ring.key(file.name))
    for step in range(true.ring.replicas):
        put(true.node(true.after(true.place(owner) + step)))


def _files(count: int) -> tuple[dict[str, bytes], tuple[TrainingFile, ...]]:
    """Make one file per node, and one for validation."""
    rng = random.Random(7)
    contents, files = {}, []
    for index in range(count + 1):
        labels = [rng.randrange(CLASSES) for _ in range(ROWS)]
        rows = [
            ",".join([*(str(rng.randrange(4) + 3 * label) for _ in range(FEATURES)), str(label)]) for label in labels
        ]
        content = "\n".join(rows).encode()
        contents[digest_of(content)] = content
        files.append(TrainingFile(index, f"file-{index:04d}", digest_of(content), len(content), ROWS))
    return contents, tuple(files)
