"""Runs the whole suite and writes docs/results/faults.md.

    python -m chaos report [--only PIECE ...] [--again | --kept] [--json]

Runs the random kills, the same on hosts far apart, the kills at every failpoint, the set checker and all scenarios, one
after the other (more than an hour on two cores). The result of each piece is kept in docs/results/faults.json, and a
piece that has a result is not run again: an interrupted run goes on, and the page is always written from all that is
kept. --only runs some pieces, or the pieces of a part, again; --again runs all; --kept runs nothing. The page names the
pieces that are missing, and the commits that each part was run on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chaos.matrix import FAILPOINTS
from chaos.rows import registry
from roundelay.node.subprocesses import ROOT

DOCUMENT = ROOT / "docs" / "results" / "faults.md"
KEPT = DOCUMENT.with_suffix(".json")
RUNS, RUNS_FAR, DELAY_MS, SEED, KILLS = 50, 20, 50, 7, 10
_FAULTS = ("faults", "--seed", str(SEED), "--json", "--runs")
PARTS: dict[str, dict[str, tuple[str, ...]]] = {  # the pieces of each part
    "faults": {"faults": (*_FAULTS, str(RUNS))},
    "far": {"far": (*_FAULTS, str(RUNS_FAR), "--delay", str(DELAY_MS))},
    "matrix": {f"matrix-{role.replace(' ', '-')}": ("matrix", "--only", role, "--json") for role in FAILPOINTS},
    "history": {"history": ("history", "--kills", str(KILLS), "--seed", str(SEED), "--json")},
    "rows": {f"row-{name}": ("rows", name, "--json") for name in registry()},
}
PIECES = {name: command for pieces in PARTS.values() for name, command in pieces.items()}
TIMEOUT_S = 7200.0
SUMMED = ("cases", "killed", "finished", "equal", "files_lost", "failures")

Found = dict[str, Any]  # what a piece printed as JSON


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos report", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", nargs="+", choices=[*PARTS, *PIECES], metavar="PIECE", help="run only these pieces or parts, again"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--again", action="store_true", help="run everything again")
    which.add_argument("--kept", action="store_true", help="run nothing; write what was found so far")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    for piece in [] if chosen.kept else pieces_to_run(chosen.only or (), chosen.again, kept()):
        run(piece)
    results = kept()
    found = {part: merged(part, pieces) for part in PARTS if (pieces := results_of(part, results))}
    DOCUMENT.write_text(document(found, results))
    print(json.dumps({"suite": "report", "held": is_good(found)}) if chosen.json else f"{DOCUMENT} written")
    return 0 if all(is_good(found).values()) and len(results) == len(PIECES) else 1


def pieces_to_run(only: Sequence[str], again: bool, results: Mapping[str, Found]) -> list[str]:
    """Return the pieces that are named by themselves or by their part; without names, those that have no result."""
    if only:
        return [piece for part in PARTS for piece in PARTS[part] if part in only or piece in only]
    return [piece for piece in PIECES if again or piece not in results]


def run(piece: str) -> None:
    """Run a piece and keep what it prints, if it prints anything. Its progress goes to standard error."""
    commit = _commit()  # when the piece began
    command = [sys.executable, "-m", "chaos", *PIECES[piece]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=TIMEOUT_S, check=False)
    if not done.stdout.strip():
        print(f"{piece}: no result, exit code {done.returncode}", file=sys.stderr, flush=True)
        return
    found: Found = json.loads(done.stdout) | {"made": time.strftime("%Y-%m-%d"), "commit": commit}
    keep({**kept(), piece: found})


def kept() -> dict[str, Found]:
    """Return the results that are kept, in the order of the pieces."""
    found: dict[str, Found] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return {piece: found[piece] for piece in PIECES if piece in found}


def keep(results: Mapping[str, Found]) -> None:
    """Write all results, a piece a line."""
    lines = ",\n".join(f"{json.dumps(piece)}: {json.dumps(found)}" for piece, found in results.items())
    KEPT.with_suffix(".new").write_text(f"{{\n{lines}\n}}\n")
    KEPT.with_suffix(".new").replace(KEPT)


def results_of(part: str, results: Mapping[str, Found]) -> list[Found]:
    """Return the results of the pieces of a part that have been run."""
    return [results[piece] for piece in PARTS[part] if piece in results]


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
        "faults": _are_equal,
        "far": _are_equal,
        "matrix": lambda f: not f["failures"],
        "history": lambda f: not f["lost"] and not f["other_bytes"],
        "rows": lambda f: all(row["held"] or row["skipped"] for row in f["rows"]),
    }
    return {part: verdicts[part](found[part]) for part in found}


def _are_equal(found: Found) -> bool:
    return bool(found["finished"] == found["equal"] == found["runs"] and not found["files_lost"])


def document(found: dict[str, Found], results: Mapping[str, Found]) -> str:
    """Return the document as Markdown."""
    chapters: list[Callable[[Found], list[str]]] = [_faults, _far, _matrix, _history, _rows]
    days = sorted({each["made"] for each in results.values()})
    made = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "no day"
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
        if (pieces := len(results_of(part, results))) < len(PARTS[part]):
            lines += [
                f"**Incomplete: {pieces} of {len(PARTS[part])} pieces of `{part}` have been run** "
                "(`python -m chaos report` runs the others).",
                "",
            ]
    return "\n".join(lines)


def _faults(found: Found) -> list[str]:
    command = f"python -m chaos faults --runs {found['runs']} --seed {found['seed']} --json"
    return [
        f"## {found['runs']} random (role, time) pairs",
        "",
        f"`{command}`: 5 nodes, 3 copies, 6 rounds; "
        "one process killed with -9 at a random moment, and not restarted before the job has ended.",
        "",
        *_kills(found),
    ]


def _far(found: Found) -> list[str]:
    delay = f"{found['delay_ms']:g}"
    command = f"python -m chaos faults --runs {found['runs']} --seed {found['seed']} --delay {delay} --json"
    return [
        "## The same on hosts that are far apart",
        "",
        f"`{command}`: each node in a network namespace of its own, {delay} ms from every other. An undisturbed round "
        "takes 3 round trips beside its training.",
        "",
        *_kills(found),
    ]


def _kills(found: Found) -> list[str]:
    recovery = found["recovery_s"]
    return [
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
