"""Writes what was measured to docs/results/, and runs a benchmark as a command: measure, print, write.

docs/results/NAME.md is for reading; build/bench/NAME.json keeps the same figures for `make bench`, which joins all.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench import machine
from bench.figures import Table, broken_limits
from bench.machine import ROOT
from roundelay.node.console import console

RESULTS = ROOT / "docs" / "results"
KEPT = ROOT / "build" / "bench"


def main(name: str, title: str, measure: Callable[[], Sequence[Table]], arguments: Sequence[str]) -> int:
    """Run one benchmark from its command line."""
    parser = argparse.ArgumentParser(f"python -m bench {name}", description=title)
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    return run(name, title, measure, parser.parse_args(arguments).json)


def run(name: str, title: str, measure: Callable[[], Sequence[Table]], as_json: bool) -> int:
    """Measure, write the tables, and print them or one line of JSON."""
    where, began = machine.describe(), time.monotonic()
    tables = measure()
    seconds = time.monotonic() - began
    _write_tables(name, title, where, tables, seconds)
    if as_json:
        print(json.dumps(_as_json(name, where, tables, seconds)))
    else:
        screen = console()
        for table in tables:
            screen.print(table.printed(), markup=False)
        screen.print(machine.sentence(where), markup=False, highlight=False)
        for line in broken_limits(tables):
            screen.print(f"not held: {line}", markup=False)
    return 0


def write(name: str, text: str) -> None:
    """Write one document or picture. Raises OSError."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / name).write_text(text)


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines]


def _write_tables(name: str, title: str, where: dict[str, object], tables: Sequence[Table], seconds: float) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    parts = [
        f"# {title}",
        f"`python -m bench {name}`, {seconds:.0f} s. {machine.sentence(where)}",
        *(table.markdown() for table in tables),
    ]
    write(f"{name}.md", "\n\n".join(parts))
    (KEPT / f"{name}.json").write_text(json.dumps(_as_json(name, where, tables, seconds)))
    (KEPT / f"{name}.md").write_text("\n\n".join(table.markdown() for table in tables))


def _as_json(name: str, where: dict[str, object], tables: Sequence[Table], seconds: float) -> dict[str, Any]:
    return {
        "bench": name,
        "machine": where,
        "seconds": round(seconds, 1),
        "tables": [table.to_dict() for table in tables],
        "not_held": broken_limits(tables),
    }
