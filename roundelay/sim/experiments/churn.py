"""Failed lookups while nodes join and fail. Paper, figure 12: without retries and with them.

Then the same in a ring as large as that of the other experiments, with as many events for each node.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from roundelay.chord.errors import ChordError, NodeUnreachable
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.churning_ring import Churn, ChurningRing, all_fingers
from roundelay.sim.experiments.published import CHURN
from roundelay.sim.experiments.walks import Reached, reach
from roundelay.sim.figures import OURS_ALONE, READ_2001, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.plot import Plot, PlotSeries

RING = Ring(bits=24, successors=8, replicas=1)
NODES = 500
RETRY_BETTER = 10.0  # times fewer failures
LARGE_WORSE = 2.0  # times as many failures in the large ring: a lookup there visits half as many nodes again


@dataclass(frozen=True)
class Size:
    rates: tuple[float, ...]
    seconds: float
    runs: int
    large_nodes: int
    large_seconds: float


FULL = Size(tuple(CHURN), 7200.0, 10, 10_000, 600.0)
QUICK = Size((0.10,), 600.0, 1, 1_000, 150.0)


@dataclass
class Tally:
    """The lookups of all runs at one rate, and why those with retries failed."""

    lookups: int = 0
    failed_at_once: int = 0
    failed_retried: int = 0
    why: Counter[str] = field(default_factory=Counter)


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    tallies = {rate: Tally() for rate in size.rates}
    for rate, tally in tallies.items():
        for turn in range(size.runs):
            rng = random.Random(f"churn {seed} {rate} {turn}")
            _one_run(Churn(NODES, rate, size.seconds, announced=False), tally, rng)
    large = {rate: _large_run(rate, size, random.Random(f"churn large {seed} {rate}")) for rate in size.rates}
    set_up = (
        f"{NODES} nodes with {RING.successors} successors; joins and failures each at rate R, lookups once a "
        f"second, every node stabilises and refreshes all fingers every 15 to 45 s; {size.seconds:,.0f} s, "
        f"{size.runs} runs. A lookup has failed if it does not reach the key's true successor of that moment."
    )
    tables = _table(tallies, size), _large_table(large, tallies, size)
    return ExperimentResult("churn", set_up, tables, (_plot(tallies),))


def _one_run(churn: Churn, tally: Tally, rng: random.Random) -> None:
    ring = ChurningRing(RING, churn, all_fingers, rng)

    def look_up(start: NodeRef, key: int) -> None:
        tally.lookups += 1
        tally.failed_at_once += _failure(ring, start, key, patient=False) is not None
        why = _failure(ring, start, key, patient=True)
        if why is not None:
            tally.failed_retried += 1
            tally.why[why] += 1

    ring.on_lookup = look_up
    ring.run()


def _large_run(rate: float, size: Size, rng: random.Random) -> Tally:
    times, tally = size.large_nodes / NODES, Tally()
    churn = Churn(size.large_nodes, rate * times, size.large_seconds, announced=False, lookups=times)
    _one_run(churn, tally, rng)
    return tally


def _failure(ring: ChurningRing, start: NodeRef, key: int, patient: bool) -> str | None:
    """Return why a lookup did not reach the true successor, or None if it did."""
    try:
        reached = ring.direct.run(reach(start, key), patient)
    except NodeUnreachable:
        return "sent to a dead node"
    except ChordError:
        return "no way on"
    true = ring.true.owner(key)
    return None if reached.node == true else _why_stale(ring, reached, true)


def _why_stale(ring: ChurningRing, reached: Reached, true: NodeRef) -> str:
    """Return why the predecessor that the lookup found does not list the true owner."""
    predecessor = reached.route.predecessor
    if ring.true.after(ring.true.place(true) - 1) != predecessor:
        return "stopped short of the key's predecessor: nodes between are not known there yet"
    return "its predecessor does not know the new owner yet"


def _table(tallies: dict[float, Tally], size: Size) -> FigureTable:
    rows = []
    for rate, tally in tallies.items():
        paper, low, high = CHURN[rate]
        limit, retried = tally.failed_at_once / tally.lookups, tally.failed_retried / tally.lookups
        checks = (
            Check("no retry", limit, Band(high=high)),
            Check("with retry", retried, Band(high=limit / RETRY_BETTER)),
        )
        rows.append(FigureRow((rate, tally.lookups, limit, f"{paper} ({low} to {high})", retried), checks))
    return FigureTable(
        "Failed lookups while nodes join and fail (Fig. 12)",
        READ_2001,
        ("R (1/s)", "lookups", "no retry", "no retry paper (95 %)", "with retry"),
        tuple(rows),
        (
            "No retry: the lookup ends at the first dead node that it is sent to, the owner included. With retry it "
            "steps back from the dead and takes the next of the owner's successors.",
            _remaining(tallies),
            "Procedures take no time here. Over a network a lookup can also be overtaken by a join or a death: that "
            "window is a few round trips, against 30 s between stabilisations.",
        ),
    )


def _large_table(large: dict[float, Tally], small: dict[float, Tally], size: Size) -> FigureTable:
    rows, times = [], size.large_nodes / NODES
    for rate, tally in large.items():
        limit, retried = tally.failed_at_once / tally.lookups, tally.failed_retried / tally.lookups
        in_small = small[rate].failed_at_once / small[rate].lookups
        checks = (
            Check("no retry", limit, Band(high=LARGE_WORSE * in_small)),
            Check("with retry", retried, Band(high=limit / RETRY_BETTER)),
        )
        rows.append(FigureRow((rate * times, tally.lookups, limit, in_small, retried), checks))
    return FigureTable(
        f"The same with {size.large_nodes:,} nodes",
        OURS_ALONE,
        ("R (1/s)", "lookups", "no retry", f"no retry, {NODES} nodes", "with retry"),
        tuple(rows),
        (
            f"Joins, failures and lookups are {times:g} times as frequent, as many for each node; "
            f"one run of {size.large_seconds:,.0f} s. Routes are longer, so that more of them meet a dead node.",
        ),
    )


def _remaining(tallies: dict[float, Tally]) -> str:
    why = sum((tally.why for tally in tallies.values()), Counter[str]())
    if not why:
        return (
            "With retry none has failed: a joiner is known to its predecessor at once, since whom it notifies "
            "nudges the old one, and every list names living successors beyond the dead."
        )
    return "The failures that remain with retry: " + "; ".join(f"{count} {what}" for what, count in why.most_common())


def _plot(tallies: dict[float, Tally]) -> Plot:
    limit = tuple((rate, t.failed_at_once / t.lookups) for rate, t in tallies.items())
    retried = tuple((rate, t.failed_retried / t.lookups) for rate, t in tallies.items())
    paper = tuple((rate, value) for rate, (value, _, _) in CHURN.items())
    intervals = tuple((rate, low, high) for rate, (_, low, high) in CHURN.items())
    return Plot(
        "churn",
        "Failed lookups while nodes join and fail",
        "joins and failures per second",
        "failed lookups",
        (
            PlotSeries("no retry, ours", limit),
            PlotSeries("no retry, paper", paper, intervals, joined=False),
            PlotSeries("with retry, ours", retried),
        ),
    )
