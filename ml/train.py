"""One local training: from global weights and one file's samples to that file's weights.

A pure function of its arguments: the optimizer starts anew, no shape depends on any other file, and the same
inputs give the same bits on the same kind of machine. Standardising and averaging are done elsewhere.
"""

import math
from collections.abc import Callable

import numpy as np

from ml.batches import Batches
from ml.data import Floats, Ints, Samples
from ml.dropout import Dropout
from ml.errors import BadTask, NotFinite
from ml.kernels import Network, Step, gradient_step
from ml.mlp import Architecture
from ml.optimizers import adam_update, momentum_update, proximal
from ml.task import Design, TrainConfig, local_seed

__all__ = ["OnEpoch", "TrainConfig", "check_finite", "check_samples", "local_seed", "train"]

OnEpoch = Callable[[int, float, float], None]  # epoch (from 1), mean loss in nats, accuracy

FULL_BATCH_ROWS = 1024  # full-batch descent adds its gradient up over blocks of this many rows


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
    check_samples(architecture, samples)
    network = Network(architecture)
    network.load(weights)
    with np.errstate(all="ignore"):
        run = _full_batch if config.optimizer == "gd" else _minibatch
        run(network, samples, config, seed, on_epoch or _nobody)
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


def _minibatch(network: Network, samples: Samples, config: TrainConfig, seed: int, on_epoch: OnEpoch) -> None:
    """One update a batch, the rows in a new order each epoch."""
    batches = Batches(samples, config.batch)
    fold = config.eta if config.optimizer == "sgd" else 1.0  # SGD's learning rate travels in the gradient
    scales = {size: fold / size for size in (batches.size, batches.tail) if size}
    steps = _steps(network, scales, config, seed)
    if config.optimizer == "sgd":
        update = momentum_update(network.weights, network.gradient, config.momentum)
    else:
        update = adam_update(network.weights, network.gradient, config.eta)
    update = proximal(update, network.weights, network.gradient, config.mu * fold)
    rng = np.random.default_rng(seed)
    for epoch in range(1, config.epochs + 1):
        for batch in batches.epoch(rng.permutation(samples.rows)):
            steps[len(batch.labels)](*batch)
            update()
        on_epoch(epoch, check_finite(_loss(batches, scales), epoch), batches.right / samples.rows)


def _full_batch(network: Network, samples: Samples, config: TrainConfig, seed: int, on_epoch: OnEpoch) -> None:
    """One update an epoch, from the gradient of all rows; draws nothing but dropout."""
    batches = Batches(samples, FULL_BATCH_ROWS)
    scales = {size: config.eta / samples.rows for size in (batches.size, batches.tail) if size}
    steps = _steps(network, scales, config, seed)
    sum_of_blocks = np.zeros_like(network.gradient)  # (parameters,)
    update = momentum_update(network.weights, sum_of_blocks, config.momentum)
    update = proximal(update, network.weights, sum_of_blocks, config.mu * config.eta)
    order = np.arange(samples.rows)  # (n,)
    for epoch in range(1, config.epochs + 1):
        sum_of_blocks.fill(0)
        for batch in batches.epoch(order):
            steps[len(batch.labels)](*batch)
            np.add(sum_of_blocks, network.gradient, sum_of_blocks)
        update()
        on_epoch(epoch, check_finite(_loss(batches, scales), epoch), batches.right / samples.rows)


def _steps(network: Network, scales: dict[int, float], config: TrainConfig, seed: int) -> dict[int, Step]:
    """A step for each size of batch."""
    hidden = network.architecture.sizes[1:-1]
    if not config.dropout or not hidden:
        return {n: gradient_step(network, n, scale, (), config.class_weights) for n, scale in scales.items()}
    rng = np.random.default_rng([seed, 1])
    return {n: _dropping(network, n, scale, config, Dropout(hidden, n, config.dropout, rng))
            for n, scale in scales.items()}


def _dropping(network: Network, size: int, scale: float, config: TrainConfig, dropout: Dropout) -> Step:
    """A step before which the dropped activations are drawn."""
    step, draw = gradient_step(network, size, scale, dropout.keeps, config.class_weights), dropout.draw

    def draw_and_step(rows: Floats, columns: Floats, labels: Ints, likelihood: Floats, total: Floats) -> None:
        draw()
        step(rows, columns, labels, likelihood, total)

    return draw_and_step


def _loss(batches: Batches, scales: dict[int, float]) -> float:
    """Mean loss of the epoch: its likelihoods carry the scales of their batches."""
    rows = len(batches.y)
    log_scales = (rows - batches.tail) * math.log(scales[batches.size])
    if batches.tail:
        log_scales += batches.tail * math.log(scales[batches.tail])
    return (log_scales - batches.log_likelihood) / rows


def _nobody(epoch: int, loss: float, accuracy: float) -> None:
    """on_epoch where nobody listens."""
