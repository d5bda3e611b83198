"""The path length of lookups. Paper, figure 10: perfect fingers, no successor list in the routing."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from roundelay.chord.lookup import find_successor
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.published import PATH_MEAN, PATH_P1_P99, PATH_PDF, path_reference
from roundelay.sim.experiments.walks import hops, mean, percentile
from roundelay.sim.figures import READ_2001, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.ideal_ring import random_ring
from roundelay.sim.instant_network import InstantNetwork
from roundelay.sim.plot import Plot, PlotSeries

RING = Ring(bits=32, successors=1, replicas=1)
MEAN_TOLERANCE = 0.1
PDF_AT = 12  # log2 of the nodes


@dataclass(frozen=True)
class Size:
    log2_nodes: tuple[int, ...]
    keys_per_node: int
    rings_nodes_min: int  # rings are added until they have this many nodes
    distance_max: float  # total variation between our distribution and the paper's


FULL = Size(tuple(range(7, 15)), 100, 1 << 10, 0.03)
QUICK = Size((7, 9, 12), 2, 1 << 11, 0.05)  # 8,192 lookups differ from the truth by 0.013 by chance alone


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    lengths = {k: _lengths(k, size, random.Random(f"path {seed} {k}")) for k in size.log2_nodes}
    set_up = (
        f"2^{size.log2_nodes[0]} to 2^{size.log2_nodes[-1]} nodes, each asks for {size.keys_per_node} random "
        "keys; counted are hops from the querier to the key's predecessor."
    )
    return ExperimentResult(
        "path",
        set_up,
        (_mean_table(lengths), _pdf_table(lengths[PDF_AT], size.distance_max)),
        (_mean_plot(lengths), _pdf_plot(lengths[PDF_AT])),
    )


def _lengths(log2_nodes: int, size: Size, rng: random.Random) -> Counter[int]:
    """Return how often each number of hops occurred."""
    counts: Counter[int] = Counter()
    for _ in range(max(1, size.rings_nodes_min >> log2_nodes)):
        true = random_ring(RING, 1 << log2_nodes, rng)
        direct = InstantNetwork(true.nodes())
        for ref in true.refs:
            for _ in range(size.keys_per_node):
                counts[hops(direct.run(find_successor(ref, rng.getrandbits(RING.bits))))] += 1
    return counts


def _mean_table(lengths: dict[int, Counter[int]]) -> FigureTable:
    rows = []
    for k, counts in lengths.items():
        middle = path_reference(k)
        check = Check("mean", mean(counts), Band(middle - MEAN_TOLERANCE, middle + MEAN_TOLERANCE))
        ours, paper = f"{percentile(counts, 1)}, {percentile(counts, 99)}", f"{PATH_P1_P99[k][0]}, {PATH_P1_P99[k][1]}"
        rows.append(FigureRow((1 << k, counts.total(), mean(counts), PATH_MEAN[k], ours, paper), (check,)))
    return FigureTable(
        "Path length (Fig. 10a)",
        READ_2001,
        ("nodes", "lookups", "mean", "mean paper", "p1, p99", "p1, p99 paper"),
        tuple(rows),
        ("The band is 0.1 around k/2 - 0.14 for 2^k nodes, the line through the paper's points.",),
    )


def _pdf_table(counts: Counter[int], distance_max: float) -> FigureTable:
    ours = {h: counts[h] / counts.total() for h in sorted(counts)}
    every = sorted({*ours, *PATH_PDF})
    distance = sum(abs(ours.get(h, 0.0) - PATH_PDF.get(h, 0.0)) for h in every) / 2
    rows = [FigureRow((h, ours.get(h, 0.0), PATH_PDF.get(h))) for h in every]
    rows.append(FigureRow(("total variation", distance, None), (Check("distance", distance, Band(high=distance_max)),)))
    return FigureTable(
        f"Distribution at 2^{PDF_AT} nodes (Fig. 10b)", READ_2001, ("hops", "fraction", "fraction paper"), tuple(rows)
    )


def _mean_plot(lengths: dict[int, Counter[int]]) -> Plot:
    ours = tuple((float(k), mean(counts)) for k, counts in lengths.items())
    spread = tuple((float(k), float(percentile(c, 1)), float(percentile(c, 99))) for k, c in lengths.items())
    paper = tuple((float(k), PATH_MEAN[k]) for k in lengths)
    return Plot(
        "path-mean",
        "Path length",
        "log2 of the nodes",
        "hops (mean, p1 to p99)",
        (PlotSeries("ours", ours, spread), PlotSeries("paper", paper, joined=False)),
    )


def _pdf_plot(counts: Counter[int]) -> Plot:
    ours = tuple((float(h), counts[h] / counts.total()) for h in sorted(counts))
    paper = tuple((float(h), fraction) for h, fraction in PATH_PDF.items())
    return Plot(
        "path-distribution",
        f"Path length at 2^{PDF_AT} nodes",
        "hops",
        "fraction of lookups",
        (PlotSeries("ours", ours), PlotSeries("paper", paper, joined=False)),
    )
