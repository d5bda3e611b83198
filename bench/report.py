"""Writes what was measured to docs/results/, and runs a benchmark as a command: measure, print, write.

docs/results/NAME.md is for reading; build/bench/NAME.json keeps the same figures for `make bench`, which joins all.
A benchmark may have sections, which can be measured without the others: `--only A,B`. `make bench` repeats only those
sections that miss a limit.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import machine
from bench.figures import Table, broken_limits
from bench.machine import ROOT
from roundelay.node.console import console

RESULTS = ROOT / "docs" / "results"
KEPT = ROOT / "build" / "bench"
Measure = Callable[[], Sequence[Table]]
Sections = Mapping[str, Measure]  # tables that can be measured without the others


@dataclass(frozen=True)
class Section:
    """Tables that were measured together, and how long that took."""

    tables: Sequence[Table]
    seconds: float


def main(name: str, title: str, measure: Measure | Sections, arguments: Sequence[str]) -> int:
    """Run one benchmark from its command line; `--only` names the sections of one that has several."""
    sections = measure if isinstance(measure, Mapping) else {name: measure}
    parser = argparse.ArgumentParser(f"python -m bench {name}", description=title)
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    add_only(parser, tuple(sections))
    chosen = parser.parse_args(arguments)
    return run(name, title, sections, chosen.json, chosen.only)


def add_only(parser: argparse.ArgumentParser, sections: Sequence[str]) -> None:
    """Add the option that names the sections to measure."""

    def names(text: str) -> list[str]:
        only = list(filter(None, text.split(",")))
        if unknown := set(only) - set(sections):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}; known are {', '.join(sections)}")
        return only

    parser.add_argument(
        "--only", metavar="A,B", type=names, default=[], help=f"sections to measure, of {', '.join(sections)}"
    )


def run(name: str, title: str, sections: Sections, as_json: bool, only: Sequence[str] = ()) -> int:
    """Measure, write the tables, and print them or one line of JSON. only: sections; the others stay as written."""
    where, made = machine.describe(), dict[str, Section]()
    for section in only or sections:
        began = time.monotonic()
        made[section] = Section(sections[section](), time.monotonic() - began)
    tables = [table for section in made.values() for table in section.tables]
    found = _as_json(name, where, made)
    _write_tables(name, title, where, tables, found, only)
    if as_json:
        print(json.dumps(found))
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


def tables_of(document: str) -> dict[str, str]:
    """Return the tables of a document that was written here, by their headings."""
    parts = re.split(r"^(?=## )", document, flags=re.MULTILINE)
    return {part.split("\n", 1)[0]: part.rstrip("\n") + "\n" for part in parts if part.startswith("## ")}


def _write_tables(
    name: str, title: str, where: dict[str, object], tables: Sequence[Table], found: dict[str, Any], only: Sequence[str]
) -> None:
    """Write the document, and what `make bench` joins. only: sections; the other tables stay as they are."""
    command, written = f"python -m bench {name}", RESULTS / f"{name}.md"
    texts = {f"## {table.title}": table.markdown() for table in tables}
    if only and written.exists():
        texts = tables_of(written.read_text()) | texts
        command += f" --only {','.join(only)}"
    others = "; the other tables are of the run before" if only else ""
    head = f"`{command}`, {found['seconds']:.0f} s{others}. {machine.sentence(where)}"
    write(f"{name}.md", "\n\n".join([f"# {title}", head, *texts.values()]))
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(found))
    (KEPT / f"{name}.md").write_text("\n\n".join(texts.values()))


def _as_json(name: str, where: dict[str, object], sections: Mapping[str, Section]) -> dict[str, Any]:
    tables = [table for section in sections.values() for table in section.tables]
    return {
        "bench": name,
        "machine": where,
        "seconds": round(sum(section.seconds for section in sections.values()), 1),
        "tables": [table.to_dict() for table in tables],
        "not_held": broken_limits(tables),
        "missed": {key: round(each.seconds, 1) for key, each in sections.items() if broken_limits(each.tables)},
    }
