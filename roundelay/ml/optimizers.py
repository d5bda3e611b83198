"""Optimizers on flat vectors: each returns an update, which changes the weights in place from the step's gradient.

Those that ship are sgd and gd with momentum, and adam. `Optimizer` is the protocol of others (--optimizer MODULE:NAME).

Their state starts at zero in every local training.

The velocity of a dead unit's weights decays into denormal numbers and stays there: 0.9 times the smallest number is
rounded up to it again. Arithmetic on denormals is ten times slower, so every FLUSH_STEPS steps whatever is too small
to matter is set to 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, islice, repeat
from operator import mul
from typing import Protocol

import numpy as np

from roundelay.ml import plugins
from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.data import Array
from roundelay.ml.errors import BadTask, printable, private
from roundelay.ml.training_plan import TrainConfig

Update = Callable[[], None]

ADAM_BETA1 = 0.9
ADAM_BETA2 = 0.999
ADAM_EPSILON = 1e-8
FLUSH_STEPS = 64
FLUSH_BELOW = np.float32(1e-24)  # less than half a unit in the last place of any weight above 1e-16

BLOCKWISE = ("sgd", "adam")  # of which each block of the weights may be updated by itself
VECTORS_MAX = 8  # that an optimizer of a plugin may remember


@dataclass(frozen=True)
class LocalStep:
    """What an optimizer is told of a step."""

    eta: float
    momentum: float
    number: int  # from 1 on, in every local training


class Optimizer(Protocol):
    """An optimizer of a plugin: a class that is made without arguments, and keeps nothing in itself between steps."""

    vectors: int  # that it remembers from step to step, each as long as the weights: 0 to VECTORS_MAX

    def step(self, weights: Array, gradient: Array, memory: list[Array], now: LocalStep, /) -> None:
        """Change the weights in place, and the vectors of the memory, which are 0 before the first step.

        All are (parameters,) in float32, of one file, and in one order of the weights. The gradient may be overwritten.
        It must be a pure function: another node may have to repeat the training, bit for bit.
        """
        ...


def memory(optimizer: str, weights: Array) -> list[Array]:
    """Return what an optimizer remembers, as it is before the first step. Raises PluginUnknown, BadTask."""
    vectors = _own(optimizer).vectors if ":" in optimizer else 2 if optimizer == "adam" else 1
    return [np.zeros_like(weights) for _ in range(vectors)]  # (parameters,) each


def folded_eta(config: TrainConfig) -> float:
    """Return the factor that the gradient carries: the learning rate, unless the optimizer applies it itself."""
    return config.eta if config.optimizer in ("sgd", "gd") else 1.0


def update_of(
    config: TrainConfig, weights: Array, gradient: Array, kept: Sequence[Array], made: int, scratch: Array | None = None
) -> Update:
    """Return the update of the configured optimizer, after `made` steps that have left this memory.

    weights: (parameters,), or (F, parameters) of F files, as the gradient and the memory. scratch: room for as many.
    """
    if ":" in config.optimizer:
        return _own_update(config, weights, gradient, kept, made)
    if config.optimizer == "adam":
        return adam_update(weights, gradient, config.eta, kept, made, scratch)
    return momentum_update(weights, gradient, config.momentum, kept[0], made)


def momentum_update(
    weights: Array, eta_gradient: Array, momentum: float, velocity: Array | None = None, made: int = 0
) -> Update:
    """Return SGD with momentum: velocity = momentum * velocity - eta * gradient; weights += velocity.

    The gradient comes multiplied by eta (the step's scale), which saves a pass over the vector. velocity: the memory,
    where it is kept outside; made: the steps that have led to it.
    """
    velocity = np.zeros_like(weights) if velocity is None else velocity  # (parameters,)
    decay = np.array(momentum, weights.dtype)  # () an array is faster than a scalar
    steps = count(made + 1)
    multiply, subtract, add = np.multiply, np.subtract, np.add

    def update() -> None:
        if next(steps) % FLUSH_STEPS == 0:
            _flush(velocity)
        multiply(velocity, decay, velocity)
        subtract(velocity, eta_gradient, velocity)
        add(weights, velocity, weights)

    return update


def adam_update(
    weights: Array,
    gradient: Array,
    eta: float,
    moments: Sequence[Array] | None = None,
    made: int = 0,
    scratch: Array | None = None,
) -> Update:
    """Return Adam (Kingma and Ba 2015), with the bias corrections folded into two numbers a step.

    `first` and `second` are the paper's moments divided by 1 - beta: one multiplication and one addition each.
    moments: the memory, where it is kept outside; made: the steps that have led to it. scratch: room for one vector.
    """
    first, second = memory("adam", weights) if moments is None else moments  # (parameters,) each
    change = np.empty_like(weights) if scratch is None else scratch  # (parameters,)
    dtype = weights.dtype.type
    powers1, powers2 = (  # `**` is libm's
        islice(accumulate(repeat(beta), mul), made, None) for beta in (ADAM_BETA1, ADAM_BETA2)
    )
    beta1, beta2 = np.array(ADAM_BETA1, weights.dtype), np.array(ADAM_BETA2, weights.dtype)  # (), ()
    steps = count(made + 1)
    multiply, add, subtract, divide, sqrt = np.multiply, np.add, np.subtract, np.divide, np.sqrt

    def update() -> None:
        step = next(steps)
        if step % FLUSH_STEPS == 0:
            _flush(first)
            _flush(second)
        first_scale = (1 - ADAM_BETA1) / (1 - next(powers1))
        second_scale = math.sqrt((1 - ADAM_BETA2) / (1 - next(powers2)))
        multiply(first, beta1, first)
        add(first, gradient, first)
        multiply(gradient, gradient, change)
        multiply(second, beta2, second)
        add(second, change, second)
        sqrt(second, change)
        add(change, dtype(ADAM_EPSILON / second_scale), change)
        divide(first, change, change)
        multiply(change, dtype(eta * first_scale / second_scale), change)
        subtract(weights, change, weights)

    return update


def proximal(
    update: Update,
    weights: Array,
    gradient: Array,
    scale: float,
    initial: Array | None = None,
    scratch: Array | None = None,
) -> Update:
    """Return FedProx (Li et al. 2020): add scale * (weights - initial weights) to the gradient before each update.

    scale is mu times the factor that the gradient already carries. With 0 there is no proximal term. initial: the
    initial weights, unless they are `weights` now. scratch: room for one vector.
    """
    if not scale:
        return update
    initial = weights.copy() if initial is None else initial  # (parameters,)
    pull = np.empty_like(weights) if scratch is None else scratch  # (parameters,)
    factor = np.array(scale, weights.dtype)  # ()

    def proximal_update() -> None:
        np.subtract(weights, initial, pull)
        np.multiply(pull, factor, pull)
        np.add(gradient, pull, gradient)
        update()

    return proximal_update


def corrected(update: Update, gradient: Array, correction: Array | None) -> Update:
    """Return SCAFFOLD's step (control_variates.py): add the correction to the gradient before each update.

    correction: times the factor that the gradient already carries; None: there is none.
    """
    if correction is None:
        return update

    def corrected_update() -> None:
        np.add(gradient, correction, gradient)
        update()

    return corrected_update


def clipped(update: Update, gradient: Array, limit: float, arithmetic: Arithmetic = NATIVE) -> Update:
    """Return gradient clipping (Pascanu, Mikolov and Bengio, ICML 2013): shorten a gradient of more than this norm.

    gradient: (F, parameters), each file's on its own, or (parameters,). `limit` is the largest norm times the factor
    that the gradient already carries. With 0 there is no limit.
    """
    if not limit:
        return update
    rows = np.atleast_2d(gradient)  # (F, parameters) a view
    operands, make_operands = arithmetic.operands(rows, rows.shape[1])
    gradients, squares, dtype = list(rows), _squares(operands), gradient.dtype.type  # (parameters,) views
    multiply, most = np.multiply, limit * limit

    def clipped_update() -> None:
        if make_operands is not None:
            make_operands()
        for each, square in zip(gradients, squares(), strict=True):
            if square > most:
                multiply(each, dtype(limit / math.sqrt(square)), each)
        update()

    return clipped_update


def _squares(vectors: Array) -> Callable[[], list[float]]:
    """Return what computes the square of the norm of each vector (F, n): of many in one call, four times as fast."""
    if len(vectors) == 1:
        (vector,), dot = vectors, np.dot
        return lambda: [float(dot(vector, vector))]
    across, down = vectors[:, None, :], vectors[:, :, None]  # (F, 1, n), (F, n, 1)
    made = np.empty(len(vectors), vectors.dtype)  # (F,)
    squares_made = made[:, None, None]  # (F, 1, 1)

    def squares() -> list[float]:
        np.matmul(across, down, squares_made)
        numbers: list[float] = made.tolist()
        return numbers

    return squares


def _own(optimizer: str) -> Optimizer:
    """Import an optimizer of a plugin. Raises PluginUnknown, BadTask."""
    own: Optimizer = plugins.instance("optimizers", optimizer)
    vectors = getattr(own, "vectors", None)
    if not isinstance(vectors, int) or not 0 <= vectors <= VECTORS_MAX or not callable(getattr(own, "step", None)):
        raise BadTask(
            f"optimizer {optimizer} has vectors = {printable(repr(vectors), 40)}, expected 0 to {VECTORS_MAX}, "
            "and a method step (docs/plugins.md)"
        )
    return own


def _own_update(config: TrainConfig, weights: Array, gradient: Array, kept: Sequence[Array], made: int) -> Update:
    """Return the update of an optimizer of a plugin, which is given one file after the other."""
    own, name, steps = _own(config.optimizer), config.optimizer, count(made + 1)
    files = list(zip(*map(np.atleast_2d, (weights, gradient, *kept)), strict=True))  # (parameters,) views

    def update() -> None:
        now = LocalStep(config.eta, config.momentum, next(steps))
        for of_file, its_gradient, *remembered in files:
            try:
                returned: object = own.step(of_file, its_gradient, remembered, now)  # type: ignore[func-returns-value]
            except Exception as error:
                raise BadTask(f"optimizer {name} failed: {type(error).__name__}: {private(error)}") from error
            if returned is not None:
                raise BadTask(f"optimizer {name} returned a {type(returned).__name__}: it must change weights in place")

    return update


def _flush(vector: Array) -> None:
    vector[np.abs(vector) < FLUSH_BELOW] = 0
