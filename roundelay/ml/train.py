"""Local training: from global weights and a file's samples to new weights, for one file or F files at once.

A pure function of its arguments: the optimizer starts from zero, no shape depends on another file, and the same inputs
give the same bits on the same kind of machine, whichever files are trained together (lockstep.py decides which).
Samples come standardised (data.py); averaging is in exact.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.batches import Batches
from roundelay.ml.checkpoint import FileState, Saver, arrays_from_bytes, state_of
from roundelay.ml.choices import TASK_LOSS
from roundelay.ml.data import Array, Floats, Samples
from roundelay.ml.design import Design
from roundelay.ml.dropout import Dropout
from roundelay.ml.errors import BadTask, StepTooLarge
from roundelay.ml.factored_gradient import FactoredGradient, is_large
from roundelay.ml.kernels import Batch, Network, Step, gradient_step
from roundelay.ml.mlp import Architecture
from roundelay.ml.optimizers import BLOCKWISE, Update, clipped, corrected, folded_eta, memory, proximal, update_of
from roundelay.ml.sliced import as_bytes
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.vectors import Vector

OnEpoch = Callable[[int, float, float], None]  # epoch (from 1), mean loss in nats, accuracy

BUFFER_NUMBERS = 1024  # of numpy's buffers in a training: see _element_wise
FULL_BATCH_ROWS = 1024  # full-batch descent sums its gradient over blocks of at most this many rows


def ignore_epoch(epoch: int, loss: float, accuracy: float) -> None:
    """Do nothing: the default for on_epoch."""


@dataclass(frozen=True)
class Shard:
    """A file to train on. Its samples are read when its training begins."""

    rows: int
    samples: Callable[[], Samples]
    seed: int
    on_epoch: OnEpoch = ignore_epoch
    place: int = 0  # of the file in its task, for `saver`
    saver: Saver | None = None  # makes checkpoints
    start: FileState | None = None  # where its training goes on; None: at the first epoch
    correction: Callable[[], Array] | None = None  # returns what is added to the gradient of each step

    @property
    def epochs_done(self) -> int:
        """The epochs that were trained before."""
        return self.start.epoch if self.start is not None else 0


def train(
    architecture: Architecture,
    weights: Vector,
    samples: Samples,
    config: TrainConfig,
    seed: int,
    on_epoch: OnEpoch | None = None,
    arithmetic: Arithmetic = NATIVE,
) -> Array:
    """Train on all rows of samples for config.epochs and return the new weights.

    on_epoch receives loss and accuracy as measured during the epoch, on each batch before its update.
    Raises StepTooLarge after the first epoch whose loss is not finite: the training has diverged.
    """
    shard = Shard(samples.rows, lambda: samples, seed, on_epoch or ignore_epoch)
    return train_together(architecture, weights, [shard], config, arithmetic)[0]


def train_together(
    architecture: Architecture,
    weights: Vector,
    shards: Sequence[Shard],
    config: TrainConfig,
    arithmetic: Arithmetic = NATIVE,
) -> list[Array]:
    """Train on each shard and return the same weights, bit for bit, as `train` would.

    All have equally many rows, and as many epochs behind them. Each shard's on_epoch is called. Raises StepTooLarge
    after the first epoch in which one of them has diverged.
    """
    files = [shard.samples() for shard in shards]
    for samples in files:
        check_samples(architecture, samples)
    network = Network(architecture, len(shards), arithmetic)
    network.load(weights)
    with _element_wise():
        run = _full_batch if config.optimizer == "gd" else _minibatch
        run(network, files, shards, config)
    return network.unload()


def full_gradient(
    architecture: Architecture, weights: Floats, samples: Samples, config: TrainConfig, arithmetic: Arithmetic = NATIVE
) -> Array:
    """Return the gradient of the mean loss over all rows, without dropout, in steps of the sizes of a training."""
    check_samples(architecture, samples)
    network = Network(architecture, 1, arithmetic)
    network.load(weights)
    rows = samples.rows
    size, scale = _block_rows(rows) if config.optimizer == "gd" else min(rows, config.batch), 1.0 / rows
    batches, step = _batches(network, [samples], size, scale, scale, config), gradient_step(network, size, scale)
    total = np.zeros_like(network.gradient)  # (1, parameters)
    with _element_wise():
        for batch in batches.epoch(np.arange(rows)[None]):
            step(batch)
            np.add(total, network.gradient, total)
    np.copyto(network.weights, total)
    return network.unload()[0]


@contextmanager
def _element_wise() -> Iterator[None]:
    """Let numpy compute without warnings, and without copying one number a row into its buffers.

    It copies such operands wherever two rows fit into a buffer, and takes three times as long. Portable arithmetic has
    one number for each file in half of its calls.
    """
    with np.errstate(all="ignore"):
        before = np.setbufsize(BUFFER_NUMBERS)
        try:
            yield
        finally:
            np.setbufsize(before)


def check_samples(architecture: Architecture | Design, samples: Samples) -> None:
    """Raise BadTask unless the samples fit the network."""
    if samples.features != architecture.features:
        raise BadTask(f"samples of {samples.features} features for a network of {architecture.features}")
    if samples.has_targets != (architecture.task == "regression"):
        raise BadTask(f"samples with {'targets' if samples.has_targets else 'classes'} for a {architecture.task}")
    if samples.y.max() >= architecture.classes and not samples.has_targets:
        raise BadTask(f"class {samples.y.max()} in the samples of a network of {architecture.classes} classes")


def check_finite(loss: float, epoch: int) -> float:
    """Return the loss. Raises StepTooLarge if it is not finite."""
    if not math.isfinite(loss):
        raise StepTooLarge(f"the training has diverged in epoch {epoch}")
    return loss


def _minibatch(network: Network, files: list[Samples], shards: Sequence[Shard], config: TrainConfig) -> None:
    """Make one update per batch, with the rows in a new order each epoch."""
    rows, fold = shards[0].rows, folded_eta(config)
    size = min(rows, config.batch)
    batches = _batches(network, files, size, fold / size, fold / (rows % size or size), config)
    done = shards[0].epochs_done
    made = done * math.ceil(rows / size)
    factored = None
    if is_large(network.architecture) and config.optimizer in BLOCKWISE:
        assert network.files == 1, "lockstep.py lets no large network train together with others"
        factored = FactoredGradient(network.architecture, network.arithmetic)
    step = _step(network, size, fold / size, shards, config, made, factored)
    kept = memory(config.optimizer, network.weights)
    update = _update(network, factored, shards, config, kept, made, fold)
    rngs = [network.arithmetic.generator(shard.seed) for shard in shards]
    _resume(shards, [network.weights, *kept])
    for epoch in range(1, config.epochs + 1):
        orders = np.stack([rng.permutation(rows) for rng in rngs])  # (F, n)
        if epoch <= done:
            continue
        for batch in batches.epoch(orders):
            step(batch)
            update()
        _report(shards, epoch, batches, [network.weights, *kept])


def _update(
    network: Network,
    factored: FactoredGradient | None,
    shards: Sequence[Shard],
    config: TrainConfig,
    kept: Sequence[Array],
    made: int,
    fold: float,
) -> Update:
    """Return the update from a batch's gradient, which carries the factor `fold`, in blocks if it is factored."""

    def make_update(place: slice, gradient: Array, scratch: Array | None = None) -> Update:
        weights, state = network.weights[:, place], [each[:, place] for each in kept]
        update = update_of(config, weights, gradient, state, made, scratch)
        return proximal(update, weights, gradient, config.mu * fold, scratch=scratch)

    corrections = _corrections(network, shards, fold)
    if factored is not None:
        return factored.update(make_update, config.clip * fold, corrections)
    update = make_update(slice(None), network.gradient)
    update = clipped(update, network.gradient, config.clip * fold, network.arithmetic)
    return corrected(update, network.gradient, corrections)


