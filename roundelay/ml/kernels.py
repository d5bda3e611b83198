"""The gradient of mlp.py, fast: one step of several files at once, every result written into a buffer made once.

Knows nothing of epochs, learning rates or files' contents. What makes it fast, and where each trick stands:

- the trainings of F files take the step together, so that they share what each call of numpy costs. Products are made
  one file at a time, in the shapes that it has alone, and all else is element by element or along a file's own axes:
  its bits are the same whatever it lies beside. Where there is one file only the axis F is left out, and np.dot takes
  np.matmul's place: the same call of BLAS, half a microsecond sooner;
- calls that go element by element go over whole arrays without gaps, as numpy is several times slower over slices;
- feature-major: activations are (F, width, batch), so the softmax runs over the axis before the last;
- the bias is a row of ones above the activations and a column of ones beside the inputs: no separate additions;
- BLAS is slowest at products whose inner axis is contiguous on both sides: the first layer's matrix is kept
  transposed (Network), the inputs come in both layouts, and what comes back from a layer above is copied transposed;
- labels come as the scale in the place of each sample's class (batches.py), all else 0: one subtraction;
- whatever is to be folded into the gradient (1 / batch, the learning rate) enters as the scale of the softmax;
- no number becomes denormal: arithmetic with such numbers is ten to sixty times slower, and a network that has
  become sure of its classes is full of them;
- the loss and the accuracy of a step cost no call: what it leaves in softmax and total is enough for both.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from roundelay.ml.data import Floats
from roundelay.ml.mlp import Architecture

SCORE_FLOOR = -30.0  # below the highest: what follows is 1e-13 at least, far from the denormal numbers


class Batch(NamedTuple):
    """What a step reads, and writes to: one batch of each of F files. With one file only, the axis F is left out."""

    rows: Floats  # (F, batch, d + 1) column 0 is 1
    columns: Floats  # (F, d + 1, batch) the same, transposed
    hot: Floats  # (F, classes, batch) the scale at each sample's class, else 0
    factors: Floats | None  # (F, 1, batch) of each sample's part in the gradient; None: all are 1
    softmax: Floats  # (F, classes, batch) written: scale * softmax
    total: Floats  # (F, 1, batch) written: 1 / total is the scale * p of the class predicted


Step = Callable[[Batch], None]


class Network:
    """Weights and gradients of F trainings, in the kernels' layout: mlp's, with the first matrix transposed."""

    def __init__(self, architecture: Architecture, files: int = 1) -> None:
        self.architecture = architecture
        self.weights, self.gradient = np.empty((2, files, architecture.parameters), np.float32)  # (F, parameters) each

    @property
    def files(self) -> int:
        return len(self.weights)

    def load(self, weights: Floats) -> None:
        """Let all begin with these weights, laid out as Architecture.views says."""
        fan_in, fan_out = self.architecture.shapes[0]
        first = (fan_in + 1) * fan_out
        np.copyto(self.weights, weights)
        self.weights[:, :first] = weights[:first].reshape(fan_in + 1, fan_out).T.reshape(-1)

    def store(self) -> list[Floats]:
        """The weights of each as Architecture.views lays them out; copies."""
        fan_in, fan_out = self.architecture.shapes[0]
        first = (fan_in + 1) * fan_out
        stored = list(self.weights.copy())  # (parameters,) each
        for weights in stored:
            weights[:first] = weights[:first].reshape(fan_out, fan_in + 1).T.reshape(-1)
        return stored

    def matrices(self, flat: Floats) -> list[Floats]:
        """Views: the first (F, fan_out, fan_in + 1), all others (F, fan_in + 1, fan_out)."""
        views, start = [], 0
        for fan_in, fan_out in self.architecture.shapes:
            end = start + (fan_in + 1) * fan_out
            shape = (fan_in + 1, fan_out) if start else (fan_out, fan_in + 1)
            views.append(squeezed(flat[:, start:end].reshape(-1, *shape)))
            start = end
        return views


def squeezed(stack: Floats) -> Floats:
    """Without the axis F where there is one file only."""
    return stack[0] if len(stack) == 1 else stack


def gradient_step(network: Network, size: int, scale: float, keeps: Sequence[Floats] = ()) -> Step:
    """Make a step for batches of this many samples of each file.

    It leaves scale * size times the gradient of the mean loss in network.gradient. keeps, one (F, width, batch) for
    each hidden layer, are factors of its activations, to be drawn anew by the caller before each step (dropout.py).
    """
    sizes, files = network.architecture.sizes, network.files
    weights, gradients = network.matrices(network.weights), network.matrices(network.gradient)

    def empty(*shape: int) -> Floats:
        return squeezed(np.empty((files, *shape), np.float32))

    scores, peak = empty(sizes[-1], size), empty(1, size)  # (F, classes, batch), (F, 1, batch)
    layers = [empty(width + 1, size) for width in sizes[1:-1]]  # (F, width + 1, batch) row 0 stays 1
    backs = [empty(width + 1, size) for width in sizes[1:-1]]  # (F, width + 1, batch) d loss / d layer, row 0 stays 0
    for layer, back in zip(layers, backs, strict=True):
        layer[..., 0, :], back[..., 0, :] = 1, 0
    masks = [np.empty_like(_bits(layer)) for layer in layers]  # (F, width + 1, batch)
    outputs = [*(layer[..., 1:, :] for layer in layers), scores]  # (F, width, batch) what each matrix makes
    outers = [*(back[..., 1:, :] for back in backs), scores]  # (F, width, batch) d loss / d output
    turned = [empty(size, width) for width in sizes[2:]]  # (F, batch, width) outers, transposed
    factors: list[Floats | None] = list(keeps) or [None] * len(layers)  # (F, width, batch)
    between = range(len(layers))  # layer i lies between the matrices i and i + 1
    forward = [
        (layers[i], np.zeros_like(layers[i]), outputs[i], factors[i], weights[i + 1].mT, outputs[i + 1])
        for i in between
    ]
    backward = [
        (
            outers[i + 1],
            turned[i],
            turned[i].mT,
            layers[i],
            gradients[i + 1],
            weights[i + 1][..., 1:, :],
            outers[i],
            _bits(layers[i]),
            masks[i],
            _bits(backs[i]),
            factors[i],
        )
        for i in reversed(between)
    ]
    first, first_gradient, first_output, first_outer = weights[0], gradients[0], outputs[0], outers[0]
    floor = np.full_like(scores, SCORE_FLOOR)  # (F, classes, batch) faster than a scalar, as all arrays of constants
    per_scale = empty(1, sizes[-1])  # (F, 1, classes)
    per_scale.fill(1 / scale)
    product = np.dot if files == 1 else np.matmul
    subtract, divide, multiply, exp, copy, sign = np.subtract, np.divide, np.multiply, np.exp, np.copyto, np.sign
    maximum, largest = np.maximum, np.maximum.reduce

    def step(batch: Batch) -> None:
        rows, columns, hot, factors, softmax, total = batch
        product(first, columns, first_output)  # (F, width, batch)
        for layer, zeros, hidden, keep, matrix, output in forward:
            maximum(layer, zeros, out=layer)  # (F, width + 1, batch) ReLU
            if keep is not None:
                multiply(hidden, keep, hidden)  # (F, width, batch)
            product(matrix, layer, output)  # (F, width, batch)

        largest(scores, -2, None, peak, True)  # type: ignore[call-overload]  # (F, 1, batch) by keyword it is slower
        subtract(scores, peak, scores)  # (F, classes, batch) so that exp() stays finite
        maximum(scores, floor, out=scores)  # (F, classes, batch)
        exp(scores, scores)
        product(per_scale, scores, total)  # (F, 1, batch) sum / scale
        divide(scores, total, softmax)  # (F, classes, batch) scale * softmax
        subtract(softmax, hot, scores)  # scale * (softmax - one hot)
        if factors is not None:
            multiply(scores, factors, scores)  # (F, classes, batch)

        for above, outer, outer_t, layer, gradient, matrix, below, bits, mask, back_bits, keep in backward:
            copy(outer_t, above)  # (F, width above, batch)
            product(layer, outer, gradient)  # (F, width + 1, width above)
            product(matrix, above, below)  # (F, width, batch)
            sign(bits, mask)  # 1 where hidden > 0, else 0
            multiply(back_bits, mask, back_bits)  # (F, width + 1, batch)
            if keep is not None:
                multiply(below, keep, below)  # (F, width, batch)
        product(first_outer, rows, first_gradient)  # (F, width, d + 1)

    return step


def _bits(layer: Floats) -> npt.NDArray[np.uint32]:
    """The same memory as integers: 0 for 0.0, and greater than 0 for whatever is greater. Integers times 1 or 0 are
    several times faster than floats times booleans, and as a float's bits are none at 0.0, the product is the same."""
    return layer.view(np.uint32)
