"""The base class to subclass for a new model, and the learner that trains any of them.

A model owns one flat vector, `parameters`, and defines its first values, the gradient of one batch, and predictions.
Models with an optimizer of their own (PyTorch) override `prepare`, `train` and `finish`. The learner runs epochs and
batches: every file is trained alone, so no shape depends on which files are trained together.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from roundelay.ml.arithmetic import BY_NAME
from roundelay.ml.checkpoint import FileState, arrays_from_bytes, state_of
from roundelay.ml.choices import Task
from roundelay.ml.data import Array, Floats, Labels, Samples
from roundelay.ml.design import PARAMETERS_MAX, Design
from roundelay.ml.errors import BadTask
from roundelay.ml.losses import loss_of, summed
from roundelay.ml.losses import probabilities as softmax
from roundelay.ml.models.arrays import Slot
from roundelay.ml.optimizers import clipped, corrected, folded_eta, memory, proximal, update_of
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.ml.train import OnEpoch, Shard, check_finite, check_samples, ignore_epoch
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.vectors import Vector

__all__ = ["Model", "ModelLearner", "softmax"]


class Model(ABC):
    """A network over one flat vector.

    `tasks` are those that it trains. In a regression y are targets, and `predict` returns one score a row. A last batch
    of fewer than `least_rows` is left out.
    """

    tasks: tuple[Task, ...] = ("classification",)
    least_rows = 1
    is_resumable = False  # see `state`
    correction: Array | None = None  # what the learner adds to the gradient of each step: (parameters,)

    def __init__(self, design: Design, parameters: int) -> None:
        if not 1 <= parameters <= PARAMETERS_MAX:
            raise BadTask(f"model {design.model} has {parameters:,} weights: expected 1 to {PARAMETERS_MAX:,}")
        if design.task not in self.tasks:
            raise BadTask(f"model {design.model} trains {' and '.join(self.tasks)}, not {design.task} (Model.tasks)")
        self.design, self.arithmetic = design, BY_NAME[design.arithmetic]
        self.parameters = np.zeros(
            parameters, np.float32
        )  # (parameters,) the learner writes to it before it calls predict or train

    @property
    def slots(self) -> list[Slot]:
        """The arrays in the vector, for trainers of other frameworks."""
        return [Slot(0, self.parameters.shape)]

    @abstractmethod
    def init_parameters(self, rng: np.random.Generator) -> None:
        """Fill `parameters` with first weights."""

    @abstractmethod
    def predict(self, x: Floats) -> Array:
        """Return scores, whose softmax are the probabilities: (n, d) -> (n, classes)."""

    def last_inputs(self, x: Floats) -> Array:
        """Return what the last layer is given, where `slots` end with its weights and bias: (n, d) -> (n, width)."""
        raise BadTask(f"model {self.design.model} does not say what its last layer is given")

    def gradient(self, x: Floats, y: Labels, weights: Floats, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return the scores (n, classes) and the gradient (parameters,) of the mean of weights * loss."""
        raise NotImplementedError("a model overrides gradient or train")

    def prepare(self, config: TrainConfig, seed: int) -> None:
        """Begin a local training: reset the state of the optimizer."""
        self._gradient = np.zeros_like(self.parameters)  # (parameters,)
        self._initial = self.parameters.copy()  # (parameters,)
        self._config = config
        self._rng = self.arithmetic.generator([seed, 1])
        self._memory = memory(config.optimizer, self.parameters)
        self._make_update(0)

    def _make_update(self, made: int) -> None:
        """Make the optimizer, which has made this number of steps."""
        config, self._scale = self._config, folded_eta(self._config)
        update = update_of(config, self.parameters, self._gradient, self._memory, made)
        update = proximal(update, self.parameters, self._gradient, config.mu * self._scale, self._initial)
        update = clipped(update, self._gradient, config.clip * self._scale, self.arithmetic)
        correction = None if self.correction is None else (self.correction * self._scale).astype(np.float32)
        self._update = corrected(update, self._gradient, correction)

    def train(self, x: Floats, y: Labels, weights: Floats) -> Array:
        """Make one step on one batch and return the scores from before the step: (n, classes)."""
        scores, gradient = self.gradient(x, y, weights, self._rng)
        np.multiply(gradient, self._scale, out=self._gradient, casting="same_kind")
        self._update()
        return scores

    def state(self) -> Sliced | None:
        """Return the state of a local training after a whole epoch, which `restore` takes; None if it is not known.

        A model whose only state between batches is in `parameters` and in `rng` sets `is_resumable`.
        """
        if not self.is_resumable:
            return None
        return state_of([self.parameters, *self._memory], _rng_to_bytes(self._rng))

    def restore(self, state: bytes, steps: int) -> None:
        """Go on, after `prepare`, from such a state, to which this number of steps has led. Raises BadTask."""
        arrays = [self.parameters, *self._memory]
        size = sum(array.nbytes for array in arrays)
        arrays_from_bytes(state[:size], arrays)
        _rng_from_bytes(self._rng, state[size:])
        self._make_update(steps)

    def finish(self) -> None:  # noqa: B027 - most models learn in parameters
        """End a local training: copy what was learned to `parameters`."""

    def loss(self, x: Floats, y: Labels) -> float:
        """Return the mean loss."""
        return float(loss_of(self.design.task, self.design.loss).of_rows(self.predict(x), y).mean())