def _full_batch(network: Network, files: list[Samples], shards: Sequence[Shard], config: TrainConfig) -> None:
    """Make one update per epoch, from the gradient of all rows; only dropout is random."""
    rows = shards[0].rows
    size, scale = _block_rows(rows), config.eta / rows
    batches = _batches(network, files, size, scale, scale, config)
    done = shards[0].epochs_done
    step = _step(network, size, scale, shards, config, done * math.ceil(rows / size))
    sum_of_blocks = np.zeros_like(network.gradient)  # (F, parameters)
    kept = memory(config.optimizer, network.weights)
    update = update_of(config, network.weights, sum_of_blocks, kept, done)
    update = proximal(update, network.weights, sum_of_blocks, config.mu * config.eta)
    update = clipped(update, sum_of_blocks, config.clip * config.eta, network.arithmetic)
    update = corrected(update, sum_of_blocks, _corrections(network, shards, config.eta))
    orders = np.tile(np.arange(rows), (len(shards), 1))  # (F, n)
    _resume(shards, [network.weights, *kept])
    for epoch in range(done + 1, config.epochs + 1):
        sum_of_blocks.fill(0)
        for batch in batches.epoch(orders):
            step(batch)
            np.add(sum_of_blocks, network.gradient, sum_of_blocks)
        update()
        _report(shards, epoch, batches, [network.weights, *kept])


