"""Lookups after many nodes have died at once, without repair. 2003, table II (recalled)."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from roundelay.chord.errors import LookupFailed
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.published import HALF_DEAD, HALF_DEAD_REFERENCE
from roundelay.sim.experiments.walks import hops, mean, percentile, reach
from roundelay.sim.figures import RECALLED_2003, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.instant_network import InstantNetwork
from roundelay.sim.plot import Plot, PlotSeries

RING = Ring(bits=32, successors=20, replicas=1)
NODES = 1000


@dataclass(frozen=True)
class Size:
    fractions: tuple[float, ...]
    lookups: int


FULL = Size(tuple(HALF_DEAD), 10_000)
QUICK = Size((0.0, 0.5), 1_000)


@dataclass(frozen=True)
class Tally:
    """The lookups with one fraction of dead nodes."""

    paths: Counter[int]
    timeouts: Counter[int]
    failed: int


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    tallies = {p: _tally(p, size.lookups, random.Random(f"half-dead {seed} {p}")) for p in size.fractions}
    set_up = (
        f"{NODES:,} nodes with {RING.successors} successors; each dies with probability p and nothing is "
        f"repaired: dead fingers and successors stay. {size.lookups:,} lookups by the living."
    )
    return ExperimentResult("half-dead", set_up, (_table(tallies),), (_plot(tallies),))


def _tally(p: float, lookups: int, rng: random.Random) -> Tally:
    """Run lookups; one has failed if it does not reach the live successor of its key."""
    full = random_ring(RING, NODES, rng)
    direct = InstantNetwork(full.nodes())
    for ref in full.refs:
        if rng.random() < p:
            direct.remove(ref)
    living = IdealRing(RING, direct.nodes)
    paths, timeouts, failed = Counter[int](), Counter[int](), 0
    for _ in range(lookups):
        key = rng.getrandbits(RING.bits)
        try:
            reached = direct.run(reach(rng.choice(living.refs), key))
        except LookupFailed:
            failed += 1
            continue
        failed += reached.node != living.owner(key)
        paths[hops(reached.route)] += 1
        timeouts[reached.timeouts] += 1
    return Tally(paths, timeouts, failed)


def _table(tallies: dict[float, Tally]) -> FigureTable:
    rows = []
    for p, tally in tallies.items():
        check = Check("failed", tally.failed, Band(0, 0))
        paths, timeouts = (
            f"{mean(c):.2f} ({percentile(c, 1)}, {percentile(c, 99)})" for c in (tally.paths, tally.timeouts)
        )
        recalled, reference = HALF_DEAD[p], HALF_DEAD_REFERENCE[p]
        rows.append(
            FigureRow(
                (p, paths, recalled[0], reference[0], timeouts, recalled[1], reference[1], tally.failed), (check,)
            )
        )
    return FigureTable(
        "Simultaneous failures without repair (Table II)",
        RECALLED_2003,
        (
            "p",
            "path (p1, p99)",
            "path recalled",
            "path reference",
            "timeouts (p1, p99)",
            "timeouts recalled",
            "timeouts reference",
            "failed",
        ),
        tuple(rows),
        (
            "Path: hops to the key's predecessor. Timeouts: contacts to dead nodes, the named owner included, "
            "each dead node once a lookup. Reference: an independent simulation of this set-up.",
        ),
    )


def _plot(tallies: dict[float, Tally]) -> Plot:
    paths = tuple((p, mean(t.paths)) for p, t in tallies.items())
    timeouts = tuple((p, mean(t.timeouts)) for p, t in tallies.items())
    return Plot(
        "half-dead",
        "Simultaneous failures without repair",
        "fraction dead",
        "mean per lookup",
        (
            PlotSeries("path, ours", paths),
            PlotSeries("path, recalled", tuple((p, v[0]) for p, v in HALF_DEAD.items()), joined=False),
            PlotSeries("timeouts, ours", timeouts),
            PlotSeries("timeouts, recalled", tuple((p, v[1]) for p, v in HALF_DEAD.items()), joined=False),
        ),
    )
