"""One gradient step of the network in mlp.py for several files at once, fast: every result goes into a reused buffer.

Knows nothing of epochs, learning rates or file contents; mlp.loss_and_gradient is the oracle of its tests. The tricks:

- F files take the step together and share the overhead of each numpy call. Every product is computed for one file at a
  time, in the shapes that the file would have alone, and everything else is element-wise or along a file's own axes:
  a file's bits do not depend on its neighbours. With one file the axis F is dropped and ndarray.dot replaces
  np.matmul: the same BLAS call, half a microsecond faster. The function np.dot takes 0.1 more, as does np.copyto where
  an assignment would do: both look for arrays of other libraries;
- element-wise calls run over whole contiguous arrays: numpy is several times slower over slices;
- arrays are feature-major, (F, width, batch). Of the scores the classes come first, (classes, F, batch): the largest
  score, its subtraction and the division run over all files at once, and not over one row of 32 numbers after the
  other, which saves 0.8 of 8 microseconds a step and file at 64/32. Products take views (F, classes, batch);
- the bias is a row of ones above the activations and a column of ones beside the inputs: no separate additions;
- BLAS is slowest when the inner axis is contiguous in both operands: with AVX-512 up to twice as slow. So the first
  matrix is kept transposed (Network), the inputs come in both layouts unless they are wide (batches.py), and the
  gradient from the layer above is copied transposed;
- buffers begin at a cache line (aligned.py);
- a label is its sample's place in the flat scores (batches.py): three calls over one number a sample take the
  likelihood, subtract 1 from it and write it back. An array of zeros and ones would have to be written and read;
- factors of the gradient (1 / batch, the learning rate) are folded into the scale of the softmax;
- activations come multiplied by `unit`, -2^32 or -2^60, and gradients by them divided by it. As integers, activations
  are then 0 or larger than any gradient or of its sign: the smaller integer is the gradient where an activation
  counts, else 0. A mask would take a call more over the largest arrays of a step, 3 % of its time at 256/128. In the
  gradient of the weights both factors cancel;
- no number becomes denormal: arithmetic on denormals is ten to sixty times slower, and a confident network is full of
  them;
- loss and accuracy cost no call: `outcome` and `total`, which the step leaves in the batch, determine both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from roundelay.ml import aligned
from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.choices import TASK_LOSS
from roundelay.ml.data import Array, Doubles, Labels
from roundelay.ml.exact_product import Refresh, RefreshWithin
from roundelay.ml.factored_gradient import FactoredGradient
from roundelay.ml.mlp import Architecture
from roundelay.ml.vectors import Vector

COPIED_AT_ONCE = 1 << 20  # numbers of a vector that may be in a file
SCORE_FLOOR = -30.0  # relative to the highest score: exp() of it is 1e-13, far from denormal
BACK_SUM_MAX = 3.0  # of a sample's |softmax - one hot|: at most 2, and what rounding adds in all classes
BOUNDED_CLASSES_MAX = 1 << 16

Bits = npt.NDArray[np.unsignedinteger[Any]]


class Batch(NamedTuple):
    """The inputs and outputs of a step: one batch of each of F files. With one file only, the axis F is dropped."""

    rows: Array  # (F, batch, d + 1) column 0 is 1; all times the unit
    columns: Array  # (F, d + 1, batch) the same, transposed
    labels: Labels  # (F, batch) places in the flat scores; targets times twice the scale; or what a plugin is given
    factors: Array | None  # (F, batch) weight of each sample in the gradient; None: all are 1
    factors_bound: float  # a power of two, at least the largest factor
    outcome: Array  # (F, batch) written: scale * p of the label; in a regression, the scaled gradient
    total: Array  # (F, batch) written: 1 / total is scale * p of the predicted class; not in a regression
    scores: Array  # (classes, F, batch) written for the loss of a plugin only


Step = Callable[[Batch], None]


class Network:
    """Weights and gradients of F trainings, laid out as in mlp.py, but with the first matrix transposed."""

    def __init__(self, architecture: Architecture, files: int = 1, arithmetic: Arithmetic = NATIVE) -> None:
        self.architecture, self.arithmetic = architecture, arithmetic
        self.weights = aligned.empty((files, architecture.parameters), arithmetic.dtype)  # (F, parameters)

    @cached_property
    def gradient(self) -> Array:
        """The gradients of the last step: (F, parameters). It takes no memory until it is used."""
        return aligned.empty(self.weights.shape, self.arithmetic.dtype)

    @property
    def files(self) -> int:
        return len(self.weights)

    def load(self, weights: Vector | Array) -> None:
        """Start all trainings from these weights, laid out as Architecture.views expects them."""
        self.lay_out(weights, self.weights[0])
        np.copyto(self.weights[1:], self.weights[0])

    def lay_out(self, vector: Vector | Array, row: Array) -> None:
        """Write a vector that is laid out as Architecture.views expects it to a row of `weights`, or of its like."""
        for start in range(0, len(row), COPIED_AT_ONCE):
            row[start : start + COPIED_AT_ONCE] = vector[start : start + COPIED_AT_ONCE]
        fan_in, fan_out = self.architecture.shapes[0]
        first = (fan_in + 1) * fan_out
        row[:first].reshape(fan_out, fan_in + 1)[...] = vector[:first].reshape(fan_in + 1, fan_out).T

    def unload(self) -> list[Array]:
        """Return each training's weights, laid out as Architecture.views expects them; they are not used here again."""
        stored = list(self.weights)  # (parameters,) each
        fan_in, fan_out = self.architecture.shapes[0]
        first = (fan_in + 1) * fan_out
        for weights in stored:
            weights[:first] = weights[:first].reshape(fan_out, fan_in + 1).T.reshape(-1)
        return stored

    def matrices(self, flat: Array) -> list[Array]:
        """Return views of `flat`, (F, fan_in + 1, fan_out); the first (F, fan_out, fan_in + 1)."""
        views, start = [], 0
        for fan_in, fan_out in self.architecture.shapes:
            end = start + (fan_in + 1) * fan_out
            shape = (fan_in + 1, fan_out) if start else (fan_out, fan_in + 1)
            views.append(squeeze_files(flat[:, start:end].reshape(-1, *shape)))
            start = end
        return views