class ModelLearner:
    """Trains a model; makes a new one for every training, so that no state is left over."""

    def __init__(self, design: Design, make: Callable[[], object]) -> None:
        self.design, self.arithmetic = design, BY_NAME[design.arithmetic]
        self._make = make
        self._predictor = self._new()  # also refuses at once a model that cannot be made

    @property
    def parameters(self) -> int:
        return len(self._predictor.parameters)

    @property
    def slots(self) -> list[Slot]:
        return self._predictor.slots

    @property
    def least_rows(self) -> int:
        return self._predictor.least_rows

    def init_weights(self, seed: int) -> Floats:
        model = self._new()
        model.init_parameters(self.arithmetic.generator(seed))
        return model.parameters.copy()

    def train(
        self, weights: Vector, samples: Samples, config: TrainConfig, seed: int, on_epoch: OnEpoch | None = None
    ) -> Array:
        return self._train(weights, Shard(samples.rows, lambda: samples, seed, on_epoch or ignore_epoch), config)

    def train_all(self, weights: Vector, shards: Sequence[Shard], config: TrainConfig) -> Iterator[tuple[int, Array]]:
        for position, shard in enumerate(shards):
            yield position, self._train(weights, shard, config)

    def _train(self, weights: Vector, shard: Shard, config: TrainConfig) -> Array:
        if config.optimizer == "gd":
            raise BadTask(f"optimizer gd trains mlp and softmax, not {self.design.model}")
        samples = shard.samples()
        check_samples(self.design, samples)
        model = self._new()
        _write(model, weights[:])
        model.correction = None if shard.correction is None else shard.correction()
        model.prepare(config, shard.seed)
        if shard.start is not None:
            rows = rows_in_batches(samples.rows, config.batch, model.least_rows)
            model.restore(as_bytes(shard.start.state), shard.epochs_done * math.ceil(rows / config.batch))
        with np.errstate(all="ignore"):
            _epochs(model, samples, config, shard)
        model.finish()
        return model.parameters.copy()

    def gradient(self, weights: Floats, samples: Samples, config: TrainConfig) -> Array:
        check_samples(self.design, samples)
        model, plain = (
            self._new(),
            replace(config, optimizer="sgd", eta=1.0, momentum=0.0, dropout=0.0, mu=0.0, clip=0.0),
        )
        _write(model, weights)
        model.prepare(plain, 0)
        factors = np.array(config.class_weights, np.float32)  # (classes,) or (0,)
        total = np.zeros_like(model.parameters)  # (parameters,)
        for start in range(0, samples.rows, config.batch):
            x, y = samples.x[start : start + config.batch], samples.y[start : start + config.batch]
            with np.errstate(all="ignore"):
                model.train(x, y, factors[y] if len(factors) else np.ones(len(y), np.float32))
            total += model._gradient * np.float32(len(y))
            _write(model, weights)
        return total / np.float32(samples.rows)

    def scores(self, weights: Array, x: Array) -> Array:
        model = self._predictor
        _write(model, weights)
        return model.predict(np.ascontiguousarray(x, np.float32))

    def last_inputs(self, weights: Array, x: Array) -> Array:
        model = self._predictor
        _write(model, weights)
        return model.last_inputs(np.ascontiguousarray(x, np.float32))

    def module_with(self, weights: Array) -> object | None:
        """Return the nn.Module of a PyTorch model with these weights; None if the model is another one."""
        model = self._new()
        _write(model, weights)
        model.prepare(TrainConfig(), 0)
        return getattr(model, "module", None)

    def _new(self) -> Model:
        return cast(Model, self._make())


