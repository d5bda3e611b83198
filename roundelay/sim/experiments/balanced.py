"""Balanced identifiers (the middle of the largest gap) against hashed ones: the load of the largest node."""

from __future__ import annotations

import random
from bisect import insort
from dataclasses import dataclass

import numpy as np

from roundelay.chord.refs import Address
from roundelay.chord.registry import middle_of_largest_gap
from roundelay.chord.ring import Ring
from roundelay.sim.experiments.load import Words, owners_of
from roundelay.sim.figures import OURS_ALONE, Band, Check, ExperimentResult, FigureRow, FigureTable
from roundelay.sim.ideal_ring import PORT

RING = Ring(bits=64, successors=1, replicas=1)  # 64 bits fit a machine word
BALANCED_MAX = 2.0  # arcs within a factor of two, a mean of 1.22 of the larger ones, and chance
VIRTUAL = 20


@dataclass(frozen=True)
class Size:
    nodes: int
    keys: int
    repetitions: int


FULL = Size(10_000, 1_000_000, 5)
QUICK = Size(625, 62_500, 5)  # the same share of the way from one power of two to the next


def run(seed: int, quick: bool) -> ExperimentResult:
    size = QUICK if quick else FULL
    even = _balanced(size.nodes)
    draws: dict[str, list[float]] = {}
    for repetition in range(size.repetitions):
        rng = np.random.default_rng([seed, repetition])
        keys = np.sort(rng.integers(1 << 64, size=size.keys, dtype=np.uint64))  # (keys,)
        half = np.array(random.Random(f"half {seed} {repetition}").sample(even, size.nodes // 2), np.uint64)
        for name, nodes in (
            ("hash (the paper's)", _hashed(f"{seed} {repetition}", size.nodes, 1)),
            (f"hash, {VIRTUAL} virtual nodes", _hashed(f"{seed} {repetition}", size.nodes, VIRTUAL)),
            ("balanced", np.array(even, np.uint64).reshape(-1, 1)),
            ("balanced, then half have left", half.reshape(-1, 1)),
        ):
            draws.setdefault(name, []).append(_largest_over_mean(keys, nodes))
    set_up = (
        f"{size.nodes:,} nodes, {size.keys:,} random keys, {size.repetitions} repetitions: keys of the largest "
        "node over the mean."
    )
    return ExperimentResult("balanced", set_up, (_table(draws),))


def _balanced(count: int) -> list[int]:
    """Return identifiers as the supernode assigns them, one after the other."""
    taken: list[int] = []
    for _ in range(count):
        insort(taken, middle_of_largest_gap(taken, RING.size))
    return taken


def _hashed(name: str, count: int, virtual: int) -> Words:
    """Return identifiers as `--assign hash` does: the hashes of addresses."""
    keys = (
        RING.key(f"{Address(f'{name}-n{i}', PORT)}" + (f" {v}" if v else ""))
        for i in range(count)
        for v in range(virtual)
    )
    return np.fromiter(keys, np.uint64, count * virtual).reshape(count, virtual)  # (nodes, v)


def _largest_over_mean(keys: Words, nodes: Words) -> float:
    counts = np.bincount(owners_of(keys, nodes), minlength=len(nodes))  # (nodes,)
    return float(counts.max() / counts.mean())


def _table(draws: dict[str, list[float]]) -> FigureTable:
    rows = []
    for name, values in draws.items():
        largest = sum(values) / len(values)
        checks = (Check("largest/mean", largest, Band(high=BALANCED_MAX)),) if name == "balanced" else ()
        rows.append(FigureRow((name, largest, min(values), max(values)), checks))
    return FigureTable(
        "Largest node over the mean",
        OURS_ALONE,
        ("identifiers", "largest/mean", "least", "most"),
        tuple(rows),
        (
            "While nodes only join, balanced arcs are within a factor of two of each other. Departures undo that: an "
            "identifier stays its address's own, and the arcs of neighbours that leave add up.",
        ),
    )
