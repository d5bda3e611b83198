"""What a trainer returns: the exact sum of its files' changes, or each of them, in integers."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from roundelay.ml import exact
from roundelay.ml.checkpoint import FileDone
from roundelay.ml.data import Array, Ints
from roundelay.ml.local_steps import accumulated_steps
from roundelay.ml.models.learner import Learner, evaluate
from roundelay.ml.privacy import clipped
from roundelay.ml.rounding import exponents, rounded
from roundelay.ml.running_sum import RunningSum
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.task_inputs import FindSamples, read_inputs
from roundelay.ml.vectors import Vector


@dataclass(frozen=True)
class PartialUpdate:
    """The changes to the weights by training on some files, each weighted by its rows: their exact sum, or each.

    sum: int64, little-endian, one for each parameter, with as many of the gradients behind them if the task asks for
    that; or one vector for each file, in their order.
    """

    rows: int
    sum: Sliced
    loss: float = 0.0  # exact mean over all rows, in each file's last epoch
    accuracy: float = 0.0
    receipts: bytes = b""  # SHA-256 of each file's change, in the order of the files, if the task asks for them


def sum_from_bytes(update: PartialUpdate) -> Ints:
    """Return the integers of a partial update: (parameters,)."""
    return np.frombuffer(as_bytes(update.sum), "<i8").astype(np.int64)  # (parameters,)


def integers_of(
    model: Learner, task: TrainerTask, file: FileTask, base: Vector, local: Array, find: FindSamples
) -> Iterator[tuple[slice, Ints]]:
    """Yield the integers of one file's update, in the form that the task asks for, and the place of each block.

    find: the rows of a file, for gradients and losses at the weights before.
    """
    plan, size = task.plan, model.parameters
    if clip := plan.config.update_clip:
        change = local.astype(np.float64) - base[:].astype(np.float64)  # (parameters,)
        yield slice(0, size), clipped(change, clip, plan.fraction_bits)
    elif task.units:
        change = exact.weighted_change(local, base[:], file.rows)  # (parameters,)
        yield slice(0, size), rounded(change, exponents(task.units, size), file.seed)
    else:
        steps = accumulated_steps(plan.config, file.rows) if task.updates == "normalised-sum" else 1.0
        yield from exact.quantised(local, base, file.rows, plan.fraction_bits, steps)
    if task.updates == "sum-with-gradient":
        gradient = model.gradient(base[:], read_inputs(task, file, find), plan.config)
        for part, integers in exact.quantised_gradient(gradient, file.rows, plan.fraction_bits):
            yield slice(size + part.start, size + part.stop), integers
    if task.updates == "each-with-loss":
        loss = evaluate(model, base[:], read_inputs(task, file, find)).loss
        yield slice(size, size + 1), np.array([exact.units_of_loss(loss)])


def add_change(task: TrainerTask, integers: Iterable[tuple[slice, Ints]], total: RunningSum) -> tuple[bytes, bytes]:
    """Add one file's update to the sum, unless each is returned by itself. Return its receipt and the update by itself.

    The receipt is empty if the task asks for none, the update if it is in the sum.
    """
    digest, vector = hashlib.sha256(), list[bytes]()
    for part, change in integers:
        data = change.astype("<i8", copy=False)
        if task.is_single:
            vector.append(data.tobytes())
        else:
            total.add(part, change)
        if task.receipts:
            digest.update(data.data)
    return digest.digest() if task.receipts else b"", b"".join(vector)


def update_of(task: TrainerTask, total: RunningSum, done: Mapping[int, FileDone]) -> PartialUpdate:
    """Return the update of a task whose files are all done, with its scores and receipts."""
    bits, trained = task.plan.fraction_bits, [(file, done[index]) for index, file in enumerate(task.files)]
    units = sum(exact.loss_units(each.loss, file.rows, bits) for file, each in trained)
    accuracy = sum(each.accuracy * file.rows / task.rows for file, each in trained)
    loss = exact.mean_loss(units, task.rows, bits) if task.files else 0.0
    changes = b"".join(each.vector for _, each in trained) if task.is_single else total.content
    return PartialUpdate(task.rows, changes, loss, accuracy, b"".join(each.receipt for _, each in trained))