def _block_rows(rows: int) -> int:
    """Return the rows of each block of full-batch descent: as even as possible."""
    return math.ceil(rows / math.ceil(rows / FULL_BATCH_ROWS))


def _corrections(network: Network, shards: Sequence[Shard], scale: float) -> Array | None:
    """Return what is added to each file's gradient, which carries this factor: (F, parameters); None if nothing is."""
    corrections = [shard.correction for shard in shards if shard.correction is not None]
    if not corrections:
        return None
    made = np.empty_like(network.weights)  # (F, parameters)
    for row, correction in zip(made, corrections, strict=True):  # of all files of a task, or of none
        network.lay_out(correction(), row)
    return np.multiply(made, network.arithmetic.dtype(scale), made)


def _batches(
    network: Network, files: list[Samples], size: int, scale: float, tail_scale: float, config: TrainConfig
) -> Batches:
    """Copy the files' rows into batches, and release the samples."""
    classes, weights = network.architecture.classes, config.class_weights
    own_loss = network.architecture.loss if network.architecture.loss_name != TASK_LOSS else None
    batches = Batches(files, size, classes, scale, tail_scale, weights, network.arithmetic, own_loss)
    files.clear()
    return batches


def _step(
    network: Network,
    size: int,
    scale: float,
    shards: Sequence[Shard],
    config: TrainConfig,
    made: int,
    factored: FactoredGradient | None = None,
) -> Step:
    """Return a gradient step; with dropout, one that first draws which activations to drop. made: steps before it."""
    hidden = network.architecture.sizes[1:-1]
    if not config.dropout or not hidden:
        return gradient_step(network, size, scale, (), factored)
    rngs = [network.arithmetic.generator([shard.seed, 1]) for shard in shards]
    dropout = Dropout(hidden, size, config.dropout, rngs, network.arithmetic.dtype)
    dropout.skip(made)
    step, draw = gradient_step(network, size, scale, dropout.keeps, factored), dropout.draw

    def draw_and_step(batch: Batch) -> None:
        draw()
        step(batch)

    return draw_and_step


def _resume(shards: Sequence[Shard], arrays: Sequence[Array]) -> None:
    """Write the state of each shard that has one into its row of these arrays. Raises BadTask."""
    for row, shard in enumerate(shards):
        if shard.start is not None:
            arrays_from_bytes(as_bytes(shard.start.state), [array[row] for array in arrays])


def _report(shards: Sequence[Shard], epoch: int, batches: Batches, arrays: Sequence[Array]) -> None:
    """Call each shard's on_epoch, and make a checkpoint if it is time: a row of each array is a shard's state."""
    scores = list(zip(batches.losses(), batches.accuracies(), strict=True))
    for shard, (loss, accuracy) in zip(shards, scores, strict=True):
        shard.on_epoch(epoch, check_finite(loss, epoch), accuracy)

    def states() -> list[FileState]:
        rows = [state_of([array[row] for array in arrays]) for row in range(len(shards))]
        return [FileState(epoch, *score, state) for score, state in zip(scores, rows, strict=True)]

    if (saver := shards[0].saver) is not None:
        saver.save([shard.place for shard in shards], states)
