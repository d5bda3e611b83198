"""Costs of rings of 1,000 to 10,000 simulated nodes, over links of 50 ms and 100 Mbit/s.

The rings are built converged. For lookups and joins the nodes only answer; for the maintenance an arc of neighbours
runs all periodic procedures, and its calls are counted. Bytes are those of the encoded messages (bench.wire_sizes).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean, median
from typing import Any

from bench import simulated
from bench.figures import Limit, Line, Table
from bench.message_counter import Tally, count_messages
from bench.scale_growth import Cost, RingCosts, growth
from bench.wire_sizes import WireSizes
from roundelay.chord import maintenance, protocol
from roundelay.chord.dispatch import ring_handlers
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation.node_core import Loops
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.journal import EventJournal
from roundelay.sim.machine import Machine, RingProgram
from roundelay.sim.options import CALM
from roundelay.sim.process import Outcome
from roundelay.sim.world import World

SIZES = (1000, 2000, 3000, 5000, 10_000)
SHOWN = (1000, 3000, 10_000)
LINKS = replace(CALM, latency_s=0.05, bandwidth_mbit_s=100.0)
RING = Ring(160, 8, 3)
UNUSED = Address("unused", 1)
LOOKUPS, JOINS = 300, 24
WALKS_S = 60.0  # longer than any lookup or join takes
ARC = 200  # neighbours that run the maintenance
SETTLES_S, MAINTENANCE_S = 6.0, 2 * maintenance.FINGERS_INTERVAL_MAX_S  # periods of the slowest loop
JOB_NODES, HIDDEN = 1000, 256
IDLE_LIMIT = 8.0


def measure() -> list[Table]:
    found = [_of_size(count) for count in SIZES]
    return [_costs([each for each in found if each.nodes in SHOWN]), growth(found), _jobs()]


def _costs(found: Sequence[RingCosts]) -> Table:
    lines = []
    for each in found:
        for what, cost in (("a lookup", each.lookup), ("a join with its fingers", each.join)):
            about = f"{each.nodes:,} nodes: {what}"
            lines += [
                Line(about, "messages", cost.messages),
                Line(about, "bytes", cost.bytes),
                Line(about, "simulated s", cost.seconds),
            ]
        about = f"{each.nodes:,} nodes: upkeep of a node"
        lines += [
            Line(about, "calls/s", each.calls, limit=Limit(IDLE_LIMIT, at_least=False)),
            Line(about, "bytes/s", each.bytes),
        ]
    return Table(
        "Simulated nodes, links of 50 ms and 100 Mbit/s",
        tuple(lines),
        (
            f"Means of {LOOKUPS} lookups and {JOINS} joins side by side, their seconds medians. A join ends when "
            "the joiner is a member and its finger table is whole.",
            f"Upkeep: {ARC} neighbours of the ring do all that nodes do, for {MAINTENANCE_S:g} simulated seconds; "
            "all answer.",
        ),
    )


# --- one size


class Answering(RingProgram):
    """A node that only answers."""

    def loops(self) -> Loops:
        return {}


class Maintaining(RingProgram):
    """A node that joined long ago: it stabilizes, and checks its fingers at the longest interval."""

    def loops(self) -> Loops:
        node, rng, tally = self.node, self.machine.world.rng, self.machine.world.tally  # type: ignore[attr-defined]
        life = str(node.ref.address)

        def counted(loop: Procedure[None]) -> Procedure[None]:
            return count_messages(node.ref, loop, WireSizes(), tally)

        pause_s = maintenance.FINGERS_INTERVAL_MAX_S
        return {
            "neighbours": lambda: counted(maintenance.stabilize_loop(node, rng(f"neighbours {life}"))),
            "fingers": lambda: counted(maintenance.fix_fingers_loop(node, rng(f"fingers {life}"), pause_s)),
        }


class TalliedWorld(World):
    """A world with the tally of its maintaining nodes' calls."""

    def __init__(self) -> None:
        super().__init__(LINKS, EventJournal(), WireSizes())
        self.tally = Tally()


