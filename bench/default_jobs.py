"""Jobs of the benchmark of defaults: a table is written, trained with default settings, and judged.

Rows on which a job chooses the round that it keeps should not judge it. A generated table has further rows for that.
A table that exists has only those that are held out. With few rows the error is a draw of the initial weights, on both
sides: such a table is trained with several seeds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from bench.default_cases import Case, Table
from bench.generated_tables import GeneratedTable
from bench.shipped_tables import LettersTable
from roundelay.client.errors import ClientError
from roundelay.client.preparation import prepare
from roundelay.client.report import model_from
from roundelay.client.requests import DataOptions, TrainRequest
from roundelay.client.ring import local_ring
from roundelay.federation import replay
from roundelay.federation.early_stopping import best_round
from roundelay.federation.errors import FederationError
from roundelay.federation.step_size import guessing_loss
from roundelay.ml.errors import MLError
from roundelay.ml.readers.saved_model import SavedModel
from roundelay.ml.worker import Worker

HELD_OUT = 0.2  # of the rows
JUDGING_ROWS = 3_000  # of a generated table, beside its own: the standard error of an error is at most 0.9 points
NODES = 2
FEW_ROWS, SEEDS = 1_000, 3  # generated tables of fewer rows are trained with this many seeds


def save(table: Table, path: Path) -> Path:
    """Write a table for our client, and next to it the same rows for the peer; return the latter's path.

    Raises PeerMissing.
    """
    x, y = table.make(JUDGING_ROWS) if isinstance(table, GeneratedTable) else table.make()
    end = table.rows if isinstance(table, GeneratedTable) else len(x)
    rows = end - (table.held_out if isinstance(table, LettersTable) else round(HELD_OUT * end))
    np.savez(path, x_train=x[:rows], y_train=y[:rows], x_test=x[rows:end], y_test=y[rows:end])
    as_read, judging = x.astype(np.float32), slice(end if end < len(x) else rows, None)  # (n, d)
    np.savez(judging_file(path), x=as_read[:rows], y=y[:rows], held_x=as_read[judging], held_y=y[judging])
    return judging_file(path)


def judging_file(path: Path) -> Path:
    """Return where the peer's rows are, and those that judge."""
    return path.with_name("peer.npz")


def seeds_of(table: Table) -> range:
    """Return the seeds with which our jobs and the peer train a table."""
    return range(SEEDS if isinstance(table, GeneratedTable) and table.rows < FEW_ROWS else 1)


def measure(case: Case, data: Path) -> dict[str, Any]:
    """Train a table with default settings and each of its seeds; return its error, or why a job failed."""
    found = []
    for seed in seeds_of(case.table):
        found.append(_measure_once(replace(case, settings={**case.settings, "seed": seed}), data))
        if "failed" in found[-1]:
            return found[-1]
    return _join(found)


def _join(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the mean error and seconds of jobs that differ in their seed, the worst loss, and the median counts."""
    of_names: Mapping[str, Any] = {"error": mean, "seconds": mean, "loss": max}
    return {name: of_names.get(name, median)([each[name] for each in found]) for name in found[0]}


def _measure_once(case: Case, data: Path) -> dict[str, Any]:
    if isinstance(case.table, LettersTable):
        request = TrainRequest(case.table.path, case.table.validation_file, settings=case.settings)
    else:
        options = DataOptions(parts=case.parts)
        request = TrainRequest(data, settings=case.settings, data_options=options, partition=case.partition)
    began = time.monotonic()
    try:
        model, found = _on_ring(request) if "topology" in case.settings else _centralized(request)
    except (ClientError, FederationError, MLError) as error:
        return {"failed": str(error)}
    seconds = round(time.monotonic() - began, 1)
    judged = {"error": _judged_error(model, data)} if isinstance(case.table, GeneratedTable) else {}
    return {**found, **judged, "seconds": seconds}


def _judged_error(model: SavedModel, data: Path) -> float:
    """Return a model's error on the rows on which the peer is judged."""
    with np.load(judging_file(data)) as arrays:
        return float(np.mean(model.probabilities(arrays["held_x"]).argmax(axis=1) != arrays["held_y"]))


def _centralized(request: TrainRequest) -> tuple[SavedModel, dict[str, Any]]:
    with prepare(request) as prepared:
        spec, data = prepared.find_job(None)
        contents = {digest: bytes(data.contents[digest][:]) for digest in data.contents}
        worker = Worker()
        rounds = list(replay.chain(spec, contents, worker))
    kept = best_round([each.result for each in rounds])
    moments = replay.moments(spec, contents, worker)
    return model_from(spec, rounds[kept.round].weights, moments), {
        "error": kept.error,
        "loss": round(rounds[-1].result.loss, 4),
        "guessing": round(guessing_loss(spec), 4),
        "rounds": len(rounds) - 1,
        "kept": kept.round,
        "halvings": rounds[-1].result.halvings,
    }


def _on_ring(request: TrainRequest) -> tuple[SavedModel, dict[str, Any]]:
    with local_ring(NODES) as ring:
        report = ring.submit(request).result()
    return report.model, {
        "error": report.validation_error,
        "loss": round(report.rounds[-1].report.training_loss, 4),
        "guessing": round(guessing_loss(report.spec), 4),
        "rounds": len(report.rounds),
        "kept": report.kept.number,
        "halvings": report.rounds[-1].result.halvings,
    }
