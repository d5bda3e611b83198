"""Runs the whole suite and writes docs/results/faults.md.

    python -m chaos report [--part PART] [--again] [--json]

Runs the random kills, the kills at every failpoint, the set checker and all scenarios, one after the other (more
than an hour on two cores). The result of each piece is kept in build/chaos/, so that an interrupted run can go on;
--again begins anew, and --kept runs nothing: the document then names the pieces that are missing. Each part names the
commit that it was run on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chaos.matrix import FAILPOINTS
from chaos.rows import registry
from roundelay.node.subprocesses import ROOT

KEPT = ROOT / "build" / "chaos"
DOCUMENT = ROOT / "docs" / "results" / "faults.md"
RUNS, SEED, KILLS = 50, 7, 10
PARTS: dict[str, dict[str, tuple[str, ...]]] = {  # the pieces of each part
    "faults": {"faults": ("faults", "--runs", str(RUNS), "--seed", str(SEED), "--json")},
    "matrix": {f"matrix-{role.replace(' ', '-')}": ("matrix", "--only", role, "--json") for role in FAILPOINTS},
    "history": {"history": ("history", "--kills", str(KILLS), "--seed", str(SEED), "--json")},
    "rows": {f"row-{name}": ("rows", name, "--json") for name in registry()},
}
TIMEOUT_S = 7200.0
SUMMED = ("cases", "killed", "finished", "equal", "files_lost", "failures")

Found = dict[str, Any]  # what a piece printed as JSON


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos report", description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="run everything again")
    parser.add_argument("--kept", action="store_true", help="run nothing; write what was found so far")
    parser.add_argument("--part", choices=PARTS, help="run only this part, and write no document")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    for part in PARTS if not chosen.kept else ():
        for piece in PARTS[part] if chosen.part in (None, part) else ():
            run(piece, PARTS[part][piece], chosen.again)
    found = {part: merged(part, pieces) for part in PARTS if (pieces := kept(part))}
    if chosen.part:
        print(json.dumps(found.get(chosen.part)))
        return 0
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(document(found))
    good = all(is_good(found).values()) and all(len(kept(part)) == len(PARTS[part]) for part in PARTS)
    print(json.dumps({"suite": "report", "held": is_good(found)}) if chosen.json else f"{DOCUMENT} written")
    return 0 if good else 1


def run(piece: str, arguments: Sequence[str], again: bool) -> None:
    """Run a piece, unless its result is kept. Its progress goes to standard error."""
    place = KEPT / f"{piece}.json"
    if place.exists() and not again:
        return
    commit = _commit()  # when the piece began
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *arguments], cwd=ROOT, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False
    )
    found: Found = json.loads(done.stdout) | {"made": time.strftime("%Y-%m-%d"), "commit": commit}
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found))


def kept(part: str) -> list[Found]:
    """Return the results of the pieces of a part that have been run."""
    places = [KEPT / f"{piece}.json" for piece in PARTS[part]]
    return [json.loads(place.read_text()) for place in places if place.exists()]


def merged(part: str, pieces: list[Found]) -> Found:
    """Join the pieces of a part."""
    whole = dict(pieces[0])
    for piece in pieces[1:]:
        if part == "rows":
            whole["rows"] = [*whole["rows"], *piece["rows"]]
        else:  # the matrix: each piece has figures of its own role only
            whole |= {key: whole[key] + piece[key] for key in SUMMED}
            whole["roles"] |= {role: figures for role, figures in piece["roles"].items() if figures["cases"]}
    whole["commit"] = ", ".join(dict.fromkeys(piece["commit"] for piece in pieces))
    whole["pieces"] = f"{len(pieces)} of {len(PARTS[part])}"
    return whole


def is_good(found: dict[str, Found]) -> dict[str, bool]:
    """Return whether each part kept its promises."""
    verdicts: dict[str, Callable[[Found], bool]] = {
        "faults": lambda f: f["finished"] == f["equal"] == f["runs"] and not f["files_lost"],
        "matrix": lambda f: not f["failures"],
        "history": lambda f: not f["lost"] and not f["other_bytes"],
        "rows": lambda f: all(row["held"] or row["skipped"] for row in f["rows"]),
    }
    return {part: verdicts[part](found[part]) for part in found}


def document(found: dict[str, Found]) -> str:
    """Return the document as Markdown."""
    chapters: list[Callable[[Found], list[str]]] = [_faults, _matrix, _history, _rows]
    made = max((each["made"] for each in found.values()), default="no day")
    commits = "; ".join(f"{part} {found[part]['commit']}" for part in found)
    lines = [
        "# What happens when something dies, hangs or lies",
        "",
        f"Made by `make faults` on {made}: {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores shared with others, Python {platform.python_version()}, numpy {np.__version__}. "
        "Real processes on loopback; times are as that machine was, hashes are exact. "
        f"Commits: {commits}.",
        "",
        "> Kill any one process (supernode, client, job owner, trainer) at any moment, and the job finishes with the "
        "same model, bit for bit.",
        "",
    ]
    for chapter, part in zip(chapters, PARTS, strict=True):
        lines += [*chapter(found[part]), ""] if part in found else []
        if (pieces := len(kept(part))) < len(PARTS[part]):
            lines += [
                f"**Incomplete: {pieces} of {len(PARTS[part])} pieces of `{part}` have been run** "
                f"(`python -m chaos report --part {part}` runs the others).",
                "",
            ]
    return "\n".join(lines)


def _faults(found: Found) -> list[str]:
    recovery = found["recovery_s"]
    return [
        f"## {found['runs']} random (role, time) pairs",
        "",
        f"`python -m chaos faults --runs {found['runs']} --seed {found['seed']} --json`: 5 nodes, 3 copies, 6 rounds; "
        "one process killed with -9 at a random moment, and not restarted before the job has ended.",
        "",
        f"finished {found['finished']}, equal {found['equal']}, files lost {found['files_lost']}, recovery "
        f"p50 {recovery['p50']} s, p99 {recovery['p99']} s (from the kill until a RESULT is stored that was not there "
        f"yet); an undisturbed job takes {found['undisturbed_s']} s, all runs took {found['seconds']:.0f} s.",
        "",
        *_table(
            ("killed", "runs", "finished", "equal", "recovery p50, s", "worst, s"),
            [(role, *(str(value) for value in figures.values())) for role, figures in found["roles"].items()],
        ),
    ]


def _matrix(found: Found) -> list[str]:
    return [
        "## Every role at every failpoint",
        "",
        f"`python -m chaos matrix --json`: {found['cases']} cases, a process killed in {found['killed']}, "
        f"{found['finished']} finished, {found['equal']} equal, files lost {found['files_lost']}.",
        "",
        *_table(
            ("role", "kills", "equal", "failpoints"),
            [
                (role, str(figures["cases"]), str(figures["equal"]), ", ".join(f"`{p}`" for p in figures["failpoints"]))
                for role, figures in found["roles"].items()
                if figures["cases"]
            ],
        ),
    ]


def _history(found: Found) -> list[str]:
    return [
        "## An acknowledged put is never lost",
        "",
        f"`python -m chaos history --seed {found['seed']} --json`: {found['acknowledged']} puts acknowledged and "
        f"{found['not_acknowledged']} not, while {found['kills']} nodes were killed, two of five at a time, and "
        f"restarted with empty stores; {found['read_meanwhile']} of them were read meanwhile, "
        f"{found['errors_meanwhile']} reads ended in an error. "
        f"In the end lost: {found['lost']}, other bytes: {found['other_bytes']}.",
    ]


def _rows(found: Found) -> list[str]:
    rows = found["rows"]
    lines = ["## What else can go wrong, and what people see", "", "`python -m chaos rows --json`", ""]
    lines += _table(
        ("fault", "promise", "held", "figures"),
        [
            (
                row["fault"],
                row["promise"],
                row["skipped"] or ("yes" if row["held"] else "**no**"),
                ", ".join(f"{key} {value}" for key, value in row["figures"].items()),
            )
            for row in rows
        ],
    )
    for row in rows:
        if row["console"]:
            console = [f"{each['console']}: {each['line']}" for each in row["console"]]
            lines += ["", f"### {row['fault']}", "", "```", *console, "```"]
    return lines


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def _commit() -> str:
    """Return the commit as git describes it, with a plus if files were changed."""
    try:
        command = ["git", "describe", "--always", "--dirty=+", "--abbrev=7"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
