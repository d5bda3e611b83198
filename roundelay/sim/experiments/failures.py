"""Failed lookups after simultaneous failures. Paper, figure 11; and the effect of replication.

All keys of a node's arc are found or lost together, so one lookup per arc, weighted by its keys, stands for a lookup
of every key. The nodes stabilize with the procedures of chord/ until the ring is Ideal. Copies are on the owner and
its next successors, as in the store, by the nodes' own lists.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from roundelay.chord import protocol
from roundelay.chord.lookup import find_successor
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.published import FAILURES
from roundelay.sim.experiments.repair import lost_with_repair
from roundelay.sim.figures import READ_2001, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.instant_network import InstantNetwork
from roundelay.sim.plot import Plot, PlotSeries

RING = Ring(bits=32, successors=20, replicas=3)
ROUNDS_MAX = 20  # of stabilization after a failure


@dataclass(frozen=True)
class Size:
    nodes: int
    keys: int
    repetitions: int
    fractions: tuple[float, ...]
    widened: float  # bands, for a single draw: arcs of random length vary by sqrt(2.5 q / N)


FULL = Size(10_000, 1_000_000, 3, tuple(FAILURES), 1.0)
QUICK = Size(1_000, 100_000, 1, (0.05, 0.20), math.sqrt(2.5))


@dataclass(frozen=True)
class Loss:
    """The fraction of keys whose lookup fails: without and with copies."""

    alone: float
    copies: float


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    losses: dict[float, list[Loss]] = {p: [] for p in size.fractions}
    repaired: dict[float, float] = dict.fromkeys(size.fractions, 0.0)
    for repetition in range(size.repetitions):
        rng = random.Random(f"failures {seed} {repetition}")
        for p, draws in losses.items():
            draws.append(_at_once(p, size, rng))
        for p, lost in lost_with_repair(random_ring(RING, size.nodes, rng), size.fractions, rng).items():
            repaired[p] = max(repaired[p], lost)
    set_up = (
        f"{size.nodes:,} nodes, {RING.successors} successors, {size.keys:,} keys, mean of {size.repetitions} "
        "repetitions; a fraction p of the nodes fails at once, the ring stabilises, then every key is looked up. "
        "A lookup has failed if it finds no node that held the key before."
    )
    return ExperimentResult("failures", set_up, (_table(size, losses, repaired),), (_plot(losses),))


def _at_once(p: float, size: Size, rng: random.Random) -> Loss:
    full = random_ring(RING, size.nodes, rng)
    direct = InstantNetwork(full.nodes())
    keys = np.random.default_rng(rng.getrandbits(64)).integers(RING.size, size=size.keys)  # (keys,)
    owners = np.searchsorted(np.array(full.identifiers), keys) % size.nodes  # (keys,)
    weights = np.bincount(owners, minlength=size.nodes) / size.keys  # (nodes,) the arcs' shares of all keys
    for ref in rng.sample(full.refs, round(p * size.nodes)):
        direct.remove(ref)
    stabilize_all(direct)
    living = list(direct.nodes)
    found = [direct.run(find_successor(rng.choice(living), ref.id)).nodes for ref in full.refs]
    holders = [[full.after(i + copy) for copy in range(RING.replicas)] for i in range(size.nodes)]
    alone = sum(w for w, nodes, held in zip(weights, found, holders, strict=True) if nodes[0] != held[0])
    copies = sum(
        w
        for w, nodes, held in zip(weights, found, holders, strict=True)
        if not set(nodes[: RING.replicas + 1]) & set(held)
    )
    return Loss(float(alone), float(copies))


def stabilize_all(direct: InstantNetwork) -> None:
    """Stabilize in rounds until the ring is Ideal, then find all fingers.

    Each round goes backwards round the ring, so that a node adopts a list that is already up to date.
    """
    true = IdealRing(RING, direct.nodes)
    order = [direct.nodes[ref] for ref in reversed(true.refs)]
    for _ in range(ROUNDS_MAX):
        for node in order:
            direct.attempt(protocol.stabilize(node))
            direct.settle()
        if all(node.successors == true.successors(node.ref) for node in order):
            break
    else:
        raise AssertionError(f"not Ideal after {ROUNDS_MAX} rounds")
    for node in order:
        direct.run(protocol.fix_fingers(node))


def _table(size: Size, losses: dict[float, list[Loss]], repaired: dict[float, float]) -> FigureTable:
    rows = []
    for p, draws in losses.items():
        alone, copies = (sum(x) / len(draws) for x in zip(*((d.alone, d.copies) for d in draws), strict=True))
        paper, low, high = FAILURES[p]
        checks = (
            Check("alone", alone, _around(p, size)),
            Check("3 copies", copies, _around(p**RING.replicas, size)),
            Check("with repair", repaired[p], Band(0, 0)),
        )
        rows.append(FigureRow((p, alone, f"{paper} ({low} to {high})", copies, p**RING.replicas, repaired[p]), checks))
    return FigureTable(
        "Failed lookups after failures (Fig. 11)",
        READ_2001,
        ("p", "failed", "failed paper (95 %)", "3 copies", "p^3", "3 copies, repair between"),
        tuple(rows),
        (
            "The bands are 3 sqrt(q (1 - q) / N) around q = p, and around q = p^3 with copies"
            + (f", times {size.widened:.2f} for a single draw." if size.widened > 1 else "."),
            f"With repair the same fraction fails, {RING.replicas - 1} nodes at a time; before the next ones fail "
            "their neighbours stabilise and the copies are made up again.",
        ),
    )


def _around(q: float, size: Size) -> Band:
    by = 3 * size.widened * math.sqrt(q * (1 - q) / size.nodes)
    return Band(max(0.0, q - by), q + by)


def _plot(losses: dict[float, list[Loss]]) -> Plot:
    def curve(of: str) -> tuple[tuple[float, float], ...]:
        return tuple((p, sum(getattr(d, of) for d in draws) / len(draws)) for p, draws in losses.items())

    paper = tuple((p, value) for p, (value, _, _) in FAILURES.items())
    intervals = tuple((p, low, high) for p, (_, low, high) in FAILURES.items())
    return Plot(
        "failures",
        "Failed lookups after simultaneous failures",
        "fraction of failed nodes",
        "failed lookups",
        (
            PlotSeries("no copies, ours", curve("alone")),
            PlotSeries("no copies, paper", paper, intervals, joined=False),
            PlotSeries("3 copies, ours", curve("copies")),
        ),
    )
