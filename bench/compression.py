"""Compression: the bytes of a round and the error of the model, by --compress. `python -m bench compression [--json]`.

Every job is the command that users type: the shipped letters on four nodes of this machine. The client drives it, and
its messages to the nodes are counted as they go over the wire.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from bench import report
from bench.figures import Limit, Line, Table
from bench.machine import ROOT

NODES, ROUNDS, EPOCHS, HIDDEN, SEEDS = 4, 50, 3, 1024, (0, 1, 2)
FEATURES, CLASSES = 16, 26
PARAMETERS = (FEATURES + 1) * HIDDEN + (HIDDEN + 1) * CLASSES
TRAINING = ("order", "collect")  # the calls that carry weights to trainers and updates back
COMPARED = ("auto", "int8", "topk")  # with a limit of their error; the others run once
FLOWER = 8.0  # float32 both ways
TIMEOUT_S, ATTEMPTS = 170.0, 3
LETTERS = ROOT / "letters"


@dataclass(frozen=True)
class Limits:
    """What a mode may take: bytes a parameter and round, and points of error more than exact updates."""

    bytes: float
    points: float | None = None


MODES = {"auto": None, "lossless": Limits(8.0), "int8": Limits(3.0, 0.2), "int4": None, "topk": Limits(0.5, 0.5)}


@dataclass(frozen=True)
class Run:
    """One job."""

    training: float  # bytes a parameter, node and round in the calls that train
    everything: float  # the same of all calls of the client
    error: float  # of the last round, in percent
    model: str
    attempts: int


def main(arguments: Sequence[str]) -> int:
    return report.main("compression", "Fewer bytes: rounds by --compress", measure, arguments)


def measure() -> list[Table]:
    runs = {mode: [run(mode, seed) for seed in (SEEDS if mode in COMPARED else SEEDS[:1])] for mode in MODES}
    return [_bytes(runs), _errors(runs)]


def run(mode: str, seed: int) -> Run:
    """Run one job."""
    with tempfile.TemporaryDirectory(prefix="roundelay-compression-") as name:
        file = Path(name) / "bytes.json"
        command = [
            sys.executable,
            "-m",
            "bench.counted_client",
            str(file),
            "train",
            str(LETTERS),
            "validate_letters.txt",
        ]
        command += ["--local", str(NODES), "--rounds", str(ROUNDS), "--hidden", str(HIDDEN), "--seed", str(seed)]
        command += ["--epochs", str(EPOCHS), "--compress", mode, "--json"]
        said, attempts = _output_of(command)
        printed = json.loads(said.splitlines()[-1])
        counts: dict[str, int] = json.loads(file.read_text())
    shares = PARAMETERS * NODES * ROUNDS
    training = sum(counts.get(method, 0) for method in TRAINING)
    error = 100 * printed["history"][-1]["validation_error"]
    return Run(training / shares, sum(counts.values()) / shares, error, printed["model_sha256"], attempts)


def _output_of(command: Sequence[str]) -> tuple[str, int]:
    """Run a job, up to ATTEMPTS times where a busy machine lets it fail. Return what it prints, and the attempts."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT, check=True)
            return done.stdout, attempt
        except subprocess.CalledProcessError as error:
            why = error.stderr
        except subprocess.TimeoutExpired as error:
            why = str(error)
        print(f"attempt {attempt} of {ATTEMPTS} failed: {why}", file=sys.stderr, flush=True)
    raise SystemExit(f"all {ATTEMPTS} attempts failed")


def _bytes(runs: dict[str, list[Run]]) -> Table:
    lines = []
    for mode, found in runs.items():
        limits = MODES[mode]
        limit = Limit(limits.bytes, at_least=False) if limits is not None else None
        lines.append(
            Line(f"{mode}, orders and results", "bytes", round(mean(r.training for r in found), 3), limit=limit)
        )
        lines.append(Line(f"{mode}, all calls of the driver", "bytes", round(mean(r.everything for r in found), 3)))
    return Table(
        "Bytes a parameter, node and round, both ways",
        tuple(lines),
        (
            f"{NODES} nodes, {PARAMETERS:,} parameters, {ROUNDS} rounds of {EPOCHS} epochs; means of {len(SEEDS)} "
            "seeds, lossless and int4 of one. Whole frames: lists of files, receipts and headers are counted. All "
            f"calls: models stored on the ring, too. Flower sends {FLOWER:g} bytes of float32, without headers.",
        ),
    )


def _errors(runs: dict[str, list[Run]]) -> Table:
    exact = mean(run.error for run in runs["auto"])
    equal = sum(run.model in {each.model for each in runs["auto"]} for run in runs["lossless"])
    lines = [
        Line("lossless: models with the hash of auto", f"of {len(runs['lossless'])}", equal, limit=Limit(1)),
        Line("auto: validation error", "%", round(exact, 3)),
    ]
    for mode in ("int8", "int4", "topk"):
        error, limits = mean(run.error for run in runs[mode]), MODES[mode]
        more = mean(run.error - same.error for run, same in zip(runs[mode], runs["auto"], strict=False))  # of one seed
        lines.append(Line(f"{mode}: validation error", "%", round(error, 3)))
        limit = Limit(limits.points, at_least=False) if limits is not None and limits.points is not None else None
        lines.append(Line(f"{mode}: more than exact updates", "points", round(more, 3), limit=limit))
    again = sum(run.attempts - 1 for found in runs.values() for run in found)
    note = f"After {ROUNDS} rounds; means of {len(SEEDS)} seeds, int4 of one, compared with auto of the same seeds."
    return Table("The model", tuple(lines), (f"{note} Attempts that failed, and were made again: {again}.",))
