"""Non-IID files: the error of each aggregation rule against Dirichlet's alpha.

    python -m bench noniid [--rounds N] [--json]

The shipped letters are split (roundelay/ml/partition.py) and trained in one process with the arithmetic of nodes and
drivers: a ring would give the same bits. Writes docs/results/noniid.md and .svg.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.machine import short_sentence
from bench.report import markdown_table, write
from roundelay.federation import replay
from roundelay.federation.requests import TrainingFile
from roundelay.federation.rules import RULES
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.ml import partition
from roundelay.ml.readers.source import number_labels
from roundelay.ml.validate import Validator
from roundelay.ml.worker import Worker
from roundelay.node.subprocesses import ROOT
from roundelay.sim.plot import Plot, PlotSeries, svg
from roundelay.store.blobs import digest_of

# The rules that were made for files that differ; those against malicious files are on the page of `bench robust`.
SHOWN = tuple(rule for rule, about in RULES.items() if about.needs == "sum" or rule == "qfedavg")
ALPHAS = (0.1, 1.0, 100.0)
FILES, ROUNDS, SEED = 16, 30, 1
COMMON: dict[str, Any] = {"hidden": (64,), "epochs": 2, "eta": 0.1, "rounds": ROUNDS}
TUNED: dict[str, dict[str, float]] = {
    "fedavgm": {"server_momentum": 0.5},
    "fedadagrad": {"server_eta": 0.1},
    "scaffold": {"momentum": 0.0, "eta": 0.05},  # as in its paper; it diverges at the steps that the others stand
}
CLASSES, FEATURES = 26, 16
LETTERS = ROOT / "letters"
HELD_OUT = LETTERS / "validate_letters.txt"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench noniid", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    began = time.process_time()
    lines, labels = read_letters()
    errors: dict[str, dict[float, float]] = {rule: {} for rule in SHOWN}
    for alpha in ALPHAS:
        contents, files = split(lines, labels, alpha)
        worker = Worker()
        for rule, spec in make_specs(files, chosen.rounds).items():
            errors[rule][alpha] = error(spec, contents, worker)
    found = {
        "bench": "noniid",
        "files": FILES,
        "rounds": chosen.rounds,
        "alphas": ALPHAS,
        "cpu_seconds": round(time.process_time() - began, 1),
        "errors": {
            rule: {f"{alpha:g}": round(value, 4) for alpha, value in row.items()} for rule, row in errors.items()
        },
        "held": all(row[min(ALPHAS)] >= row[max(ALPHAS)] for row in errors.values()),
    }
    text = document(chosen.rounds, errors)
    write("noniid.md", text)
    write("noniid.svg", svg(_plot(errors)))
    print(json.dumps(found) if chosen.json else text)
    return 0 if found["held"] else 1


def read_letters() -> tuple[list[bytes], np.ndarray]:
    """Return the lines of the shipped letters, and their classes."""
    rows = partition.read(LETTERS, CLASSES, HELD_OUT)
    return rows.lines, number_labels(rows.values)[0]


def split(lines: list[bytes], labels: np.ndarray, alpha: float) -> tuple[dict[str, bytes], tuple[TrainingFile, ...]]:
    """Split the letters; return the contents by digest, and the files."""
    contents, files = {}, []
    for index, part in enumerate(partition.split(labels, FILES, "dirichlet", SEED, alpha=alpha)):
        content = b"".join(lines[row] + b"\n" for row in part)
        digest = digest_of(content)
        contents[digest] = content
        files.append(TrainingFile(index, partition.file_name(index, FILES), digest, len(content), len(part)))
    return contents, tuple(files)


def make_specs(files: tuple[TrainingFile, ...], rounds: int) -> dict[str, JobSpec]:
    """Return the jobs to train on these files, by rule."""
    return {rule: make_spec(rule, files, rounds) for rule in SHOWN}


def make_spec(rule: str, files: tuple[TrainingFile, ...], rounds: int) -> JobSpec:
    settings = Settings(**COMMON | TUNED.get(rule, {}) | {"rule": rule, "rounds": rounds})
    content = HELD_OUT.read_bytes()
    held_out = TrainingFile(len(files), HELD_OUT.name, digest_of(content), len(content), 1)
    return JobSpec(settings, files, held_out, FEATURES, CLASSES)


def error(spec: JobSpec, contents: dict[str, bytes], worker: Worker) -> float:
    """Train, and return the validation error after the last round."""
    moments = replay.moments(spec, contents, worker)
    *_, weights = replay.rounds(spec, moments, worker)
    validator = Validator(spec.design, HELD_OUT.name, HELD_OUT.read_bytes())
    return validator(weights, moments).error_rate


def document(rounds: int, errors: dict[str, dict[float, float]]) -> str:
    tuned = {rule: ", ".join(f"{name} {value}" for name, value in TUNED.get(rule, {}).items()) for rule in SHOWN}
    rows = [(rule, tuned[rule] or "defaults", *(f"{errors[rule][alpha]:.4f}" for alpha in ALPHAS)) for rule in SHOWN]
    lines = [
        "# Non-IID files: error by aggregation rule",
        "",
        f"`python -m bench noniid`, {short_sentence()}. The shipped letters, split into {FILES} files by "
        f"Dirichlet(alpha) (seed {SEED}): the smaller alpha, the fewer classes in a file. Layers 16-64-26, 2 local "
        f"epochs, eta 0.1, {rounds} rounds; the figures are validation errors, and the same on every run. Settings "
        "that differ for a rule are named. Rules against malicious files are on the page of "
        "[robust aggregation](robust.md).",
        "",
        *markdown_table(("rule", "settings", *(f"alpha {alpha:g}" for alpha in ALPHAS)), rows),
        "",
        "![error against alpha](noniid.svg)",
        "",
    ]
    return "\n".join(lines)


def _plot(errors: dict[str, dict[float, float]]) -> Plot:
    series = tuple(PlotSeries(rule, tuple(row.items())) for rule, row in errors.items())
    return Plot("noniid", "Validation error against Dirichlet's alpha", "alpha", "validation error", series, log_x=True)
