"""Tables made ready for a job, beside pandas.read_csv; and the exact moments, beside a float64 mean.

    python -m bench reading [--json]

Processor time is measured, in processes of their own, so that other load on the machine matters less. A table is ready
when its training and validation files are written: pandas has only read it. Writes docs/results/reading.md.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench import mutated, report
from bench.compare import Peer, PeerMissing, ratio, take_turns
from bench.figures import Limit, Line, Table
from bench.machine import ROOT
from roundelay.ml import exact_moments, prepare
from roundelay.ml.data import Floats
from roundelay.ml.readers import table

ABOUT = "Reading: tables ready for a job beside pandas, and exact moments"
ROWS, FEATURES, CLASSES = 600_000, 54, 7
FORMATS = {"numbers of 4 decimals": "%.4f", "numbers of 17 digits": "%.17g"}
BYTES = 240_000_000
TURNS = 3
TIMES_MAX, MEMORY_MAX_MB, MOMENTS_MAX = 3.0, 500, 6.0
MUTATED, SAMPLE_ROWS = 10_000, 2000
MOMENT_ROWS = 400_000
NOTES = (
    "The ratio is how many times pandas' processor seconds ours are. Ours also checks every field, splits the rows by "
    "the seed, and writes training files with their digests and checksums.",
)


def main(arguments: Sequence[str]) -> int:
    return report.main("reading", ABOUT, measure, arguments)


def measure() -> list[Table]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-bench-")))
        try:
            peer: Peer | None = Peer("pandas_reader", stack)
        except PeerMissing:
            peer = None
        lines = [line for what, form in FORMATS.items() for line in _ready(what, form, folder, peer)]
    return [Table("240 MB of CSV", tuple(lines), NOTES), _agreement(), _moments()]


def _ready(what: str, form: str, folder: Path, peer: Peer | None) -> list[Line]:
    path = folder / "table.csv"
    _write_table(path, form)
    memory: list[float] = []

    def ours() -> float:
        seconds, megabytes = _in_own_process(path)
        memory.append(megabytes)
        return seconds

    measures = {"ours": ours}
    if peer is not None:
        measures["pandas"] = lambda: float(peer.ask(path=str(path)))
    found = take_turns(measures, TURNS)
    middle = sorted(found["ours"])[TURNS // 2]
    limit = Limit(TIMES_MAX, at_least=False)
    if peer is None:
        beside = Line(what, "s", middle, "pandas.read_csv", limit=limit, why_not="make bench-peers")
    else:
        times = ratio(found["pandas"], found["ours"])
        beside = Line(what, "s", middle, "pandas.read_csv", sorted(found["pandas"])[TURNS // 2], times, limit)
    return [beside, Line(f"{what}, peak memory", "MB", max(memory), limit=Limit(MEMORY_MAX_MB, at_least=False))]


def _write_table(path: Path, form: str) -> None:
    """Write rows of normal numbers and an integer class, BYTES in all."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join([*(f"f{n}" for n in range(FEATURES)), "class"]) + "\n")
        while file.tell() < BYTES:
            x, y = rng.standard_normal((2000, FEATURES)), rng.integers(0, CLASSES, 2000)
            np.savetxt(file, np.column_stack([x, y]), [form] * FEATURES + ["%d"], ",")


def _in_own_process(path: Path) -> tuple[float, float]:
    child = subprocess.run([sys.executable, "-m", "bench.reading", path], cwd=ROOT, capture_output=True, check=True)
    seconds, megabytes = json.loads(child.stdout)
    return seconds, megabytes


def make_ready(path: Path) -> tuple[float, float]:
    """Prepare a table; return the processor seconds, and the most megabytes that this process has used."""
    with tempfile.TemporaryDirectory(prefix="roundelay-bench-") as out:
        began = time.process_time()
        prepare.prepare_folder(prepare.PrepareRequest(path, Path(out)))
        seconds = time.process_time() - began
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def _agreement() -> Table:
    """Compare the fast way of reading with the slow one, row by row."""
    with tempfile.TemporaryDirectory() as folder:
        different = 0
        for form in FORMATS.values():
            path = Path(folder) / "table.csv"
            _write_rows(path, form)
            fast, slow = (table.read(path, fast=way).training[0] for way in (True, False))
            different += any(a.tobytes() != b.tobytes() for a, b in zip(fast.blocks(), slow.blocks(), strict=True))
    none = Limit(0, at_least=False)
    lines = (
        Line("tables of other bytes", "tables", different, limit=none),
        Line(
            f"other verdicts on {MUTATED} small tables with faults",
            "tables",
            len(mutated.disagreements(MUTATED)),
            limit=none,
        ),
    )
    return Table("The fast way of reading beside the slow one", lines)


def _write_rows(path: Path, form: str) -> None:
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.standard_normal((SAMPLE_ROWS, FEATURES)), rng.integers(0, CLASSES, SAMPLE_ROWS)])
    np.savetxt(path, rows, [form] * FEATURES + ["%d"], ",")


def _moments() -> Table:
    x = np.random.default_rng(2).standard_normal((MOMENT_ROWS, FEATURES)).astype(np.float32)  # (n, d)
    found = take_turns({"ours": lambda: _timed(exact_moments.feature_sums, x), "float64": lambda: _timed(_plain, x)}, 5)
    sample = x[:SAMPLE_ROWS]
    sums = exact_moments.feature_sums(sample)
    wrong = sum(
        Fraction(total, 1 << 149) != sum(map(Fraction, column))
        or Fraction(squares, 1 << 298) != sum(Fraction(value) ** 2 for value in column)
        for total, squares, column in zip(sums.sums, sums.squares, sample.T.tolist(), strict=True)
    )
    times = ratio(found["float64"], found["ours"])
    lines = (
        Line(
            f"{MOMENT_ROWS} x {FEATURES} numbers",
            "s",
            sorted(found["ours"])[2],
            "float64 mean and sum of squares",
            sorted(found["float64"])[2],
            times,
            Limit(MOMENTS_MAX, at_least=False),
        ),
        Line("sums that differ from those of fractions", "columns", wrong, limit=Limit(0, at_least=False)),
    )
    return Table("Exact moments", lines)


def _plain(x: Floats) -> object:
    return x.mean(axis=0, dtype=np.float64), np.einsum("nd,nd->d", x, x, dtype=np.float64)


def _timed(work: object, x: Floats) -> float:
    began = time.process_time()
    work(x)  # type: ignore[operator]
    return time.process_time() - began


if __name__ == "__main__":
    print(json.dumps(make_ready(Path(sys.argv[1]))))