@dataclass(frozen=True, slots=True)
class HiddenLayer:
    """A hidden layer and the matrix above it: what a step reads and writes there. `up` is the width of the layer above.

    Attributes of a slotted class cost a step nothing: they are as fast as local variables of a tuple unpacked.
    """

    activations: Array  # (F, width + 1, batch) times the unit; row 0 stays 1 times the unit
    units: Array  # (F, width, batch) view of the activations without row 0
    zeros: Array  # (width + 1, batch) the other operand of ReLU, of each file
    keep: Array | None  # (F, width, batch) dropout's factors, redrawn for each step; None: no dropout
    above_t: Array  # (F, up, width + 1) view of the matrix above, transposed, with its bias
    output: Array  # (F, up, batch) its product with the activations: the units above, or the scores

    output_back: Array  # (F, up, batch) d loss / d output, as are the others divided by the unit
    output_back_t: Array  # (F, batch, up) the same transposed
    output_back_copy: Array  # (F, up, batch) view of output_back_t, which is a copy
    gradient: Array | None  # (F, width + 1, up) of the matrix above; None if it is factored
    matrix: Array  # (F, width, up) view of the matrix above without its bias
    units_back: Array  # (F, width, batch) d loss / d units
    activation_bits: Bits  # (F, width + 1, batch) the activations as integers
    back_bits: Bits  # (F, width + 1, batch) d loss / d activations as integers; row 0 stays 0
    round_activations: Refresh | None  # makes them operands of products, as do the two below: see arithmetic.py
    round_back: Refresh | None
    round_bounded: RefreshWithin | None  # the same where the gradient has a known bound


def squeeze_files(stack: Array, axis: int = 0) -> Array:
    """Drop the axis F if there is one file only."""
    return stack.squeeze(axis) if stack.shape[axis] == 1 else stack


def of_each_file(scores: Array) -> Array:
    """Return a view (F, classes, batch) of scores (classes, F, batch); with one file there is no axis F."""
    return scores if scores.ndim == 2 else scores.swapaxes(0, 1)


