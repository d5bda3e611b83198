"""The figures of a benchmark, compared with a peer and with a limit, and how they are printed.

A limit applies to the ratio if there is a peer, else to our own figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from rich.table import Table as Printed

HEADINGS = ("what", "unit", "ours", "peer", "the peer's", "ratio", "quartiles", "limit", "held")
MISSING = "not installed"


@dataclass(frozen=True)
class Limit:
    """A lower or upper bound of a figure."""

    bound: float
    at_least: bool = True
    strict: bool = False  # the bound itself is not allowed

    def holds(self, value: float) -> bool:
        if value == self.bound:
            return not self.strict
        return (value > self.bound) == self.at_least

    def __str__(self) -> str:
        sign = (">" if self.at_least else "<") + ("" if self.strict else "=")
        return f"{sign} {shown(self.bound)}"


@dataclass(frozen=True)
class Line:
    """One figure of ours, the peer's in the same unit, and how many times better, faster or larger ours is."""

    what: str
    unit: str
    ours: float | None
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    limit: Limit | None = None
    why_not: str = ""  # why a figure is missing
    quartiles: tuple[float, float] | None = None  # of the judged figure, over the turns

    @property
    def judged(self) -> float | None:
        """The figure that the limit applies to."""
        return self.ratio if self.peer else self.ours

    @property
    def held(self) -> str:
        if self.limit is None or self.judged is None:
            return ""
        return "yes" if self.limit.holds(self.judged) else "no"

    def cells(self) -> tuple[str, ...]:
        theirs = shown(self.theirs) if self.theirs is not None else self.why_not
        ours = shown(self.ours) if self.ours is not None else self.why_not
        between = " to ".join(map(shown, self.quartiles)) if self.quartiles else ""
        return (
            self.what,
            self.unit,
            ours,
            self.peer,
            theirs,
            shown(self.ratio),
            between,
            str(self.limit or ""),
            self.held,
        )


@dataclass(frozen=True)
class Table:
    """Figures that were measured together."""

    title: str
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        rows = [HEADINGS, ("---",) * len(HEADINGS), *(line.cells() for line in self.lines)]
        body = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"## {self.title}\n\n{body}\n{notes}\n"

    def printed(self) -> Printed:
        made = Printed(title=self.title, title_justify="left", caption="\n".join(self.notes), caption_justify="left")
        for heading in HEADINGS:
            made.add_column(heading)
        for line in self.lines:
            made.add_row(*line.cells())
        return made

    def to_dict(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "notes": list(self.notes),
            "lines": [asdict(line) | {"limit": str(line.limit or ""), "held": line.held} for line in self.lines],
        }


def measured(what: str, unit: str, values: Sequence[float], limit: Limit | None = None) -> Line:
    """Return the line of a figure of ours, as the median over the turns."""
    return Line(what, unit, median(values), limit=limit, quartiles=spread(values))


def compared(
    what: str,
    unit: str,
    ours: float,
    peer: str,
    theirs: float | None,
    times: Sequence[float],
    limit: Limit | None = None,
    why_not: str = "",
) -> Line:
    """Return the line of a figure beside a peer's. times: the ratio in each turn; none if there is no peer."""
    if not times:
        return Line(what, unit, ours, peer, theirs, limit=limit, why_not=why_not)
    return Line(what, unit, ours, peer, theirs, median(times), limit, why_not, spread(times))


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, third


def shown(value: float | None) -> str:
    """Format with three significant digits, and whole numbers from a thousand on."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def broken_limits(tables: Sequence[Table]) -> list[str]:
    """Return the figures that break their limits."""
    return [f"{table.title}: {line.what}" for table in tables for line in table.lines if line.held == "no"]
