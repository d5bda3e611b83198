"""A bench as a command: measure, print, and write the tables to docs/results/.

    python -m bench NAME [--json]

docs/results/NAME.md is for reading; build/bench/NAME.json keeps the same for `make bench`, which joins all.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench import machine
from bench.figures import Table, worse
from bench.machine import ROOT
from roundelay.node.console import console

RESULTS = ROOT / "docs" / "results"
KEPT = ROOT / "build" / "bench"


def main(name: str, about: str, measure: Callable[[], Sequence[Table]], arguments: Sequence[str]) -> int:
    """Run one bench from its command line."""
    parser = argparse.ArgumentParser(f"python -m bench {name}", description=about)
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    where, began = machine.about(), time.monotonic()
    tables = measure()
    seconds = time.monotonic() - began
    write(name, about, where, tables, seconds)
    if chosen.json:
        print(json.dumps(as_json(name, where, tables, seconds)))
    else:
        screen = console()
        for table in tables:
            screen.print(table.printed(), markup=False)
        screen.print(machine.sentence(where), markup=False, highlight=False)
        for line in worse(tables):
            screen.print(f"not held: {line}", markup=False)
    return 0


def write(name: str, about: str, where: dict[str, object], tables: Sequence[Table], seconds: float) -> None:
    """The document, and what it was made from."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    parts = [
        f"# {about}",
        f"`python -m bench {name}`, {seconds:.0f} s. {machine.sentence(where)}",
        *(table.markdown() for table in tables),
    ]
    (RESULTS / f"{name}.md").write_text("\n\n".join(parts))
    (KEPT / f"{name}.json").write_text(json.dumps(as_json(name, where, tables, seconds)))
    (KEPT / f"{name}.md").write_text("\n\n".join(table.markdown() for table in tables))


def as_json(name: str, where: dict[str, object], tables: Sequence[Table], seconds: float) -> dict[str, Any]:
    return {
        "bench": name,
        "machine": where,
        "seconds": round(seconds, 1),
        "tables": [table.to_dict() for table in tables],
        "not_held": worse(tables),
    }
