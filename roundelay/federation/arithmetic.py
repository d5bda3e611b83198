"""What a round computes, as pure functions: the tasks that nodes are given, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roundelay.federation.requests import TrainingFile
from roundelay.federation.rounds import PartialResult
from roundelay.federation.rules.steps import STEPS
from roundelay.federation.spec import JobSpec
from roundelay.ml import exact
from roundelay.ml.errors import NotFinite
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.models.catalogue import learner
from roundelay.ml.task import FileTask, TrainConfig, TrainerTask, local_seed


def first_weights(spec: JobSpec) -> bytes:
    """From the job's seed: little-endian float32."""
    return learner(spec.design).init_weights(spec.settings.seed).astype("<f4").tobytes()


def moments_task(spec: JobSpec) -> dict[str, object]:
    """Sum the features, and their squares."""
    return _work(spec, "moments", _task(spec, (), b""))


def training_task(spec: JobSpec, number: int, moments: bytes, files: Sequence[TrainingFile]) -> dict[str, object]:
    """Train these files in this round. Each file's seed depends on its place in the job, never on who trains it."""
    tasks = tuple(FileTask(f.digest, f.rows, local_seed(spec.settings.seed, number, f.index)) for f in files)
    return _work(spec, "train", _task(spec, tasks, moments, number))


def evaluation_task(spec: JobSpec, moments: bytes) -> dict[str, object]:
    """Say how well a model predicts the order's file."""
    return _work(spec, "evaluate", _task(spec, (), moments))


def fingerprint_here(spec: JobSpec) -> str:
    """What this machine's arithmetic makes of the job's shapes."""
    return fingerprint(_task(spec, (), b""))


def moments_of(spec: JobSpec, parts: Sequence[PartialResult]) -> bytes:
    """Mean and deviation of every feature over all files; of images, of every channel."""
    first, *others = [exact.feature_sums_from_bytes(p.result) for p in parts]
    total = sum(others, first)
    return (total.pooled(spec.shape[0]) if spec.shape else total).moments().to_bytes()


def added(kind: str, sums: Sequence[bytes]) -> bytes:
    """What nodes have computed of disjoint files, as if one node had: moments or training. Nothing of nothing."""
    if not sums:
        return b""
    if kind == "moments":
        first, *others = [exact.feature_sums_from_bytes(raw) for raw in sums]
        return sum(others, first).to_bytes()
    total = np.zeros(len(sums[0]) // 8, np.int64)  # (parameters,)
    for raw in sums:
        exact.add(total, np.frombuffer(raw, "<i8").astype(np.int64))
    return total.astype("<i8").tobytes()


def mean_of(spec: JobSpec, base: bytes, parts: Sequence[PartialResult]) -> bytes:
    """The mean of all files' weights, by rows, from exact sums: the same in any grouping."""
    indices = [f.index for p in parts for f in p.files]
    assert len(indices) == len(set(indices)), "every file enters a sum once"
    total = np.frombuffer(added("train", [p.result for p in parts]), "<i8").astype(np.int64)  # (parameters,)
    rows = sum(f.rows for p in parts for f in p.files)
    before = np.frombuffer(base, "<f4").astype(np.float32)  # (parameters,)
    return exact.mean(before, total, rows, exact.fraction_bits(spec.rows)).astype("<f4").tobytes()


def step(spec: JobSpec, base: bytes, parts: Sequence[PartialResult], state: bytes) -> tuple[bytes, bytes]:
    """What the job's rule makes of a round: the new weights, and the rule's state."""
    before, mean = (np.frombuffer(raw, "<f4").astype(np.float32) for raw in (base, mean_of(spec, base, parts)))
    weights, kept = STEPS[spec.settings.rule](before, mean, state, spec.settings.tuning)
    if not np.isfinite(weights).all():
        raise NotFinite("the rule has made weights that are not finite: try a smaller --server-eta")
    return weights.astype("<f4").tobytes(), kept


def mean_of_progress(parts: Sequence[PartialResult]) -> tuple[float, float]:
    """Training loss and accuracy, weighted by rows."""
    rows = [sum(f.rows for f in p.files) for p in parts]
    if not rows:
        return 0.0, 0.0
    losses, accuracies = [p.progress.loss for p in parts], [p.progress.accuracy for p in parts]
    return float(np.average(losses, weights=rows)), float(np.average(accuracies, weights=rows))


def _task(spec: JobSpec, files: tuple[FileTask, ...], moments: bytes, number: int = 0) -> TrainerTask:
    settings = spec.settings
    config = TrainConfig(
        settings.optimizer,
        settings.epochs,
        settings.eta,
        settings.batch,
        settings.momentum,
        settings.dropout,
        spec.class_weights,
        settings.proximal_mu,
    )
    bits = exact.fraction_bits(spec.rows)
    return TrainerTask(spec.sizes, config, bits, files, moments, settings.course, settings.model, spec.shape, number)


def _work(spec: JobSpec, kind: str, task: TrainerTask) -> dict[str, object]:
    return {"kind": kind, "features": spec.features, "classes": spec.classes, "task": task.to_dict(), "bits": spec.bits}
