"""The number of keys per node. Paper, figures 8 and 9: consistent hashing, and virtual nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roundelay.chord.ring import Ring
from roundelay.sim.experiments.published import KEYS_MAX_OVER_MEAN, KEYS_P99, VIRTUAL_NODES, VIRTUAL_NODES_REFERENCE
from roundelay.sim.figures import READ_2001, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.plot import Plot, PlotSeries

Counts = NDArray[np.int64]
Words = NDArray[np.uint64]
RING = Ring(bits=64, successors=1, replicas=1)  # 64 bits fit a machine word
P99_OVER_MEAN = Band(4.3, 5.0)
MAX_OVER_MEAN = Band(7.0, 14.0)  # one node of 10^4: a single draw varies by an eighth
REFERENCE_TOLERANCE = 0.05
KEY_TOLERANCE = 0.5  # a first percentile of 0 or 1 keys has no 5 %


@dataclass(frozen=True)
class Size:
    nodes: int
    keys: tuple[int, ...]  # ascending; each is a prefix of the next
    repetitions: int


FULL = Size(10_000, tuple(KEYS_P99), 20)
QUICK = Size(2_000, (20_000, 200_000), 4)


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    plain: dict[int, list[Counts]] = {count: [] for count in size.keys}
    virtual: dict[int, list[Counts]] = {count: [] for count in VIRTUAL_NODES}
    for repetition in range(size.repetitions):
        keys = _hashed(f"key {seed} {repetition}", size.keys[-1])  # (keys,)
        nodes = _hashed(f"node {seed} {repetition}", size.nodes * max(VIRTUAL_NODES)).reshape(size.nodes, -1)
        owners = owners_of(keys, nodes[:, :1])  # (keys,)
        for count in size.keys:
            plain[count].append(np.bincount(owners[:count], minlength=size.nodes))  # (nodes,)
        keys.sort()  # neighbours in the cache: four times as fast
        for v in VIRTUAL_NODES:
            virtual[v].append(np.bincount(owners_of(keys, nodes[:, :v]), minlength=size.nodes))  # (nodes,)
    set_up = (
        f"{size.nodes:,} nodes, {size.keys[0]:,} to {size.keys[-1]:,} keys, {size.repetitions} repetitions; "
        "nodes and keys are placed by `Ring.key`, SHA-1 of their names."
    )
    return ExperimentResult(
        "load",
        set_up,
        (_keys_table(size, plain), _virtual_table(virtual)),
        (_keys_plot(size, plain), _virtual_plot(virtual)),
    )


def owners_of(keys: Words, nodes: Words) -> Counts:
    """Return the index of each key's owner. nodes: the identifiers of each node's virtual nodes, (nodes, v)."""
    order = np.argsort(nodes, axis=None)  # (nodes v,)
    places = np.searchsorted(nodes.reshape(-1)[order], keys) % len(order)  # (keys,) of the keys' successors
    owners: Counts = order[places] // nodes.shape[1]  # (keys,)
    return owners


def _hashed(name: str, count: int) -> Words:
    return np.fromiter((RING.key(f"{name} {i}") for i in range(count)), np.uint64, count)  # (count,)


def _percentile(draws: list[Counts], q: float) -> float:
    """Return the percentile of each repetition, averaged."""
    return float(np.mean([np.percentile(counts, q) for counts in draws]))


def _keys_table(size: Size, plain: dict[int, list[Counts]]) -> FigureTable:
    rows = []
    for count, draws in plain.items():
        mean, p99 = count / size.nodes, _percentile(draws, 99)
        largest = float(np.mean([counts.max() for counts in draws]))
        checks = [Check("p99/mean", p99 / mean, P99_OVER_MEAN), Check("max/mean", largest / mean, MAX_OVER_MEAN)]
        paper = KEYS_P99.get(count) if size is FULL else None
        rows.append(FigureRow((count, mean, _percentile(draws, 1), p99, paper, largest), tuple(checks)))
    return FigureTable(
        "Keys per node (Fig. 8)",
        READ_2001,
        ("keys", "mean", "p1", "p99", "p99 paper", "max"),
        tuple(rows),
        (f"The paper's single draw of 500,000 keys had a largest node of {KEYS_MAX_OVER_MEAN} times the mean.",),
    )


def _virtual_table(virtual: dict[int, list[Counts]]) -> FigureTable:
    rows = []
    for v, draws in virtual.items():
        mean = float(np.mean(draws[0]))
        p1, p99 = (_percentile(draws, q) * 100 / mean for q in (1, 99))
        checks = [
            Check(f"{name} of the reference", ours, _near(reference))
            for name, ours, reference in zip(("p1", "p99"), (p1, p99), VIRTUAL_NODES_REFERENCE[v], strict=True)
        ]
        rows.append(FigureRow((v, p1, VIRTUAL_NODES[v][0], p99, VIRTUAL_NODES[v][1]), tuple(checks)))
    return FigureTable(
        "Virtual nodes (Fig. 9)",
        READ_2001,
        ("virtual nodes", "p1", "p1 paper", "p99", "p99 paper"),
        tuple(rows),
        (
            "In keys per real node, the mean taken as 100. The bands are 5 % (or half a key) "
            "around an independent simulation of this set-up.",
        ),
    )


def _near(reference: float) -> Band:
    by = max(REFERENCE_TOLERANCE * reference, KEY_TOLERANCE)
    return Band(reference - by, reference + by)


def _keys_plot(size: Size, plain: dict[int, list[Counts]]) -> Plot:
    ours = tuple((count / 1e5, _percentile(draws, 99)) for count, draws in plain.items())
    mean = tuple((count / 1e5, count / size.nodes) for count in plain)
    paper = tuple((count / 1e5, float(p99)) for count, p99 in KEYS_P99.items())
    return Plot(
        "load-keys",
        "Keys per node",
        "keys (100,000)",
        "keys per node",
        (PlotSeries("p99, ours", ours), PlotSeries("p99, paper", paper, joined=False), PlotSeries("mean", mean)),
    )


def _virtual_plot(virtual: dict[int, list[Counts]]) -> Plot:
    def curve(q: float) -> tuple[tuple[float, float], ...]:
        return tuple((float(v), _percentile(d, q) * 100 / float(np.mean(d[0]))) for v, d in virtual.items())

    paper = tuple((float(v), float(p99)) for v, (_, p99) in VIRTUAL_NODES.items())
    return Plot(
        "load-virtual",
        "Virtual nodes",
        "virtual nodes per node",
        "keys per node, % of the mean",
        (
            PlotSeries("p99, ours", curve(99)),
            PlotSeries("p99, paper", paper, joined=False),
            PlotSeries("p1, ours", curve(1)),
        ),
    )