def _of_size(count: int) -> RingCosts:
    true = random_ring(RING, count, random.Random(count))
    calls, bytes_ = _maintenance(true)
    world = TalliedWorld()
    nodes = true.nodes()
    _adopt(world, nodes, 0)
    rng = world.rng("walks")
    lookups = [_lookup(world, rng.choice(nodes), rng.getrandbits(RING.bits)) for _ in range(LOOKUPS)]
    joins = [_join(world, rng.choice(nodes), rng.getrandbits(RING.bits), number) for number in range(JOINS)]
    world.clock.run(WALKS_S)
    return RingCosts(count, _mean(lookups), _mean(joins), calls, bytes_)


def _adopt(world: World, nodes: Sequence[ChordNode], keepers: int) -> None:
    """Have all nodes answer, and the first `count` run the maintenance as well."""
    for place, node in enumerate(nodes):
        Machine(world, node.ref.address, UNUSED, Maintaining if place < keepers else Answering).adopt(node)


def _maintenance(true: IdealRing) -> tuple[float, float]:
    """Return the calls and bytes of maintenance per node and second."""
    world = TalliedWorld()
    _adopt(world, true.nodes(), ARC)
    world.clock.run(SETTLES_S)
    requests, bytes_ = world.tally.requests, world.tally.bytes
    world.clock.run(SETTLES_S + MAINTENANCE_S)
    share = 1 / ARC / MAINTENANCE_S
    return (world.tally.requests - requests) * share, (world.tally.bytes - bytes_) * share


class Walk:
    """One procedure, its cost, and how long it took."""

    def __init__(self, world: World, address: Address, me: NodeRef, procedure: Procedure[Any]) -> None:
        self.tally, self.seconds = Tally(), math.nan
        self._clock, self._began = world.clock, world.clock.now
        world.run(world.processes[address], "walk", count_messages(me, procedure, WireSizes(), self.tally), self._ended)

    def _ended(self, outcome: Outcome) -> None:
        if not isinstance(outcome, ChordError):
            self.seconds = self._clock.now - self._began


def _lookup(world: World, start: ChordNode, key: int) -> Walk:
    return Walk(world, start.ref.address, start.ref, find_successor(start.ref, key))


def _join(world: World, bootstrap: ChordNode, identifier: int, number: int) -> Walk:
    node = ChordNode(NodeRef(identifier, f"joiner-{number}", 1), RING)
    process = world.start(node.ref.address)
    process.ref, process.handlers = node.ref, ring_handlers(node)
    return Walk(world, node.ref.address, node.ref, _enter(node, bootstrap.ref))


def _enter(node: ChordNode, bootstrap: NodeRef) -> Procedure[None]:
    yield from protocol.join(node, bootstrap)
    yield from protocol.fix_fingers(node)


def _mean(walks: Sequence[Walk]) -> Cost:
    """Return the mean cost. Raises RuntimeError if a walk has not ended."""
    if any(math.isnan(walk.seconds) for walk in walks):
        raise RuntimeError("a simulated walk has not come to its end")
    return Cost(
        mean(w.tally.messages for w in walks), mean(w.tally.bytes for w in walks), median(w.seconds for w in walks)
    )


# --- a whole job


def _jobs() -> Table:
    """Measure a round of a job in which every node trains one small file."""
    lines, rounds = [], {}
    for topology in ("star", "tree"):
        for links, options in (("50 ms alone", replace(LINKS, bandwidth_mbit_s=0.0)), ("50 ms, 100 Mbit/s", LINKS)):
            found = simulated.simulate(JOB_NODES, topology, options, HIDDEN)
            rounds[topology, links] = found
            lines.append(Line(f"{topology}, {links}: a round", "simulated s", found["apart_s"]))
        lines += [
            Line(f"{topology}: messages a round", "", found["messages"]),
            Line(f"{topology}: bytes a round", "MB", found["bytes"] / 1e6),
            Line(f"{topology}: bytes a round at the driver", "MB", found["driver_bytes"] / 1e6),
        ]
    hashes = {found["model_sha256"] for found in rounds.values()}
    lines.append(Line("different models made", "", len(hashes), limit=Limit(1, at_least=False)))
    return Table(
        f"A job on {JOB_NODES:,} simulated nodes",
        tuple(lines),
        (
            f"Every node trains one file of {simulated.ROWS} rows in every round, layers "
            f"{simulated.FEATURES}-{HIDDEN}-{simulated.CLASSES}; a training takes half a simulated second. "
            f"Means of {simulated.ROUNDS - 1} rounds.",
        ),
    )
