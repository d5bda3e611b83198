"""The scale: rings of real nodes here, thousands in the simulator, and what is stored on them.

Real nodes are processes on loopback. Simulated ones run the same code in one thread, 50 ms a message.
"""

from __future__ import annotations

import math
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

from bench import ends, published, vitals
from bench.figures import Limit, Line, Table
from bench.ring import ProcessRing, Stuck
from chord import protocol
from chord.blobs import digest_of
from chord.effects import Ask, Procedure
from chord.lookup import Route, find_successor
from chord.node import ChordNode
from chord.refs import Address, NodeRef
from chord.ring import Ring
from chord.storing import get, put
from cli.entry import Entry, client_runtime, find_member
from node.addresses import read
from sim.direct import Direct
from sim.experiments.size import WithoutSupernode
from sim.journal import Journal
from sim.machine import Machine
from sim.options import CALM
from sim.perfect import random_ring
from sim.process import Outcome
from sim.world import World

ABOUT = "The scale: rings of many nodes"
REAL = (4, 16, 64)
REAL_BUDGET_S = 90.0  # a larger ring is left out when this is spent
FORM_PATIENCE_S = 90.0
LOOKUPS = 300
SIMULATED = (1000, 3000, 10_000)
SETTLED_S, SIMULATED_S = 8.0, 2.0  # fingers are looked at often at first: until then nothing is counted
LINK = replace(CALM, latency_s=0.05)
JOINS = 8
SIMULATED_LOOKUPS = 200
RING = Ring(160, 8, 3)
FILES, FILE_BYTES, LARGE_BYTES = 1000, 20_000, 200 << 20


def main(arguments: Sequence[str]) -> int:
    return published.main("scale", ABOUT, measure, arguments)


def measure() -> list[Table]:
    began = time.monotonic()
    tables = []
    with tempfile.TemporaryDirectory(prefix="roundelay-bench-") as folder:
        for count in REAL:
            if time.monotonic() - began < REAL_BUDGET_S:
                tables.append(_real(Path(folder) / str(count), count))
        tables.append(_simulated())
        tables.append(_stored(Path(folder) / "stored"))
    return tables


# --- real nodes


