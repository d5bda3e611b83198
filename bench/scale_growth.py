"""How the cost of a ring grows with its nodes, fitted by least squares to what Chord promises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Limit, Line, Table
from roundelay.testing.process_stats import mean, slope

CONSTANT_LIMIT, R2_LIMIT, EXPONENT_LIMIT = 1.5, 0.9, 2.25
LOOKUP_STEP_LIMIT = 2.0  # messages for each doubling of the ring: one request and its reply


@dataclass(frozen=True)
class Cost:
    """The mean cost of one lookup or one join."""

    messages: float
    bytes: float
    seconds: float  # median


@dataclass(frozen=True)
class RingCosts:
    """The costs of a ring of one size."""

    nodes: int
    lookup: Cost
    join: Cost
    calls: float  # per node and second
    bytes: float  # of these calls and their replies


@dataclass(frozen=True)
class Fit:
    """The line y = base + step * x by least squares; r2 is 1 for a perfect fit."""

    base: float
    step: float
    r2: float

    def __str__(self) -> str:
        return f"{self.base:.3g} {'+' if self.step >= 0 else '-'} {abs(self.step):.3g}"


def fit_line(x: Sequence[float], y: Sequence[float]) -> Fit:
    """Fit a line through two points or more."""
    step = slope(x, y)
    base = mean(y) - step * mean(x)
    residual = sum((b - base - step * a) ** 2 for a, b in zip(x, y, strict=True))
    spread = sum((b - mean(y)) ** 2 for b in y)
    return Fit(base, step, 1 - residual / spread if spread else 1.0)


def growth(found: Sequence[RingCosts]) -> Table:
    """Fit the costs over all sizes, and compare with what Chord promises."""
    logs = [math.log2(each.nodes) for each in found]
    squares = [x * x for x in logs]
    lookup = fit_line(logs, [each.lookup.messages for each in found])
    join = fit_line(squares, [each.join.messages for each in found])
    calls = fit_line(logs, [each.calls for each in found])
    bytes_ = fit_line(logs, [each.bytes for each in found])
    exponent = fit_line([math.log(x) for x in logs], [math.log(each.join.messages) for each in found]).step
    return Table(
        f"How the cost grows, from {found[0].nodes:,} to {found[-1].nodes:,} nodes",
        (
            Line(f"messages of a lookup: {lookup} log2 N; R^2", "", lookup.r2, limit=Limit(R2_LIMIT)),
            Line(
                "messages of a lookup for each doubling of N",
                "",
                lookup.step,
                limit=Limit(LOOKUP_STEP_LIMIT, at_least=False),
            ),
            Line(f"messages of a join: {join} (log2 N)^2; R^2", "", join.r2, limit=Limit(R2_LIMIT)),
            Line(
                "a join: the exponent of log N that fits best",
                "",
                exponent,
                limit=Limit(EXPONENT_LIMIT, at_least=False),
            ),
            Line(
                f"maintenance, calls per node and second: {calls} log2 N; largest ring over smallest",
                "",
                found[-1].calls / found[0].calls,
                limit=Limit(CONSTANT_LIMIT, at_least=False),
            ),
            Line(
                f"maintenance, bytes per node and second: {bytes_} log2 N; largest ring over smallest",
                "",
                found[-1].bytes / found[0].bytes,
                limit=Limit(CONSTANT_LIMIT, at_least=False),
            ),
        ),
        (
            f"Least squares over {', '.join(f'{each.nodes:,}' for each in found)} nodes. "
            f"{_residuals(found, lookup, join)}",
            "Of the maintenance only fixing fingers depends on N: one request for each distinct finger, about log2 N.",
        ),
    )


def _residuals(found: Sequence[RingCosts], lookup: Fit, join: Fit) -> str:
    def largest(pairs: Sequence[tuple[float, float]]) -> str:
        return f"{100 * max(abs(was / fit - 1) for was, fit in pairs):.1f} %"

    logs = [math.log2(each.nodes) for each in found]
    lookups = [(each.lookup.messages, lookup.base + lookup.step * x) for each, x in zip(found, logs, strict=True)]
    joins = [(each.join.messages, join.base + join.step * x * x) for each, x in zip(found, logs, strict=True)]
    return f"Largest residual: of a lookup {largest(lookups)}, of a join {largest(joins)}."
