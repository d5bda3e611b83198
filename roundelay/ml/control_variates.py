"""SCAFFOLD's correction of local steps: every file drifts towards its own optimum, and control variates undo that.

Karimireddy, Kale, Mohri, Reddi, Stich, Suresh, SCAFFOLD: stochastic controlled averaging for federated learning, ICML
2020, algorithm 1 with option I. A step of file i is y - eta (g(y) - c_i + c). Its control variate c_i is the gradient
of the file's mean loss at the weights that the round before started from, and c the mean of these gradients by rows. So
c_i follows from weights and file: nothing is kept for a file, and any node can train any file in any round. In the
first round, all control variates are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from roundelay.ml.data import Array, Floats, Samples
from roundelay.ml.models.learner import Learner
from roundelay.ml.training_plan import TrainConfig


@dataclass(frozen=True)
class ControlVariates:
    """What the corrections of a round are computed from: (parameters,) each."""

    before: Floats  # the weights before the round before
    mean: Floats  # c, the mean of all files' gradients at these

    def correction(self, model: Learner, config: TrainConfig, samples: Callable[[], Samples]) -> Callable[[], Array]:
        """Return what computes c - c_i of the file that has these samples: (parameters,)."""

        def compute() -> Array:
            own = model.gradient(self.before, samples(), config)
            made: Array = np.subtract(self.mean, own, dtype=own.dtype)
            return made

        return compute
