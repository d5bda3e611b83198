"""One local training: from global weights and one file's samples to that file's weights. Or those of F files at once.

A pure function of its arguments: the optimizer starts anew, no shape depends on any other file, and the same
inputs give the same bits on the same kind of machine, whichever files are trained beside. Which these are is
stacks.py's business; standardising and averaging are done elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.ml.batches import Batches
from roundelay.ml.data import Floats, Samples
from roundelay.ml.dropout import Dropout
from roundelay.ml.errors import BadTask, NotFinite
from roundelay.ml.kernels import Batch, Network, Step, gradient_step
from roundelay.ml.mlp import Architecture
from roundelay.ml.optimizers import Update, adam_update, momentum_update, proximal
from roundelay.ml.task import Design, TrainConfig, local_seed

__all__ = ["OnEpoch", "Shard", "TrainConfig", "check_finite", "check_samples", "local_seed", "train", "train_together"]

OnEpoch = Callable[[int, float, float], None]  # epoch (from 1), mean loss in nats, accuracy

FULL_BATCH_ROWS = 1024  # full-batch descent adds its gradient up over blocks of at most this many rows


def _nobody(epoch: int, loss: float, accuracy: float) -> None:
    """on_epoch where nobody listens."""


@dataclass(frozen=True)
class Shard:
    """One file to be trained on: its samples are asked for when its training begins."""

    rows: int
    samples: Callable[[], Samples]
    seed: int
    on_epoch: OnEpoch = _nobody


def train(
    architecture: Architecture,
    weights: Floats,
    samples: Samples,
    config: TrainConfig,
    seed: int,
    on_epoch: OnEpoch | None = None,
) -> Floats:
    """Train on all rows of samples for config.epochs, and return the new weights.

    on_epoch hears the loss and the accuracy as they were while the epoch went on, before each batch's update.
    Raises NotFinite in the first epoch whose loss is not finite: the training has diverged.
    """
    shard = Shard(samples.rows, lambda: samples, seed, on_epoch or _nobody)
    return train_together(architecture, weights, [shard], config)[0]


def train_together(
    architecture: Architecture, weights: Floats, shards: Sequence[Shard], config: TrainConfig
) -> list[Floats]:
    """What train makes of each of these shards, bit for bit; all have equally many rows.

    Each hears its own epochs. Raises NotFinite in the first epoch in which one of them has diverged.
    """
    files = [shard.samples() for shard in shards]
    for samples in files:
        check_samples(architecture, samples)
    network = Network(architecture, len(shards))
    network.load(weights)
    with np.errstate(all="ignore"):
        run = _full_batch if config.optimizer == "gd" else _minibatch
        run(network, files, shards, config)
    return network.store()


def check_samples(architecture: Architecture | Design, samples: Samples) -> None:
    """Raise BadTask unless the network can read these samples."""
    if samples.features != architecture.features:
        raise BadTask(f"samples of {samples.features} features for a network of {architecture.features}")
    if samples.y.max() >= architecture.classes:
        raise BadTask(f"class {samples.y.max()} in the samples of a network of {architecture.classes} classes")


def check_finite(loss: float, epoch: int) -> float:
    """The loss; raises NotFinite unless it is a number."""
    if not math.isfinite(loss):
        raise NotFinite(f"the training has diverged in epoch {epoch}: try a smaller eta")
    return loss


def _minibatch(network: Network, files: list[Samples], shards: Sequence[Shard], config: TrainConfig) -> None:
    """One update a batch, the rows in a new order each epoch."""
    rows, fold = shards[0].rows, config.eta if config.optimizer == "sgd" else 1.0  # the rate travels in SGD's gradient
    size = min(rows, config.batch)
    batches = _batches(network, files, size, fold / size, fold / (rows % size or size), config)
    step = _step(network, size, fold / size, shards, config)
    update: Update
    if config.optimizer == "sgd":
        update = momentum_update(network.weights, network.gradient, config.momentum)
    else:
        update = adam_update(network.weights, network.gradient, config.eta)
    update = proximal(update, network.weights, network.gradient, config.mu * fold)
    rngs = [np.random.default_rng(shard.seed) for shard in shards]
    for epoch in range(1, config.epochs + 1):
        for batch in batches.epoch(np.stack([rng.permutation(rows) for rng in rngs])):
            step(batch)
            update()
        _tell(shards, epoch, batches)


def _full_batch(network: Network, files: list[Samples], shards: Sequence[Shard], config: TrainConfig) -> None:
    """One update an epoch, from the gradient of all rows; draws nothing but dropout."""
    rows = shards[0].rows
    size, scale = math.ceil(rows / math.ceil(rows / FULL_BATCH_ROWS)), config.eta / rows
    batches = _batches(network, files, size, scale, scale, config)
    step = _step(network, size, scale, shards, config)
    sum_of_blocks = np.zeros_like(network.gradient)  # (F, parameters)
    update = momentum_update(network.weights, sum_of_blocks, config.momentum)
    update = proximal(update, network.weights, sum_of_blocks, config.mu * config.eta)
    orders = np.tile(np.arange(rows), (len(shards), 1))  # (F, n)
    for epoch in range(1, config.epochs + 1):
        sum_of_blocks.fill(0)
        for batch in batches.epoch(orders):
            step(batch)
            np.add(sum_of_blocks, network.gradient, sum_of_blocks)
        update()
        _tell(shards, epoch, batches)


def _batches(
    network: Network, files: list[Samples], size: int, scale: float, tail_scale: float, config: TrainConfig
) -> Batches:
    """The files' batches; their samples are not needed any more."""
    batches = Batches(files, size, network.architecture.classes, scale, tail_scale, config.class_weights)
    files.clear()
    return batches


def _step(network: Network, size: int, scale: float, shards: Sequence[Shard], config: TrainConfig) -> Step:
    """A step; where there is dropout, one before which the dropped activations are drawn."""
    hidden = network.architecture.sizes[1:-1]
    if not config.dropout or not hidden:
        return gradient_step(network, size, scale)
    rngs = [np.random.default_rng([shard.seed, 1]) for shard in shards]
    dropout = Dropout(hidden, size, config.dropout, rngs)
    step, draw = gradient_step(network, size, scale, dropout.keeps), dropout.draw

    def draw_and_step(batch: Batch) -> None:
        draw()
        step(batch)

    return draw_and_step


def _tell(shards: Sequence[Shard], epoch: int, batches: Batches) -> None:
    """Each shard hears of its epoch."""
    for shard, loss, accuracy in zip(shards, batches.losses(), batches.accuracies(), strict=True):
        shard.on_epoch(epoch, check_finite(loss, epoch), accuracy)