def _write(model: Model, weights: Array) -> None:
    if weights.shape != model.parameters.shape:
        raise BadTask(f"{weights.size} weights for a model of {model.parameters.size} parameters")
    np.copyto(model.parameters, weights, casting="same_kind")


def rows_in_batches(rows: int, batch: int, least: int) -> int:
    """Return how many of a file's rows an epoch trains: without a last batch that is too small."""
    last = rows % batch
    return rows - last if last < least else rows


def _epochs(model: Model, samples: Samples, config: TrainConfig, shard: Shard) -> None:
    """Train on every row once per epoch, in a new order, in batches; measure each batch before its step."""
    factors = np.array(config.class_weights, np.float32)  # (classes,) or (0,)
    loss = loss_of(model.design.task, model.design.loss)
    rng, rows = model.arithmetic.generator(shard.seed), rows_in_batches(samples.rows, config.batch, model.least_rows)
    if not rows:
        raise BadTask(f"{model.design.model} needs batches of {model.least_rows} rows, and a file has {samples.rows}")
    for epoch in range(1, config.epochs + 1):
        order, total, correct = rng.permutation(samples.rows)[:rows], 0.0, 0  # (n,)
        if epoch <= shard.epochs_done:
            continue
        for start in range(0, rows, config.batch):
            batch = order[start : start + config.batch]  # (batch,)
            x, y = samples.x[batch], samples.y[batch]  # (batch, d), (batch,)
            scores = model.train(x, y, factors[y] if len(factors) else np.ones(len(y), np.float32))  # (batch, classes)
            total += summed(loss, scores, y, model.arithmetic)
            correct += 0 if samples.has_targets else len(y) - loss.count_errors(scores, y)
        mean, accuracy = check_finite(total / rows, epoch), correct / rows
        shard.on_epoch(epoch, mean, accuracy)
        _save(model, shard, epoch, mean, accuracy)


def _save(model: Model, shard: Shard, epoch: int, loss: float, accuracy: float) -> None:
    """Make a checkpoint, if it is time and the model's state is known."""

    def states() -> list[FileState]:
        state = model.state()
        return [] if state is None else [FileState(epoch, loss, accuracy, state)]

    if shard.saver is not None:
        shard.saver.save((shard.place,), states)


def _rng_to_bytes(rng: np.random.Generator) -> bytes:
    return json.dumps(rng.bit_generator.state).encode()


def _rng_from_bytes(rng: np.random.Generator, state: bytes) -> None:
    try:
        rng.bit_generator.state = json.loads(state)
    except (ValueError, TypeError, KeyError) as error:
        raise BadTask(f"checkpoint: no state of a generator: {error}") from error
