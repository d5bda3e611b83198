"""Runs the scenarios, one row of the report each.

    python -m chaos rows [NAME ...] [--list] [--json]

Every scenario has a ring of its own. One that needs rights that this process lacks is skipped, and says so.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from chaos.scenario import ConsoleLine, Scenario, ScenarioResult
from roundelay.node.subprocesses import ROOT

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


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos rows", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="run only these")
    parser.add_argument("--list", action="store_true", help="show the names")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    known = registry()
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}; choose from {', '.join(known)}")
    if chosen.list:
        print("\n".join(known))
        return 0
    rows = [run(name, known[name]) for name in chosen.names or known]
    print(json.dumps({"suite": "rows", "rows": [asdict(r) for r in rows]}) if chosen.json else "", end="")
    if not chosen.json:
        Console().print(table(rows))
    return 0 if all(row.held or row.skipped for row in rows) else 1


def registry() -> dict[str, Scenario]:
    """Return all scenarios by name, in the order of the report."""
    known: dict[str, Scenario] = {}
    for module in MODULES:
        for scenario in import_module(f"chaos.scenarios.{module}").SCENARIOS:
            known[scenario.__name__] = scenario
    return known


def run(name: str, scenario: Scenario) -> ScenarioResult:
    """Run one scenario. One that fails, or raises, leaves its logs."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"roundelay-{name}-") as folder:
        try:
            row = scenario(Path(folder))
        except Exception as error:  # whatever it is, run the other scenarios
            why = ConsoleLine("chaos", f"{type(error).__name__}: {error}")
            row = ScenarioResult(scenario.__doc__ or name, "", held=False, console=(why,))
        if not row.held and not row.skipped:
            shutil.copytree(folder, KEPT_LOGS / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite*"))
    console = tuple(replace(each, line=each.line.replace(folder, "DIR")) for each in row.console)
    row = replace(row, name=name, console=console, seconds=round(time.monotonic() - began, 1))
    state = f"skipped: {row.skipped}" if row.skipped else "held" if row.held else f"FAILED, see {KEPT_LOGS / name}"
    print(f"{name}: {state} ({row.seconds} s) {row.figures}", file=sys.stderr, flush=True)
    return row


def table(rows: Sequence[ScenarioResult]) -> Table:
    made = Table(title=f"{sum(r.held for r in rows)} of {len(rows)} promises held", title_justify="left")
    for heading in ("row", "held", "figures", "console"):
        made.add_column(heading, overflow="fold")
    for row in rows:
        figures = ", ".join(f"{key} {value}" for key, value in row.figures.items())
        console = "\n".join(f"{each.console}: {each.line}" for each in row.console)
        made.add_row(row.name, row.skipped or ("yes" if row.held else "NO"), figures, console)
    return made
