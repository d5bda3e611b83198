"""Counts of work that must not grow unnoticed. `make check` runs this.

    python -m bench counts            print the counts beside those on record
    python -m bench counts --check    fail if one has grown
    python -m bench counts --record   put them on record (bench/counts.json)

Calls of numpy are counted where the kernels and the optimizers make them. Messages are counted in the simulator, which
runs the whole ring in one thread from one seed; their bytes are those of bench.wire_sizes. A program's start is
counted in modules that it imports (bench.start_times), so that load cannot change any figure here.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from bench.start_times import module_counts, numpy_imports, start_ratios
from bench.wire_sizes import WireSizes
from roundelay.chord.effects import Ask
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import Address
from roundelay.chord.requests import NextHop
from roundelay.chord.ring import Ring
from roundelay.ml import kernels, optimizers
from roundelay.ml.data import Samples
from roundelay.ml.mlp import Architecture, init
from roundelay.ml.train import Shard, train_together
from roundelay.ml.training_plan import TrainConfig
from roundelay.sim.experiments.walks import hops
from roundelay.sim.ideal_ring import random_ring
from roundelay.sim.instant_network import InstantNetwork
from roundelay.sim.jobs import SETTINGS, Job
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine
from roundelay.sim.observed_ring import ObservedRing
from roundelay.sim.options import CALM
from roundelay.sim.process import Outcome, Process, Resume
from roundelay.sim.program import NodeProgram
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World

RECORD = Path(__file__).resolve().parent / "counts.json"
SLACK = 1.02  # for bytes and averages: a longer field name is not a regression
MODULE_SLACK = 1.1  # for imported modules, whose number varies with the version of Python
NODES = 4
SUPERNODE = Address("supernode", 9091)
FORMS_S, IDLE_S, JOB_S = 60.0, 60.0, 120.0
LOOKUP_NODES, LOOKUPS = 1024, 2000
BATCH, STEPS, STACK, CLIP = 32, 20, 8, 1e6

Counts = dict[str, float]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench counts", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if one has grown")
    parser.add_argument("--record", action="store_true", help="put them on record")
    parser.add_argument("--start-times", action="store_true", help="also measure how long each program takes to start")
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    found = count()
    if chosen.record:
        RECORD.write_text(json.dumps(found, indent=2) + "\n")
    before: Counts = json.loads(RECORD.read_text())
    if chosen.json:
        print(json.dumps({"bench": "counts", "counts": found, "on_record": before}))
    else:
        for name, value in found.items():
            print(f"{name}: {value:g}, on record {before.get(name, 0):g}")
    for name, value in (start_ratios() if chosen.start_times else {}).items():
        print(f"{name}: {value:g}")
    grown = [name for name, value in found.items() if value > limit(name, before)]
    for name in grown if chosen.check else ():
        print(
            f"{name} has grown to {found[name]:g}, the limit is {limit(name, before):g}; if that is intended, say why "
            "in the commit and run  python -m bench counts --record",
            file=sys.stderr,
        )
    return 1 if chosen.check and grown else 0


def limit(name: str, before: Counts) -> float:
    """Return what a count may be at most."""
    return (MODULE_SLACK if name.startswith("modules that ") else SLACK) * before.get(name, 0)


def count() -> Counts:
    counts = {**_training(), **_ring(), "hops a lookup, 1,024 nodes": _hops()}
    return {**counts, **module_counts(), "programs that import numpy and should not": numpy_imports()}


# --- a training step


class _Counting:
    """A function or a module of numpy whose calls are counted."""

    def __init__(self, wrapped: Any, calls: Counter[str]) -> None:
        self._wrapped, self._calls = wrapped, calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._wrapped, name)
        is_counted = isinstance(value, np.ufunc) or name in ("copyto", "dot", "reduce")
        return _Counting(value, self._calls) if is_counted else value

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._calls["numpy"] += 1
        return self._wrapped(*arguments, **options)


def _training() -> Counts:
    """Count numpy's calls in a step of SGD and of Adam with one hidden layer, and each file's share in a stack."""
    rng = np.random.default_rng(0)
    samples = Samples(rng.random((BATCH * STEPS, 16), np.float32), rng.integers(0, 26, BATCH * STEPS))  # (n, 16), (n,)
    network, shard, found = Architecture((16, 64, 26)), Shard(samples.rows, lambda: samples, 0), {}
    stacked = f"each of {STACK} files"
    cases: tuple[tuple[str, float, int, str], ...] = (
        ("sgd", 0.0, 1, "sgd"),
        ("adam", 0.0, 1, "adam"),
        ("sgd", 0.0, STACK, f"sgd, {stacked}"),
        ("sgd", CLIP, STACK, f"sgd with clipping, {stacked}"),
    )
    for optimizer, clip, files, what in cases:
        calls: Counter[str] = Counter()
        config = TrainConfig(optimizer, 1, 0.1, BATCH, clip=clip)
        with patch.object(kernels, "np", _Counting(np, calls)), patch.object(optimizers, "np", _Counting(np, calls)):
            train_together(network, init(network, 0), [shard] * files, config)
        found[f"numpy calls a step, {what}"] = calls["numpy"] / STEPS / files
    return found


# --- a ring of four, idle and with a job


class CountingWorld(World):
    """A world that counts the requests of each process, and the bytes of requests and replies."""

    def __init__(self) -> None:
        super().__init__(CALM, EventJournal())
        self.asked: Counter[Address] = Counter()
        self.hops: Counter[Address] = Counter()  # counted apart: their number depends on where a key lies
        self.sent: Counter[Address] = Counter()  # bytes of requests and replies, by the process that asks
        self._sizes = WireSizes()
        self._askers: dict[int, Address] = {}

    @property
    def requests(self) -> int:
        """The number of all requests so far."""
        return (self.asked + self.hops).total()

    def ask(self, asker: Process, ask: Ask, resume: Resume) -> Outcome:
        to = ask.to if isinstance(ask.to, Address) else ask.to.address
        if to != asker.address and isinstance(ask.request, NextHop):
            self.hops[asker.address] += 1
        elif to != asker.address:
            self._askers[id(ask)] = asker.address
            self.asked[asker.address] += 1
            self.sent[asker.address] += self._sizes.question(ask)
        return super().ask(asker, ask, resume)

    def answer(self, process: Process, ask: Ask) -> Outcome:
        outcome = super().answer(process, ask)
        asker = self._askers.pop(id(ask), None)
        if asker is not None:
            self.sent[asker] += self._sizes.answer(ask, outcome)
        return outcome


class _LivingClient(Job):
    """A job whose client is not killed."""

    def _kill_client(self, scene: ObservedRing) -> None:
        pass


def _ring() -> Counts:
    world = CountingWorld()
    scene = form(world)
    asked_before = world.requests
    world.clock.run(world.clock.now + IDLE_S)
    idle = (world.requests - asked_before) / IDLE_S / NODES
    job, client = _LivingClient(), Address("client-0", 1)
    job.start(scene)
    world.clock.run(world.clock.now + JOB_S)
    assert job.summary().endswith("saw it end") or "tuple" in job.summary(), job.summary()
    rounds = SETTINGS.rounds + 1
    return {
        "calls a second of an idle node, 4 nodes": round(idle, 3),
        "calls a round of the client besides hops, 4 nodes": round(world.asked[client] / rounds, 2),
        "bytes a round of the client besides hops, 4 nodes": round(world.sent[client] / rounds),
    }


def form(world: World, count: int = NODES) -> ObservedRing:
    """Return a ring of nodes with all their loops, which has just formed."""
    ring = Ring(160, 8, 3)
    supernode = SimSupernode(world, ring, SUPERNODE)
    machines = [Machine(world, Address(f"n{i:02}", 5000), SUPERNODE, NodeProgram) for i in range(count)]
    supernode.boot()
    for number, machine in enumerate(machines):
        world.clock.after(0.1 * number, machine.boot)
    world.clock.run(FORMS_S)
    scene = ObservedRing(world, ring, supernode, machines)
    assert len(scene.members) == count, "the ring has not formed"
    return scene


def _hops() -> float:
    """Return the mean number of hops over random keys, with perfect fingers."""
    rng = random.Random(0)
    true = random_ring(Ring(160, 8, 3), LOOKUP_NODES, rng)
    direct = InstantNetwork(true.nodes())
    total = sum(hops(direct.run(find_successor(rng.choice(true.refs), rng.getrandbits(160)))) for _ in range(LOOKUPS))
    return round(total / LOOKUPS, 3)
