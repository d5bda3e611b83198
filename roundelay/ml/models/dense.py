"""mlp and softmax (an mlp without hidden layers) on the fast kernels, and the network of the course trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from roundelay.ml import arithmetic, legacy_trainer, mlp, train
from roundelay.ml.data import Array, Floats, Samples
from roundelay.ml.design import Design
from roundelay.ml.lockstep import stacks
from roundelay.ml.mlp import Activation, Architecture
from roundelay.ml.models.arrays import Slot, layer
from roundelay.ml.models.learner import train_one_by_one
from roundelay.ml.train import OnEpoch, Shard
from roundelay.ml.training_plan import TrainConfig
from roundelay.ml.vectors import Vector


class Dense:
    """The learner of fully connected layers."""

    least_rows = 1

    def __init__(self, design: Design) -> None:
        self.design = design
        activation: Activation = "identity" if design.course else "relu"
        self.architecture = Architecture(design.sizes, activation, design.task, design.loss)
        self.arithmetic = arithmetic.BY_NAME[design.arithmetic]

    @property
    def parameters(self) -> int:
        return self.architecture.parameters

    @property
    def slots(self) -> list[Slot]:
        made: list[Slot] = []
        for fan_in, fan_out in self.architecture.shapes:
            made += layer(made[-2].stop if made else 0, (fan_in,), fan_out, bias_first=True)
        return made

    def init_weights(self, seed: int) -> Floats:
        if self.design.course:
            return legacy_trainer.initial_weights(self.architecture).astype("<f4")
        return mlp.init(self.architecture, seed, self.arithmetic)

    def train(
        self, weights: Vector, samples: Samples, config: TrainConfig, seed: int, on_epoch: OnEpoch | None = None
    ) -> Array:
        if self.design.course:
            return legacy_trainer.train(self.architecture, weights[:], samples, config, on_epoch)
        return train.train(self.architecture, weights, samples, config, seed, on_epoch, self.arithmetic)

    def train_all(self, weights: Vector, shards: Sequence[Shard], config: TrainConfig) -> Iterator[tuple[int, Array]]:
        if self.design.course:
            yield from train_one_by_one(self, weights, shards, config)
            return
        itemsize = np.dtype(self.arithmetic.dtype).itemsize
        for stack in stacks(self.architecture, config, [shard.rows for shard in shards], itemsize):
            together = [shards[i] for i in stack]
            local = train.train_together(self.architecture, weights, together, config, self.arithmetic)
            yield from zip(stack, local, strict=True)
            del local  # before the next stack is trained: large models have a stack each

    def gradient(self, weights: Floats, samples: Samples, config: TrainConfig) -> Array:
        return train.full_gradient(self.architecture, weights, samples, config, self.arithmetic)

    def scores(self, weights: Array, x: Array) -> Array:
        return mlp.forward(self.architecture, weights, x, self.arithmetic)[-1]

    def last_inputs(self, weights: Array, x: Array) -> Array:
        return mlp.forward(self.architecture, weights, x, self.arithmetic)[-2]
