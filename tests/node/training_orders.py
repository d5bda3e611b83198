"""Tiny jobs for tests: files of a few rows, and the orders that a driver would give for them."""

from __future__ import annotations

import numpy as np

from roundelay.federation import round_tasks, trained_round
from roundelay.federation.effects import Compute
from roundelay.federation.requests import Order, TrainingFile, trainer_task
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import TrainTask
from roundelay.ml.sliced import as_bytes
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of

FEATURES, CLASSES = 3, 4


def content(rows: int, seed: int) -> bytes:
    """Return a CSV of `rows` rows, each FEATURES small integers and a class."""
    rng = np.random.default_rng(seed)
    table = np.column_stack([rng.integers(0, 16, (rows, FEATURES)), rng.integers(0, CLASSES, rows)])  # (n, d + 1)
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist()).encode()


def make_spec(contents: dict[str, bytes], settings: Settings) -> JobSpec:
    """Return a job on these contents by name, validated on the first."""
    files = tuple(
        TrainingFile(index, name, digest_of(contents[name]), len(contents[name]), contents[name].count(b"\n"))
        for index, name in enumerate(sorted(contents))
    )
    return JobSpec(settings, files, files[0], FEATURES, CLASSES)


def training_order(spec: JobSpec, number: int = 1) -> tuple[Order, bytes]:
    """Return one order for all files, with raw inputs, and its initial weights."""
    weights = trained_round.first_weights(spec)
    moments = np.concatenate([np.zeros(FEATURES), np.ones(FEATURES)]).astype("<f4").tobytes()  # (2 d,)
    task = round_tasks.training_task(spec, moments)
    return Order(spec.job, number, spec.files, task, digest_of(weights), len(weights)), weights


def effect(order: Order, contents: dict[str, bytes], weights: bytes = b"") -> Compute:
    """Return the effect that a node gives its trainer for this order."""
    known = {digest_of(c): c for c in (*contents.values(), weights)}
    return Compute(order, known)


def computed_here(order: Order, contents: dict[str, bytes], weights: bytes) -> bytes:
    """Return the exact sum and the receipts that this order must produce, computed in this process."""
    worker = Worker()
    for name, data in contents.items():
        worker.add_file(digest_of(data), name, data, FEATURES, CLASSES)
    assert isinstance(order.task, TrainTask)
    update = worker.train(trainer_task(order.task, order.round, order.files), weights)
    return as_bytes(update.sum) + update.receipts