def gradient_step(
    network: Network, size: int, scale: float, keeps: Sequence[Array] = (), factored: FactoredGradient | None = None
) -> Step:
    """Return a step for batches of `size` samples of each file.

    The step writes scale * size times the gradient of the mean loss to network.gradient, or its factors to `factored`.
    `keeps`, (F, width, batch) for each hidden layer, are factors of its activations that the caller redraws before each
    step (dropout.py).
    """
    made = aligned.empty((network.architecture.classes, network.files, size), network.arithmetic.dtype)
    scores = squeeze_files(made, 1)  # (classes, F, batch)
    unit, power = network.arithmetic.unit, np.ones(network.files)  # (F,) what bounds the weights
    operands, round_weights = network.arithmetic.operands(network.weights, max(network.architecture.sizes) + 1, power)
    outputs = _outputs(network, size, scale, scores)
    bound = (power, BACK_SUM_MAX * abs(scale / unit)) if _is_bounded(network) and not keeps else None
    gradients: Sequence[Array | None] = [None] * len(network.architecture.shapes)
    if factored is None:
        gradients = network.matrices(network.gradient)
    layers = _hidden_layers(network, network.matrices(operands), gradients, size, of_each_file(scores), keeps, bound)
    reversed_layers = layers[::-1]
    first, first_gradient = network.matrices(operands)[0], gradients[0]
    first_output, first_back = (layers[0].units, layers[0].units_back) if layers else 2 * (of_each_file(scores),)
    product = np.ndarray.dot if network.files == 1 else np.matmul
    to_gradient: Callable[..., object] = product if factored is None else factored.add
    multiply, minimum = np.multiply, np.minimum

    def step(batch: Batch) -> None:
        if round_weights is not None:
            round_weights()
        product(first, batch.columns, first_output)  # (F, width, batch)
        for layer in layers:
            minimum(layer.activations, layer.zeros, out=layer.activations)  # (F, width + 1, batch) ReLU
            if layer.keep is not None:
                multiply(layer.units, layer.keep, layer.units)  # (F, width, batch)
            if layer.round_activations is not None:
                layer.round_activations()
            product(layer.above_t, layer.activations, layer.output)  # (F, up, batch)

        outputs(batch)

        for layer in reversed_layers:
            layer.output_back_copy[...] = layer.output_back  # (F, up, batch)
            to_gradient(layer.activations, layer.output_back_t, layer.gradient)  # (F, width + 1, up)
            product(layer.matrix, layer.output_back, layer.units_back)  # (F, width, batch)
            minimum(layer.back_bits, layer.activation_bits, out=layer.back_bits)  # (F, width + 1, batch)
            if layer.keep is not None:
                multiply(layer.units_back, layer.keep, layer.units_back)  # (F, width, batch)
            if layer.round_bounded is not None:
                layer.round_bounded(batch.factors_bound)
            elif layer.round_back is not None:
                layer.round_back()
        to_gradient(first_back, batch.rows, first_gradient)  # (F, width, d + 1)

    return step


def _is_bounded(network: Network) -> bool:
    """Return whether the largest weight bounds the gradient below the scores: that of a softmax is bounded itself."""
    architecture = network.architecture
    has_softmax = architecture.task == "classification" and architecture.loss_name == TASK_LOSS
    return has_softmax and architecture.classes <= BOUNDED_CLASSES_MAX


def _outputs(network: Network, size: int, scale: float, scores: Array) -> Step:
    """Return what replaces scores by scale * d loss / d scores, and leaves in the batch what the loss is read from.

    Scores come multiplied by the unit, as activations; what is written is divided by it.
    """
    inner, unit = max(size, network.architecture.classes), network.arithmetic.unit
    scale /= unit
    if network.architecture.loss_name != TASK_LOSS:
        return _own_outputs(network, scale, scores)
    if network.architecture.task == "regression":
        return _differences(network, scale, scores, inner)
    peak = _empty(network, size)  # (F, batch)
    floor = np.full_like(scores, -unit * SCORE_FLOOR)  # (classes, F, batch) arrays of constants are faster than scalars
    round_known = network.arithmetic.rounding_below(scores, abs(scale), inner)
    exponentials = network.arithmetic.exponentials(scores, scale)
    flat, label_back = scores.reshape(-1), np.empty_like(peak)  # (classes F batch,), (F, batch)
    whole, take = np.array(scale, scores.dtype), flat.take  # () what a probability of 1 has become
    subtract, divide, multiply = np.subtract, np.divide, np.multiply
    maximum, smallest = np.maximum, np.minimum.reduce

    def softmax_outputs(batch: Batch) -> None:
        _, _, places, factors, factors_bound, outcome, total, _ = batch
        smallest(scores, 0, None, peak)  # type: ignore[call-overload]  # (F, batch) slower with keywords
        subtract(peak, scores, scores)  # (classes, F, batch) at most 0, so that exp() stays finite
        maximum(scores, floor, out=scores)  # (classes, F, batch)
        exponentials(total)  # scores: (classes, F, batch), their sum / scale: (F, batch)
        divide(scores, total, scores)  # (classes, F, batch) scale * softmax
        take(places, None, outcome, "clip")  # (F, batch)
        flat[places] = subtract(outcome, whole, label_back)  # scale * (softmax - one hot): d loss / d scores
        if factors is not None:
            multiply(scores, factors, scores)  # (classes, F, batch)
        if round_known is not None:
            round_known(factors_bound)

    return softmax_outputs


