"""The interface of all models for the rest of ml/. A learner keeps no state between calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from roundelay.ml.arithmetic import Arithmetic
from roundelay.ml.data import Array, Floats, Samples
from roundelay.ml.design import Design
from roundelay.ml.losses import loss_of, probabilities
from roundelay.ml.mlp import Evaluation, evaluate_scores
from roundelay.ml.models.arrays import Slot
from roundelay.ml.train import OnEpoch, Shard
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.vectors import Vector

BLOCK_ROWS = 512  # predicted at once


class Learner(Protocol):
    """A model over one flat vector of float32."""

    @property
    def design(self) -> Design: ...

    @property
    def arithmetic(self) -> Arithmetic: ...

    @property
    def parameters(self) -> int:
        """The length of the vector."""
        ...

    @property
    def least_rows(self) -> int:
        """The fewest rows of a batch: a last one of fewer is left out."""
        ...

    @property
    def slots(self) -> list[Slot]:
        """The arrays in the vector, as other frameworks list them."""
        ...

    def init_weights(self, seed: int) -> Floats:
        """Draw first weights."""
        ...

    def train(
        self, weights: Vector, samples: Samples, config: TrainConfig, seed: int, on_epoch: OnEpoch | None = None
    ) -> Array:
        """Run one local training, a pure function of the arguments. Raises StepTooLarge, BadTask."""
        ...

    def train_all(self, weights: Vector, shards: Sequence[Shard], config: TrainConfig) -> Iterator[tuple[int, Array]]:
        """Yield (position, new weights) of each shard, in any order; may train several together."""
        ...

    def gradient(self, weights: Floats, samples: Samples, config: TrainConfig) -> Array:
        """Return the gradient of the mean loss over all rows, without dropout. Raises BadTask for other models."""
        ...

    def scores(self, weights: Array, x: Array) -> Array:
        """Return scores, whose softmax are the probabilities, or the prediction: (n, d) -> (n, outputs)."""
        ...

    def last_inputs(self, weights: Array, x: Array) -> Array:
        """Return what the last layer is given: (n, d) -> (n, width). Raises BadTask for a model that cannot say."""
        ...


def train_one_by_one(
    learner: Learner, weights: Vector, shards: Sequence[Shard], config: TrainConfig
) -> Iterator[tuple[int, Array]]:
    """Implement train_all for a learner that cannot train several shards together."""
    for position, shard in enumerate(shards):
        yield position, learner.train(weights, shard.samples(), config, shard.seed, shard.on_epoch)


def evaluate(learner: Learner, weights: Array, samples: Samples) -> Evaluation:
    """Return errors and loss over all rows."""
    loss = loss_of(learner.design.task, learner.design.loss)
    return evaluate_scores(lambda x: learner.scores(weights, x), samples, loss, learner.arithmetic)


def predict_probabilities(learner: Learner, weights: Array, x: Floats) -> npt.NDArray[np.float64]:
    """Return the probability of each class: (n, d) -> (n, classes)."""
    with np.errstate(all="ignore"):
        return np.concatenate(
            [probabilities(learner.scores(weights, block), learner.arithmetic) for block in _blocks(x)]
        )


def predict_targets(learner: Learner, weights: Array, x: Floats) -> npt.NDArray[np.float64]:
    """Return the prediction of a regression, as standardised as its targets were: (n, d) -> (n,)."""
    with np.errstate(all="ignore"):
        return np.concatenate([learner.scores(weights, block)[:, 0].astype(np.float64) for block in _blocks(x)])


def _blocks(x: Floats) -> Iterator[Floats]:
    return (x[start : start + BLOCK_ROWS] for start in range(0, len(x), BLOCK_ROWS))
