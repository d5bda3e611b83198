"""How large a ring the simulator can run: built without joins, then run on the simulated network."""

from __future__ import annotations

import random
import resource
import sys
import time
from functools import partial

from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.refs import Address
from roundelay.chord.ring import Ring
from roundelay.federation.node_core import Loops
from roundelay.sim.figures import OURS_ALONE, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.options import CALM
from roundelay.sim.process import Outcome
from roundelay.sim.world import World

RING = Ring(bits=160, successors=8)
NOBODY = Address("nobody", 1)
RUNS_S = 2.0  # every node stabilizes at least once and checks its fingers
SECONDS_MAX = 60.0
MEMORY_MAX_MIB = 2048.0


class WithoutSupernode(RingProgram):
    """A node that sends no heartbeats, because there is no supernode."""

    def loops(self) -> Loops:
        return {name: begin for name, begin in super().loops().items() if name != "lease"}


def run(seed: int, quick: bool) -> ExperimentResult:
    count, lookups = (500, 50) if quick else (10_000, 1_000)
    begun = time.process_time()
    world = World(CALM, EventJournal())
    true = random_ring(RING, count, random.Random(f"size {seed}"))
    machines = _machines(world, true)
    built_s = time.process_time() - begun
    right = _look_up(world, true, machines, lookups)
    ran_s = time.process_time() - begun - built_s
    rows = (
        FigureRow(("nodes with perfect fingers", count)),
        FigureRow(("seconds of one core to build them", built_s), (Check("seconds", built_s, Band(high=SECONDS_MAX)),)),
        FigureRow((f"seconds of one core to run {RUNS_S:g} s of all of them", ran_s)),
        FigureRow(("messages in that time", world.messages)),
        FigureRow((f"lookups right, of {lookups}", right), (Check("right", right, Band(lookups, lookups)),)),
        FigureRow(("MiB of memory at most", _memory_mib()), (Check("MiB", _memory_mib(), Band(high=MEMORY_MAX_MIB)),)),
    )
    set_up = f"{count:,} nodes with 160-bit identifiers and all their fingers, in one process and one thread."
    return ExperimentResult("size", set_up, (FigureTable("The simulator", OURS_ALONE, ("what", "value"), rows),))


def _machines(world: World, true: IdealRing) -> list[Machine]:
    machines = []
    for node in true.nodes():
        machine = Machine(world, node.ref.address, NOBODY, WithoutSupernode)
        machine.adopt(node)
        machines.append(machine)
    return machines


def _look_up(world: World, true: IdealRing, machines: list[Machine], count: int) -> int:
    """Run the ring for a while with lookups from all over it; return how many were correct."""
    rng, right = world.rng("lookups"), 0

    def ended(key: int, outcome: Outcome) -> None:
        nonlocal right
        right += isinstance(outcome, Route) and outcome.owner == true.owner(key)

    for machine in rng.sample(machines, count):
        key = rng.getrandbits(RING.bits)
        assert machine.process is not None and machine.node is not None
        world.run(machine.process, "lookup", find_successor(machine.node.ref, key), partial(ended, key))
    world.clock.run(RUNS_S)
    return right


def _memory_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
