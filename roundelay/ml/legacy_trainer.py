"""The course trainer: the float64 arithmetic of the original course project, to reproduce its numbers.

A mode of "gd" that nothing else should use. It differs from train.py in everything that matters: raw inputs, first
weights of its own, a hidden layer without ReLU in the forward pass whose gradient is masked as if it had one, a
gradient summed (not averaged) over the rows, a momentum that starts from one extra gradient, and an early stop.

With X (n, d + 1), W (d + 1, h), V (h + 1, k), both X and Z with a leading 1, and one-hot labels R (n, k):
    Z = [1 X W],  Y = softmax(Z V),  dV = eta Z^T (R - Y),  dW = eta X^T (((R - Y) V1^T) * (X W >= 0)).
As the forward pass is linear, Z V = X ([e0 W] V) and Z^T (R - Y) = [e0 W]^T X^T (R - Y), where e0 is the column that
passes on the ones of X. This leaves three products over all rows per epoch instead of five.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Array, Samples
from roundelay.ml.mlp import Architecture
from roundelay.ml.train import OnEpoch, check_finite, check_samples
from roundelay.ml.training_plan import TrainConfig

Doubles = npt.NDArray[np.float64]

INITIAL_SEED = 1
INITIAL_SCALE = 0.01  # first weights are uniform in [-0.01, 0.01)
STOP_CHANGE = 0.2  # of the summed loss from one epoch to the next
STOP_EPOCH = 26  # no stop before this epoch
LOSS_OFFSET = 1e-6
_EXPONENT_SAFE = 600.0  # exp() of scores no larger than this, and sums of them, stay finite


def initial_weights(architecture: Architecture) -> Doubles:
    """Draw the course's first weights, in the layout of mlp.py: V is drawn before W."""
    rng = np.random.RandomState(INITIAL_SEED)  # the legacy generator: its stream belongs to the seed
    flat = np.empty(architecture.parameters)  # (parameters,)
    for matrix in reversed(architecture.views(flat)):
        matrix[...] = rng.random_sample(matrix.shape) * (2 * INITIAL_SCALE) - INITIAL_SCALE
    return flat


def train(
    architecture: Architecture, weights: Array, samples: Samples, config: TrainConfig, on_epoch: OnEpoch | None = None
) -> Doubles:
    """Run full-batch descent on raw samples in float64 and return the new weights.

    on_epoch receives loss and accuracy after each update. Raises StepTooLarge if the training has diverged.
    """
    check_samples(architecture, samples)
    model = _Model(architecture, weights, samples, config)
    with np.errstate(all="ignore"):
        model.forward()
        loss = model.softmax()
        model.backward()
        model.prime()
        for epoch in range(1, config.epochs + 1):
            model.update()
            model.forward()
            correct = model.count_correct() if on_epoch else 0
            before, loss = loss, check_finite(model.softmax(), epoch)
            if on_epoch:
                on_epoch(epoch, loss / samples.rows, correct / samples.rows)
            if abs(before - loss) <= STOP_CHANGE and epoch >= STOP_EPOCH:
                break
            model.backward()
    return model.weights()