def _real(folder: Path, count: int) -> Table:
    title = f"{count} real nodes"
    ring = ProcessRing(folder)
    began = time.monotonic()
    try:
        ring.start_supernode()
        for _ in range(count):
            ring.add_node()
        for node in ring.nodes:
            node.port = node.listening_port()
        ring.wait_whole(FORM_PATIENCE_S)
        formed_s = time.monotonic() - began
        memory = [vitals.take(node.pid).memory_kib / 1024 for node in ring.nodes]
        times = sorted(_lookup_ms(ring))
    except Stuck as error:
        return Table(title, (Line("time to form", "s", None, why_not=str(error)[:80]),))
    finally:
        ring.stop()
    return Table(title, (
        Line("time to form, from the first command", "s", formed_s),
        Line("memory of a node without its trainer, median", "MB", median(memory), limit=Limit(50.0, at_least=False)),
        Line("a lookup, p50", "ms", median(times)), Line("a lookup, p99", "ms", times[len(times) * 99 // 100]),
    ))


def _lookup_ms(ring: ProcessRing) -> list[float]:
    """Random keys, from a client."""
    runtime, rng, times = client_runtime(), random.Random(0), []
    entry = _entry(ring)
    for _ in range(LOOKUPS):
        began = time.perf_counter()
        runtime.run(find_successor(entry.node, rng.getrandbits(entry.ring.bits)))
        times.append(1000 * (time.perf_counter() - began))
    runtime.stop(1.0)
    return times


def _entry(ring: ProcessRing) -> Entry:
    runtime = client_runtime()
    return runtime.run(find_member(Address(ends.HOST, ring.supernode.port), read(ring.node_list).nodes))


# --- simulated nodes


def _simulated() -> Table:
    """What lookups, joins and upkeep cost as the ring grows."""
    lookups, joins, upkeep, lines = [], [], [], []
    for count in SIMULATED:
        per_lookup, seconds, per_second = _run(count)
        per_join = _join_cost(count)
        lookups.append(per_lookup)
        joins.append(per_join)
        upkeep.append(per_second)
        lines += [
            Line(f"{count:,} nodes: questions a lookup", "", per_lookup),
            Line(f"{count:,} nodes: a lookup, 50 ms a message", "simulated s", seconds),
            Line(f"{count:,} nodes: questions a join, with its fingers", "", per_join),
            Line(f"{count:,} nodes: questions a node and second", "", per_second, limit=Limit(8.0, at_least=False)),
        ]
    logs = [math.log2(count) for count in SIMULATED]
    exponent = _slope([math.log(x) for x in logs], [math.log(asked) for asked in joins])
    lines += [
        Line("lookup: questions for each doubling of the nodes", "", _slope(logs, lookups),
             limit=Limit(1.0, at_least=False)),
        Line("join: the exponent of log N that fits", "", exponent, limit=Limit(2.0, at_least=False)),
        Line("upkeep: the largest ring's over the smallest's", "", upkeep[-1] / upkeep[0],
             limit=Limit(1.5, at_least=False)),
    ]
    return Table("In the simulator", tuple(lines), ("The rings are built whole, and then run; links of 50 ms.",))


def _run(count: int) -> tuple[float, float, float]:
    """Questions a lookup, its simulated seconds, and questions a node and second beside it."""
    world, true = World(LINK, Journal()), random_ring(RING, count, random.Random(count))
    machines = []
    for node in true.nodes():
        machine = Machine(world, node.ref.address, Address("nobody", 1), WithoutSupernode)
        machine.adopt(node)
        machines.append(machine)
    world.clock.run(SETTLED_S)
    before = world.messages
    world.clock.run(SETTLED_S + SIMULATED_S)
    per_second = (world.messages - before) / 2 / SIMULATED_S / count
    rng, questions, seconds = world.rng("lookups"), [], []

    def ended(began: float, outcome: Outcome) -> None:
        if isinstance(outcome, Route):
            questions.append(len(outcome.steps))
            seconds.append(world.clock.now - began)

    for machine in rng.sample(machines, min(len(machines), SIMULATED_LOOKUPS)):
        assert machine.process is not None and machine.node is not None
        walk = find_successor(machine.node.ref, rng.getrandbits(RING.bits))
        world.run(machine.process, "lookup", walk, lambda outcome, at=world.clock.now: ended(at, outcome))  # type: ignore[misc]
    world.clock.run(world.clock.now + SIMULATED_S)
    return mean(questions), median(seconds), per_second


class _Asked(Direct):
    """Counts every question."""

    questions = 0

    def _ask(self, ask: Ask) -> object:
        self.questions += 1
        return super()._ask(ask)


def _join_cost(count: int) -> float:
    """Questions that a joiner asks until it is a member and all its fingers are right."""
    rng = random.Random(count)
    true = random_ring(RING, count, rng)
    direct, costs = _Asked(true.nodes()), []
    for number in range(JOINS):
        node = ChordNode(NodeRef(rng.getrandbits(RING.bits), f"joiner-{number}", 1), RING)
        direct.add(node)
        before = direct.questions
        direct.run(protocol.join(node, rng.choice(true.refs)))
        direct.run(protocol.fix_fingers(node))
        costs.append(direct.questions - before)
    return mean(costs)


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    return vitals.slope(x, y)


# --- what is stored


def _stored(folder: Path) -> Table:
    """Many small files and a large one, as the client writes them: one copy, or three."""
    ring, lines = ProcessRing(folder), []
    try:
        ring.form(4)
        entry = _entry(ring)
        for copies in (1, 3):
            lines += _put_and_get(entry, replace(entry.ring, replicas=copies), copies)
        memory = max(vitals.take(node.pid).memory_kib / 1024 for node in ring.nodes)
        lines.append(Line("memory of the fullest node at the end", "MB", memory))
    finally:
        ring.stop()
    return Table("Put and get on 4 nodes, in memory", tuple(lines))


def _put_and_get(entry: Entry, ring: Ring, copies: int) -> list[Line]:
    runtime, rng = client_runtime(), random.Random(copies)
    small = {f"small-{copies}-{i}": rng.randbytes(FILE_BYTES) for i in range(FILES)}
    large = rng.randbytes(LARGE_BYTES)

    def put_one(name: str, content: bytes) -> Procedure[object]:
        return put(entry.node, ring, ring.key(name), name, content, time.time_ns())

    def seconds(procedures: Sequence[Procedure[object]]) -> float:
        began = time.monotonic()
        for procedure in procedures:
            runtime.run(procedure)
        return time.monotonic() - began

    put_s = seconds([put_one(name, content) for name, content in small.items()])
    get_s = seconds([get(entry.node, ring, ring.key(name), name) for name in small])
    before = ends.reset_peak()
    large_put_s = seconds([put_one(f"large-{copies}", large)])
    large_get_s = seconds([get(entry.node, ring, ring.key(f"large-{copies}"), f"large-{copies}", digest_of(large))])
    peak, mb = ends.peak_mb() - before, LARGE_BYTES / (1 << 20)
    runtime.stop(1.0)
    what = f"{copies} cop{'y' if copies == 1 else 'ies'}"
    return [
        Line(f"put {FILES:,} files of 20 KB, {what}", "files/s", FILES / put_s),
        Line(f"get {FILES:,} files of 20 KB, {what}", "files/s", FILES / get_s),
        Line(f"put a file of 200 MB, {what}", "MB/s", mb / large_put_s),
        Line(f"get a file of 200 MB, {what}", "MB/s", mb / large_get_s),
        Line(f"the client's memory meanwhile, {what}", "MB", peak, limit=Limit(1.2 * mb + 10, at_least=False)),
    ]
