"""Lookups while nodes join and leave; one finger is fixed at a time. 2003, table III (recalled)."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import find_successor
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring, between_right_closed
from roundelay.sim.experiments.churning_ring import Churn, ChurningRing
from roundelay.sim.experiments.published import LEAVE_JOIN
from roundelay.sim.experiments.walks import hops, mean, percentile, reach
from roundelay.sim.figures import RECALLED_2003, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.instant_network import InstantNetwork
from roundelay.sim.plot import Plot, PlotSeries

RING = Ring(bits=24, successors=20, replicas=1)


@dataclass(frozen=True)
class Size:
    nodes: int
    rates: tuple[float, ...]
    seconds: float


FULL = Size(1000, tuple(LEAVE_JOIN), 7200.0)
QUICK = Size(200, (0.05,), 600.0)


@dataclass
class Tally:
    """The lookups at one rate."""

    paths: Counter[int] = field(default_factory=Counter)
    timeouts: Counter[int] = field(default_factory=Counter)
    failed: int = 0


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    tallies = {rate: _tally(size, rate, random.Random(f"leave-join {seed} {rate}")) for rate in size.rates}
    set_up = (
        f"{size.nodes:,} nodes with {RING.successors} successors; joins and announced departures each at the "
        "rate given, lookups once a second; every node stabilises every 15 to 45 s and then fixes one finger; "
        f"{size.seconds:,.0f} s."
    )
    return ExperimentResult("leave-join", set_up, (_table(tallies),), (_plot(tallies),))


def _tally(size: Size, rate: float, rng: random.Random) -> Tally:
    ring = ChurningRing(RING, Churn(size.nodes, rate, size.seconds, announced=True), OneFinger(), rng)
    tally = Tally()

    def look_up(start: NodeRef, key: int) -> None:
        try:
            reached = ring.direct.run(reach(start, key))
        except ChordError:
            tally.failed += 1
            return
        tally.failed += reached.node != ring.true.owner(key)
        tally.paths[hops(reached.route)] += 1
        tally.timeouts[reached.timeouts] += 1

    ring.on_lookup = look_up
    ring.run()
    return tally


class OneFinger:
    """Refreshes one finger per call, in turn."""

    def __init__(self) -> None:
        self._turns: Counter[NodeRef] = Counter()

    def __call__(self, _: InstantNetwork, node: ChordNode) -> Procedure[bool] | None:
        index = self._turns[node.ref] % node.ring.bits
        self._turns[node.ref] += 1
        start = node.ring.finger_start(node.ref.id, index)
        if between_right_closed(node.ref.id, start, node.successor.id) and node.fingers[index] == node.successor:
            return None
        return _fix(node, index, start)


def _fix(node: ChordNode, index: int, start: int) -> Procedure[bool]:
    route = yield from find_successor(node.ref, start)
    return node.set_fingers((*node.fingers[:index], route.owner, *node.fingers[index + 1 :]))


def _table(tallies: dict[float, Tally]) -> FigureTable:
    rows = []
    for rate, tally in tallies.items():
        path, timeouts, failures = LEAVE_JOIN[rate]
        paths, silences = (
            f"{mean(c):.2f} ({percentile(c, 1)}, {percentile(c, 99)})" for c in (tally.paths, tally.timeouts)
        )
        per_10_000 = 10_000 * tally.failed / (tally.paths.total() or 1)
        rows.append(FigureRow((rate, paths, path, silences, timeouts, per_10_000, failures)))
    return FigureTable(
        "Lookups while nodes join and leave (Table III)",
        RECALLED_2003,
        (
            "rate (1/s)",
            "path (p1, p99)",
            "path recalled",
            "timeouts (p1, p99)",
            "timeouts recalled",
            "failed of 10,000",
            "failed recalled",
        ),
        tuple(rows),
    )


def _plot(tallies: dict[float, Tally]) -> Plot:
    return Plot(
        "leave-join",
        "Lookups while nodes join and leave",
        "joins and departures per second",
        "mean per lookup",
        (
            PlotSeries("path, ours", tuple((r, mean(t.paths)) for r, t in tallies.items())),
            PlotSeries("path, recalled", tuple((r, v[0]) for r, v in LEAVE_JOIN.items()), joined=False),
            PlotSeries("timeouts, ours", tuple((r, mean(t.timeouts)) for r, t in tallies.items())),
            PlotSeries("timeouts, recalled", tuple((r, v[1]) for r, v in LEAVE_JOIN.items()), joined=False),
        ),
    )
