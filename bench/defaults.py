"""Default settings on many tables, beside scikit-learn's central classifier.

    python -m bench defaults [--quick] [--minutes N] [--data DIR] [--continue FILE] [--json]

Tables are generated, or shipped with scikit-learn or with us. Each is divided into eight files and trained with the
settings that the client chooses for it. A fifth of the rows is held out, on which our jobs choose the round that they
keep. Both errors are on further rows that are generated with the table; tables that exist have no others, so there
both are on the fifth.
The tables are trained by the centralized reference, whose chain of results equals that of a ring, byte for byte
(tests/federation/test_step_size.py); the topologies are trained on a ring of processes. A run that was interrupted
goes on where it stopped, with --continue. Writes docs/results/defaults.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bench.compare import Peer, PeerMissing
from bench.default_cases import FILES, QUICK_ROWS, Case, all_cases
from bench.default_jobs import FEW_ROWS, JUDGING_ROWS, SEEDS, measure, save, seeds_of
from bench.kept_results import KeptResults, Result, UnreadableResults
from bench.machine import short_sentence
from bench.report import markdown_table, write
from bench.shipped_tables import LettersTable

MINUTES = 120.0
WITHIN, WORST = 2.0, 4.0  # points of error that a table may be worse by: nine of ten tables, every table
PEER_NAMES = ("sklearn_error", "sklearn_seconds")  # in a result


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench defaults", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"only tables of up to {QUICK_ROWS:,} rows")
    parser.add_argument("--minutes", type=float, default=MINUTES, metavar="N", help="begin no table after N minutes")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with mnist, and the UCI letters")
    parser.add_argument(
        "--continue", dest="file", type=Path, metavar="FILE", help="keep each result in FILE, and measure no case of it"
    )
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    end = time.monotonic() + 60 * chosen.minutes
    cases = all_cases(chosen.quick, chosen.data)
    try:
        kept = KeptResults(chosen.file)
    except UnreadableResults as error:
        parser.error(str(error))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = list(_measure_all(cases, folder, end, _peer(stack), kept))
    found = _summary(rows, len(cases) - len(rows))
    text = _document(rows, found)
    if not chosen.quick:
        write("defaults.md", text)
    print(json.dumps({**found, "tables": rows}) if chosen.json else text)
    return 0 if found["held"] else 1


def _measure_all(
    cases: Sequence[Case], folder: Path, end: float, peer: Peer | None, kept: KeptResults
) -> Iterator[Result]:
    """Yield the result of each case: one that is kept, or a new one."""
    theirs: dict[str, Result] = {}
    for case in cases:
        result = kept.find(case.table.name, case.what)
        if result is None and time.monotonic() > end:
            continue
        if result is None:
            began = time.monotonic()
            result = _measure_beside(case, folder, peer, theirs.get(case.table.name))
            result = {**result, "seconds_in_all": round(time.monotonic() - began, 1)}
            kept.add(result)
        theirs.setdefault(case.table.name, {name: result[name] for name in PEER_NAMES if name in result})
        yield result


def _measure_beside(case: Case, folder: Path, peer: Peer | None, theirs: Result | None) -> Result:
    """Measure a case, and the peer on its table, unless that has been done."""
    data, table = folder / "table.npz", case.table
    row: Result = {"table": table.name, "what": case.what}
    try:
        held_out = save(table, data)
    except PeerMissing as error:
        return {**row, "skipped": str(error)}
    if not theirs:
        theirs = _beside(peer, held_out, seeds_of(table))
    limit = {"limit": table.limit} if isinstance(table, LettersTable) else {}
    return {**row, **limit, **measure(case, data), **theirs}


def _peer(stack: ExitStack) -> Peer | None:
    try:
        return Peer("sklearn_classifier", stack)
    except PeerMissing:
        return None


def _beside(peer: Peer | None, data: Path, seeds: Iterable[int]) -> Result:
    """Return the peer's mean error and seconds over these seeds."""
    if peer is None:
        return {}
    theirs = [peer.ask(data=str(data), seed=seed) for seed in seeds]
    error, seconds = (mean(each[name] for each in theirs) for name in ("error", "seconds"))
    return dict(zip(PEER_NAMES, (round(error, 6), round(seconds, 1)), strict=True))


