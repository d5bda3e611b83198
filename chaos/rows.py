"""What else can go wrong, one row each: what was done, what must come of it, and what people saw.

    python -m chaos rows [NAME ...] [--list] [--json]

Every row has a ring of its own. One that needs rights that are not there says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from roundelay.node.subprocesses import ROOT, ManagedProcess

MODULES = (  # of chaos.scenarios
    "mass_failures",
    "pauses",
    "network_faults",
    "disk_faults",
    "byzantine",
    "control_plane",
    "partitions",
    "multi_host",
)
KEPT_LOGS = ROOT / "build" / "rows"
SAID_MAX = 6  # lines shown of one console
LINE_MAX = 150


@dataclass(frozen=True)
class Said:
    """A line that people can read, and where."""

    console: str
    line: str


@dataclass(frozen=True)
class Row:
    """What became of one kind of failure."""

    done: str  # what was done to the ring
    promise: str  # what must come of it
    held: bool
    figures: dict[str, object] = field(default_factory=dict)
    said: tuple[Said, ...] = ()
    skipped: str = ""
    name: str = ""
    seconds: float = 0.0


Make = Callable[[Path], Row]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos rows", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="these alone")
    parser.add_argument("--list", action="store_true", help="show the names")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    known = registry()
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(known)}")
    if chosen.list:
        print("\n".join(known))
        return 0
    rows = [run(name, known[name]) for name in chosen.names or known]
    print(json.dumps({"suite": "rows", "rows": [asdict(r) for r in rows]}) if chosen.json else "", end="")
    if not chosen.json:
        Console().print(table(rows))
    return 0 if all(row.held or row.skipped for row in rows) else 1


def registry() -> dict[str, Make]:
    """All rows by name, in the order in which they are told."""
    known: dict[str, Make] = {}
    for module in MODULES:
        for make in import_module(f"chaos.scenarios.{module}").ROWS:
            known[make.__name__] = make
    return known


def run(name: str, make: Make) -> Row:
    """One row; one that does not come to its end has not held, and leaves its logs."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"roundelay-{name}-") as folder:
        try:
            row = make(Path(folder))
        except Exception as error:  # whatever it is, the other rows are worth running
            why = Said("chaos", f"{type(error).__name__}: {error}")
            row = Row(make.__doc__ or name, "", held=False, said=(why,))
        if not row.held and not row.skipped:
            shutil.copytree(folder, KEPT_LOGS / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite*"))
    said = tuple(Said(each.console, each.line.replace(folder, "DIR")) for each in row.said)
    row = replace(row, name=name, said=said, seconds=round(time.monotonic() - began, 1))
    state = f"skipped: {row.skipped}" if row.skipped else "held" if row.held else f"FAILED, see {KEPT_LOGS / name}"
    print(f"{name}: {state} ({row.seconds} s) {row.figures}", file=sys.stderr, flush=True)
    return row


def heard(running: ManagedProcess, *parts: str, console: str = "") -> tuple[Said, ...]:
    """The lines of a console that have one of these in them, each once."""
    lines = (line.strip() for line in running.text.splitlines())
    found = dict.fromkeys(line for line in lines if line[:1] != "{" and any(part in line for part in parts))
    return tuple(Said(console or running.name, line[:LINE_MAX]) for line in list(found)[:SAID_MAX])


def table(rows: Sequence[Row]) -> Table:
    made = Table(title=f"{sum(r.held for r in rows)} of {len(rows)} promises held", title_justify="left")
    for heading in ("row", "held", "figures", "said"):
        made.add_column(heading, overflow="fold")
    for row in rows:
        figures = ", ".join(f"{key} {value}" for key, value in row.figures.items())
        said = "\n".join(f"{each.console}: {each.line}" for each in row.said)
        made.add_row(row.name, row.skipped or ("yes" if row.held else "NO"), figures, said)
    return made
