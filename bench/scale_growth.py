"""How the cost of a ring grows with its nodes: fitted to what Chord promises, and how well that fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import Limit, Line, Table
from bench.fits import Fit, fitted

CONSTANT_LIMIT, R2_LIMIT, EXPONENT_LIMIT = 1.5, 0.9, 2.25
LOOKUP_STEP_LIMIT = 2.0  # messages for each doubling: one question more


@dataclass(frozen=True)
class Cost:
    """Of one lookup or one join, on average."""

    messages: float
    bytes: float
    seconds: float  # median


@dataclass(frozen=True)
class Found:
    """One size of ring."""

    nodes: int
    lookup: Cost
    join: Cost
    calls: float  # a node and second
    bytes: float  # of these and of their answers


def growth(found: Sequence[Found]) -> Table:
    """Fits over all sizes, against what Chord promises."""
    logs = [math.log2(each.nodes) for each in found]
    squares = [x * x for x in logs]
    lookup = fitted(logs, [each.lookup.messages for each in found])
    join = fitted(squares, [each.join.messages for each in found])
    calls = fitted(logs, [each.calls for each in found])
    bytes_ = fitted(logs, [each.bytes for each in found])
    exponent = fitted([math.log(x) for x in logs], [math.log(each.join.messages) for each in found]).step
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
                f"upkeep, calls a node and second: {calls} log2 N; largest ring over smallest",
                "",
                found[-1].calls / found[0].calls,
                limit=Limit(CONSTANT_LIMIT, at_least=False),
            ),
            Line(
                f"upkeep, bytes a node and second: {bytes_} log2 N; largest ring over smallest",
                "",
                found[-1].bytes / found[0].bytes,
                limit=Limit(CONSTANT_LIMIT, at_least=False),
            ),
        ),
        (
            f"Least squares over {', '.join(f'{each.nodes:,}' for each in found)} nodes. "
            f"{_residuals(found, lookup, join)}",
            "Of the upkeep only the look at the fingers depends on N: a question for each different one, about log2 N.",
        ),
    )


def _residuals(found: Sequence[Found], lookup: Fit, join: Fit) -> str:
    def largest(pairs: Sequence[tuple[float, float]]) -> str:
        return f"{100 * max(abs(was / fit - 1) for was, fit in pairs):.1f} %"

    logs = [math.log2(each.nodes) for each in found]
    lookups = [(each.lookup.messages, lookup.base + lookup.step * x) for each, x in zip(found, logs, strict=True)]
    joins = [(each.join.messages, join.base + join.step * x * x) for each, x in zip(found, logs, strict=True)]
    return f"Furthest from its line: a lookup {largest(lookups)}, a join {largest(joins)}."
