"""Tables of results, the limits that their rows must meet, and how both are printed.

An experiment fails if a row misses a limit. Each table names the source of the values it compares with: read in the
paper, or recalled from memory, which are only shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from roundelay.sim.plot import Plot

READ_2001 = "paper: read in Stoica et al., SIGCOMM 2001"
RECALLED_2003 = "recalled: from memory of Stoica et al., IEEE/ACM ToN 2003, not verified; gates nothing"
OURS_ALONE = "beyond the paper"

Cell = str | int | float | None


@dataclass(frozen=True)
class Band:
    """The range of a measured value, both ends included."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        if self.low == -math.inf:
            return f"at most {show(self.high)}"
        if self.high == math.inf:
            return f"at least {show(self.low)}"
        return show(self.low) if self.low == self.high else f"{show(self.low)} to {show(self.high)}"


@dataclass(frozen=True)
class Check:
    """A measured value and its range."""

    what: str
    value: float
    band: Band

    @property
    def holds(self) -> bool:
        return self.band.holds(self.value)

    def __str__(self) -> str:
        return f"{self.what} {show(self.value)} in {self.band}: {'holds' if self.holds else 'BROKEN'}"


@dataclass(frozen=True)
class FigureRow:
    """The cells of a row, and its checks."""

    cells: tuple[Cell, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class FigureTable:
    """Our values beside those of a source."""

    title: str
    source: str
    columns: tuple[str, ...]
    rows: tuple[FigureRow, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExperimentResult:
    """The result of an experiment. set_up: what was run, in one or two sentences."""

    experiment: str
    set_up: str
    tables: tuple[FigureTable, ...]
    plots: tuple[Plot, ...] = ()

    @property
    def broken(self) -> list[Check]:
        return [c for table in self.tables for row in table.rows for c in row.checks if not c.holds]


def as_json(result: ExperimentResult) -> dict[str, Any]:
    """Return a result as JSON: every row by its columns, every check with its range."""
    return {
        "experiment": result.experiment,
        "holds": not result.broken,
        "tables": [
            {"title": t.title, "source": t.source, "rows": [_row_json(t, row) for row in t.rows]} for t in result.tables
        ],
    }


def as_markdown(result: ExperimentResult) -> str:
    """Return a result as Markdown, for the console and the document."""
    parts = [f"## {result.experiment}", result.set_up]
    for table in result.tables:
        parts += [f"### {table.title}", f"*{table.source}*", _grid(table)]
        parts += [f"- {note}" for note in table.notes]
    return "\n\n".join(parts) + "\n"


def show(value: Cell) -> str:
    """Format a cell; numbers have four significant digits."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"
    return str(value)


# --- helpers


def _row_json(table: FigureTable, row: FigureRow) -> dict[str, Any]:
    checks = [{"what": c.what, "value": c.value, "band": str(c.band), "holds": c.holds} for c in row.checks]
    return {**dict(zip(table.columns, row.cells, strict=True)), "checks": checks}


def _grid(table: FigureTable) -> str:
    header = [*table.columns, "must hold"]
    lines = [[*map(show, row.cells), "; ".join(map(str, row.checks)) or "-"] for row in table.rows]
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
    return "\n".join(
        (_line(header, widths), _line(["-" * w for w in widths], widths), *(_line(line, widths) for line in lines))
    )


def _line(cells: Iterable[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
