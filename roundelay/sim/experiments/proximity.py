"""Proximity-aware fingers: each finger is the nearest of the first few nodes of its interval.

A finger may be any node of its interval at the cost of at most one more hop. Routing is that of chord/, which does not
depend on how the fingers were chosen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.published import STRETCH
from roundelay.sim.experiments.walks import hops
from roundelay.sim.figures import RECALLED_2003, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.ideal_ring import IdealRing, random_ring
from roundelay.sim.instant_network import InstantNetwork
from roundelay.sim.plot import Plot, PlotSeries

RING = Ring(bits=32, successors=1, replicas=1)
CANDIDATES = (1, 2, 4, 8, 16)
NEVER_WORSE = 1.02  # than with fewer candidates, but for chance

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Size:
    nodes: int
    lookups: int
    most_left: float  # of the stretch with one candidate, when there are 16


FULL = Size(10_000, 20_000, 0.65)
QUICK = Size(1_000, 1_000, 0.75)  # a smaller ring has fewer intervals with 16 nodes in them


@dataclass(frozen=True)
class Costs:
    """The costs of lookups with one number of candidates: the stretch of each, and the mean number of hops."""

    iterative: Floats
    recursive: Floats
    hops: float


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    rng = random.Random(f"proximity {seed}")
    true = random_ring(RING, size.nodes, rng)
    homes = np.random.default_rng(seed).random((size.nodes, 3))  # (nodes, 3) corners of a cube of side 1
    lookups = [(rng.randrange(size.nodes), rng.getrandbits(RING.bits)) for _ in range(size.lookups)]
    costs = {s: _costs(true, homes, s, lookups) for s in CANDIDATES}
    set_up = (
        f"{size.nodes:,} nodes at random places of a cube, round trips as long as the way; each finger is the "
        "nearest of the first s nodes of its interval. Stretch: the time until the owner has answered over a "
        f"round trip to it; {size.lookups:,} lookups."
    )
    return ExperimentResult("proximity", set_up, (_table(costs, size),), (_plot(costs),))


def _costs(true: IdealRing, homes: Floats, candidates: int, lookups: list[tuple[int, int]]) -> Costs:
    nodes = true.nodes()
    for node, places in zip(nodes, nearest_fingers(true, homes, candidates), strict=True):
        node.set_fingers(tuple(true.refs[place] for place in places))
    direct = InstantNetwork(nodes)
    iterative, recursive, lengths = [], [], []
    for start, key in lookups:
        route = direct.run(find_successor(true.refs[start], key))
        owner = true.place(route.owner)
        if owner != start:
            direct_way = float(np.linalg.norm(homes[start] - homes[owner]))
            there_and_back, onward = _ways(true, homes, route)
            iterative.append(there_and_back / direct_way)
            recursive.append((onward + direct_way) / (2 * direct_way))
            lengths.append(hops(route))
    return Costs(np.array(iterative), np.array(recursive), sum(lengths) / len(lengths))


def nearest_fingers(true: IdealRing, homes: Floats, candidates: int) -> Places:
    """Return for each node and finger the place of the nearest of the interval's first nodes: (nodes, bits)."""
    identifiers = np.array(true.identifiers)  # (nodes,)
    fingers = np.empty((len(true), RING.bits), np.intp)  # (nodes, bits)
    for i in range(RING.bits):
        first = np.searchsorted(identifiers, (identifiers + (1 << i)) % RING.size)  # (nodes,)
        beyond = np.searchsorted(identifiers, (identifiers + (2 << i)) % RING.size)  # (nodes,)
        inside = np.maximum((beyond - first) % len(true), 1)  # (nodes,) an empty interval has its successor
        choices = (first[:, None] + np.arange(candidates)) % len(true)  # (nodes, s)
        ways = np.linalg.norm(homes[choices] - homes[:, None], axis=2)  # (nodes, s)
        ways[np.arange(candidates) >= inside[:, None]] = np.inf
        fingers[:, i] = choices[np.arange(len(true)), ways.argmin(axis=1)]
    return fingers


def _ways(true: IdealRing, homes: Floats, route: Route) -> tuple[float, float]:
    """Return the distance that the requests of an iterative lookup travel, and that of a recursive one."""
    stops = homes[[true.place(ref) for ref in (*(step.node for step in route.steps), route.owner)]]  # (hops + 2, 3)
    there_and_back = np.linalg.norm(stops[1:] - stops[0], axis=1).sum()
    onward = np.linalg.norm(np.diff(stops, axis=0), axis=1).sum()
    return float(there_and_back), float(onward)


def _table(costs: dict[int, Costs], size: Size) -> FigureTable:
    rows = []
    fewer = alone = costs[1]
    for s, cost in costs.items():
        checks = [
            Check("iterative, with fewer = 1", _gain(cost.iterative, fewer.iterative), Band(high=NEVER_WORSE)),
            Check("recursive, with fewer = 1", _gain(cost.recursive, fewer.recursive), Band(high=NEVER_WORSE)),
        ]
        if s == CANDIDATES[-1]:
            gain = _gain(cost.recursive, alone.recursive)
            checks.append(Check("recursive, s = 1 as 1", gain, Band(high=size.most_left)))
        rows.append(
            FigureRow(
                (s, cost.hops, _spread(cost.iterative), STRETCH[s][0], _spread(cost.recursive), STRETCH[s][1]),
                tuple(checks) if s > 1 else (),
            )
        )
        fewer = cost
    return FigureTable(
        "Stretch with s candidates per finger (Table IV)",
        RECALLED_2003,
        ("s", "hops", "iterative (p10, p90)", "iterative recalled", "recursive (p10, p90)", "recursive recalled"),
        tuple(rows),
        (
            "The recalled columns are of another set-up (a larger ring) and only show what to expect. Lookups "
            "of this project are iterative; the recursive column is what forwarding would gain.",
        ),
    )


def _gain(ours: Floats, theirs: Floats) -> float:
    return float(np.median(ours) / np.median(theirs))


def _spread(values: Floats) -> str:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return f"{middle:.1f} ({low:.1f}, {high:.1f})"


def _plot(costs: dict[int, Costs]) -> Plot:
    def curve(name: str) -> tuple[tuple[float, float], ...]:
        return tuple((float(s), float(np.median(getattr(cost, name)))) for s, cost in costs.items())

    return Plot(
        "proximity",
        "Proximity-aware fingers",
        "candidates per finger",
        "median stretch",
        (
            PlotSeries("iterative, ours", curve("iterative")),
            PlotSeries("recursive, ours", curve("recursive")),
            PlotSeries("iterative, recalled", tuple((float(s), v[0]) for s, v in STRETCH.items()), joined=False),
            PlotSeries("recursive, recalled", tuple((float(s), v[1]) for s, v in STRETCH.items()), joined=False),
        ),
        log_x=True,
    )