class _Model:
    """The matrices of one training, transposed so that samples lie along the last axis, in reused buffers."""

    def __init__(self, architecture: Architecture, weights: Array, samples: Samples, config: TrainConfig) -> None:
        n, (d, h, k) = samples.rows, architecture.sizes
        self.eta, self.momentum = config.eta, config.momentum
        self.x = np.ones((n, d + 1))  # (n, d + 1)
        self.x[:, 1:] = samples.x
        self.columns = np.ascontiguousarray(self.x.T)  # (d + 1, n)
        self.largest = np.abs(self.columns).max(axis=1)  # (d + 1,)
        self.labels = samples.y * n + np.arange(n)  # (n,) positions among the flat scores
        first, second = architecture.views(weights)
        self.w = np.eye(h + 1, d + 1)  # (h + 1, d + 1) row 0 is e0
        self.w[1:] = first.T
        self.v = second.astype(np.float64)  # (h + 1, k)
        matrix, layers, change = np.empty((k + h, d + 1)), np.empty((k + h, n)), np.empty((k + h, d + 1))
        self.matrix, self.to_scores, self.to_z = matrix, matrix[:k], matrix[k:]
        self.layers, self.scores, self.z = layers, layers[:k], layers[k:]
        self.change, self.scores_change, self.dw = change, change[:k], change[k:]  # dw (h, d + 1) is -dW
        self.dv = np.empty((h + 1, k))  # (h + 1, k) is -dV
        self.steps = [(self.w[1:], np.empty((h, d + 1)), self.dw), (self.v, np.empty((h + 1, k)), self.dv)]
        self.flat_scores = self.scores.reshape(-1)  # (k n,)
        self.z_bits = self.z.view(np.int64)  # (h, n)
        self.mask = np.empty((h, n), np.int64)  # (h, n) all bits set where X W > 0, else 0
        self.total, self.likelihood, self.losses = np.empty((3, n))  # (n,) each
        self.per_eta = np.full(k, 1 / config.eta)  # (k,)

    def forward(self) -> None:
        """Compute the scores and the mask.

        An X W of exactly 0 is masked; it does not occur with random weights.
        """
        np.dot(self.v.T, self.w, self.to_scores)  # (k, d + 1)
        np.negative(self.w[1:], self.to_z)  # (h, d + 1)
        np.dot(self.matrix, self.columns, self.layers)  # (k + h, n) scores above -X W
        np.right_shift(self.z_bits, 63, self.mask)  # the sign, in every bit

    def count_correct(self) -> int:
        """Return how many rows the scores predict correctly."""
        label_scores = self.flat_scores.take(self.labels)  # (n,)
        return int(np.count_nonzero(label_scores == self.scores.max(axis=0)))

    def softmax(self) -> float:
        """Replace the scores by eta Y and return the summed loss."""
        if not (np.abs(self.to_scores) @ self.largest).max() < _EXPONENT_SAFE:
            self.scores -= self.scores.max(axis=0)  # (k, n)
        self.flat_scores.take(self.labels, None, self.likelihood, "clip")  # (n,)
        np.exp(self.scores, self.scores)
        np.dot(self.per_eta, self.scores, self.total)  # (n,) sum / eta
        np.reciprocal(self.total, self.total)
        np.multiply(self.scores, self.total, self.scores)  # (k, n)
        np.exp(self.likelihood, self.likelihood)
        np.multiply(self.likelihood, self.total, self.likelihood)  # (n,) eta Y at the labels
        np.divide(self.likelihood, self.eta, self.losses)
        np.add(self.losses, LOSS_OFFSET, self.losses)
        return -float(np.log(self.losses, self.losses).sum())

    def backward(self) -> None:
        """Compute -dW and -dV; replaces eta Y by eta (Y - R), and Z by its masked gradient."""
        self.flat_scores[self.labels] = np.subtract(self.likelihood, self.eta, self.likelihood)
        np.dot(self.v[1:], self.scores, self.z)  # (h, n)
        np.bitwise_and(self.z_bits, self.mask, self.z_bits)
        np.dot(self.layers, self.x, self.change)  # (k + h, d + 1)
        np.dot(self.w, self.scores_change.T, self.dv)  # (h + 1, k)

    def prime(self) -> None:
        """Start momentum from the current gradient."""
        for _, before, change in self.steps:
            before[...] = change

    def update(self) -> None:
        """Make one step of momentum for W and V."""
        for weights, before, change in self.steps:
            np.multiply(before, self.momentum, before)
            np.add(before, change, before)
            np.subtract(weights, before, weights)

    def weights(self) -> Doubles:
        """Return W and V in the layout of mlp.py."""
        return np.concatenate([self.w[1:].T.reshape(-1), self.v.reshape(-1)])  # (parameters,)