def _differences(network: Network, scale: float, scores: Array, inner: int) -> Step:
    """Return the outputs of a regression: the gradient of the squared error is twice the difference."""
    round_scores = network.arithmetic.rounding(scores, network.files, inner)
    (predictions,), doubled = scores, np.array(2 * scale / network.arithmetic.unit, scores.dtype)  # (F, batch), ()

    def differences(batch: Batch) -> None:
        np.multiply(predictions, doubled, predictions)  # (F, batch) 2 * scale * prediction
        np.subtract(predictions, batch.labels, batch.outcome)  # 2 * scale * (prediction - target): d loss / d scores
        if batch.factors is None:
            np.copyto(predictions, batch.outcome)
        else:
            np.multiply(batch.outcome, batch.factors, predictions)
        if round_scores is not None:
            round_scores()

    return differences


def _own_outputs(network: Network, scale: float, scores: Array) -> Step:
    """Return the outputs of a plugin's loss, which is given the scores of one file after the other."""
    own, dtype, unit = network.architecture.loss, network.arithmetic.dtype, network.arithmetic.unit
    by_file = [scores] if network.files == 1 else list(of_each_file(scores))  # (classes, batch) views

    def own_outputs(batch: Batch) -> None:
        np.multiply(scores, dtype(1 / unit), scores)  # (classes, F, batch)
        np.copyto(batch.scores, scores)
        for of_file, labels in zip(by_file, np.atleast_2d(batch.labels), strict=True):
            np.multiply(own.gradient(of_file.T, labels, dtype).T, dtype(scale), of_file)  # (classes, batch)
        if batch.factors is not None:
            np.multiply(scores, batch.factors, scores)

    return own_outputs


def _hidden_layers(
    network: Network,
    operands: list[Array],
    gradients: Sequence[Array | None],
    size: int,
    scores: Array,
    keeps: Sequence[Array],
    bound: tuple[Doubles, float] | None,
) -> list[HiddenLayer]:
    """Make the buffers of all hidden layers, the one next to the inputs first.

    operands: the weights in products. bound: of the gradient below the scores, for `rounding_beside`.
    """
    widths = network.architecture.sizes[1:-1]
    matrices, gradients = operands[1:], gradients[1:]
    arithmetic, unit = network.arithmetic, network.arithmetic.unit
    layers: list[HiddenLayer] = []  # the one next to the scores first: each refers to the one above
    for i in reversed(range(len(widths))):
        output, output_back = (layers[-1].units, layers[-1].units_back) if layers else (scores, scores)
        activations, back = (_empty(network, widths[i] + 1, size) for _ in range(2))
        zeros = aligned.empty(activations.shape[-2:], arithmetic.dtype)  # (width + 1, batch)
        activations[..., 0, :], back[..., 0, :], zeros[:] = unit, 0, 0
        output_back_t = np.empty_like(output_back.swapaxes(-2, -1), order="C")  # (F, batch, up)
        inner = max(size, widths[i])
        layers.append(
            HiddenLayer(
                activations=activations,
                units=activations[..., 1:, :],
                zeros=zeros,
                keep=keeps[i] if keeps else None,
                above_t=matrices[i].swapaxes(-2, -1),
                output=output,
                output_back=output_back,
                output_back_t=output_back_t,
                output_back_copy=output_back_t.swapaxes(-2, -1),
                gradient=gradients[i],
                matrix=matrices[i][..., 1:, :],
                units_back=back[..., 1:, :],
                activation_bits=_bits(activations),
                back_bits=_bits(back),
                round_activations=arithmetic.rounding(activations, network.files, max(size, widths[i] + 1), True),
                round_back=arithmetic.rounding(back, network.files, inner),
                round_bounded=arithmetic.rounding_beside(back, *bound, inner) if bound and not layers else None,
            )
        )
    return layers[::-1]


def _empty(network: Network, *shape: int) -> Array:
    return squeeze_files(aligned.empty((network.files, *shape), network.arithmetic.dtype))  # (F, *shape)


def _bits(layer: Array) -> Bits:
    """Return a view of the same memory as integers: 0 for 0.0, and larger for a negative float than for any other."""
    return layer.view(np.uint32 if layer.itemsize == 4 else np.uint64)