def _summary(rows: Sequence[Mapping[str, Any]], left: int) -> dict[str, Any]:
    failed = [row["table"] for row in rows if "failed" in row]
    above = [row["table"] for row in rows if row.get("loss", 0) > row.get("guessing", 0)]
    even = [row for row in rows if not row["what"] and "error" in row and "sklearn_error" in row]
    points = [100 * (row["error"] - row["sklearn_error"]) for row in even]
    missed = [row["table"] for row in rows if "error" in row and row["error"] > row.get("limit", 1)]
    within = sum(each <= WITHIN for each in points)
    enough = within >= 0.9 * len(points) and max(points, default=0.0) <= WORST
    return {
        "bench": "defaults",
        "cases": len(rows),
        "not_begun": left,
        "failed": failed,
        "above_guessing": above,
        "above_their_limit": missed,
        "skipped": [row["table"] for row in rows if "skipped" in row],
        "even_tables": len(points),
        "within_2_points": within,
        "worst_points": round(max(points, default=0.0), 2),
        "mean_points": round(float(np.mean(points)), 2) if points else 0.0,
        "seconds": round(sum(row["seconds_in_all"] for row in rows)),
        "held": not failed and not above and not missed and enough,
    }


def _document(rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any]) -> str:
    lines = [
        "# Default settings on many tables",
        "",
        f"`python -m bench defaults`, {found['seconds']} s, {short_sentence()}. Each table is divided into {FILES} "
        "files of equal size (letters: their own files) and trained with the settings that the client chooses "
        "(decision 19). The peer is "
        "scikit-learn's central `MLPClassifier((256,), early_stopping=True)` on standardised rows. A fifth of the rows "
        "is held out: on it our jobs choose the round that they keep. They train on all other rows, of which "
        "scikit-learn holds out a tenth for the same purpose. Of generated tables, both errors are on the same "
        f"{JUDGING_ROWS:,} further rows, on which nothing is trained or chosen. Tables that exist have no further "
        "rows: there both errors are on the held-out fifth, which flatters our jobs a little. "
        f"Generated tables of fewer than {FEW_ROWS:,} rows are trained with {SEEDS} seeds on both sides: errors and "
        "seconds are means, counts are medians.",
        "",
        *([f"{found['not_begun']} further cases were not begun: the time was up.", ""] if found["not_begun"] else []),
        f"{len(found['failed'])} of {found['cases']} jobs failed, {len(found['above_guessing'])} ended with a training "
        f"loss above that of guessing. {found['within_2_points']} of {found['even_tables']} even tables are at most "
        f"{WITHIN:g} points worse than scikit-learn; the worst by {found['worst_points']}, the mean is "
        f"{found['mean_points']:+}.",
        "",
    ]
    headings = (
        "table",
        "options",
        "error",
        "scikit-learn",
        "points",
        "kept round",
        "rounds",
        "halvings",
        "s",
        "s there",
    )
    return "\n".join([*lines, *markdown_table(headings, [_cells(row) for row in rows]), ""])


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    for what in ("failed", "skipped"):
        if what in row:
            return (row["table"], row["what"], f"{what}: {row[what]}", *[""] * 7)
    peer = row.get("sklearn_error")
    points = "" if peer is None else f"{100 * (row['error'] - peer):+.1f}"
    shown = "" if peer is None else f"{peer:.4f}"
    what = row["what"] or (f"own files, error <= {row['limit']:.3f}" if "limit" in row else "")
    counts = (row["kept"], row["rounds"], row["halvings"], f"{row['seconds']:.1f}", row.get("sklearn_seconds", ""))
    return (row["table"], what, f"{row['error']:.4f}", shown, points, *counts)
