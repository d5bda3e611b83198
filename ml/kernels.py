"""The gradient of mlp.py, fast: one step over one flat vector, every result written into a buffer made once.

Knows nothing of epochs, learning rates or files. What makes it fast, and where each trick stands:

- feature-major: activations are (size, batch), so the softmax runs over axis 0;
- the bias is a row of ones above the activations and a column of ones beside the inputs: no separate additions;
- the first layer's matrix is kept transposed (Network), and the inputs come in both layouts: BLAS is slowest at
  products whose inner axis is contiguous on both sides, and so there is one less of them;
- labels are gathered and scattered as positions, never as a dense one-hot matrix;
- whatever is to be folded into the gradient (1 / batch, the learning rate) enters as the scale of the softmax;
- no number becomes denormal: arithmetic with such numbers is ten to sixty times slower, and a network that has
  become sure of its classes is full of them;
- the loss and the accuracy of a step cost no call: what it leaves in likelihood and total is enough for both.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ml.data import Floats, Ints
from ml.mlp import Architecture

Int32s = npt.NDArray[np.int32]
SCORE_FLOOR = -30.0  # below the highest: what follows is 1e-13 at least, far from the denormal numbers

Step = Callable[[Floats, Floats, Ints, Floats, Floats], None]


class Network:
    """Weights and gradient of one training, in the kernels' layout: mlp's, with the first matrix transposed."""

    def __init__(self, architecture: Architecture) -> None:
        self.architecture = architecture
        self.weights = np.zeros(architecture.parameters, np.float32)  # (parameters,)
        self.gradient = np.zeros(architecture.parameters, np.float32)  # (parameters,)

    def load(self, weights: Floats) -> None:
        """Take over weights that are laid out as Architecture.views says."""
        np.copyto(self.weights, weights)
        self.matrices(self.weights)[0][...] = self.architecture.views(weights)[0].T

    def store(self) -> Floats:
        """The weights as Architecture.views lays them out; a copy."""
        weights = self.weights.copy()  # (parameters,)
        self.architecture.views(weights)[0][...] = self.matrices(self.weights)[0].T
        return weights

    def matrices(self, flat: Floats) -> list[Floats]:
        """Views: the first (fan_out, fan_in + 1), all others (fan_in + 1, fan_out)."""
        fan_in, fan_out = self.architecture.shapes[0]
        first = flat[: (fan_in + 1) * fan_out].reshape(fan_out, fan_in + 1)  # (fan_out, fan_in + 1)
        return [first, *self.architecture.views(flat)[1:]]


def gradient_step(
    network: Network, batch: int, scale: float, keeps: Sequence[Floats] = (), class_weights: Sequence[float] = ()
) -> Step:
    """Make step(rows, columns, labels, likelihood, total) for batches of this many samples.

    It reads rows (batch, d + 1) and columns (d + 1, batch), the same samples with a leading 1, and labels (batch,),
    the position label * batch + column of each sample's class among the scores. It writes scale * batch times the
    gradient of the mean loss into network.gradient, scale * p(label) into likelihood (batch,), and into total
    (batch,) what makes 1 / total the scale * p of the class predicted.

    keeps, one (size, batch) for each hidden layer, are factors of its activations, to be drawn anew by the caller
    before each step (dropout.py). class_weights are factors of each row's part in the gradient, by its class.
    """
    sizes = network.architecture.sizes
    weights, gradients = network.matrices(network.weights), network.matrices(network.gradient)
    scores = np.empty((sizes[-1], batch), np.float32)  # (classes, batch)
    layers = [np.ones((size + 1, batch), np.float32) for size in sizes[1:-1]]  # (size + 1, batch) row 0 stays 1
    outputs = [*(layer[1:] for layer in layers), scores]  # (size, batch) what each matrix makes of its layer
    backs = [*(np.empty_like(output) for output in outputs[:-1]), scores]  # (size, batch) d loss / d output
    first, first_gradient = weights[0], gradients[0]  # (size, d + 1)
    first_output, first_back = outputs[0], backs[0]  # (size, batch)
    upper = range(1, len(weights))
    factors: list[Floats | None] = list(keeps) or [None] * len(layers)  # (size, batch)
    forward = [
        (outputs[i - 1], np.zeros_like(outputs[i - 1]), factors[i - 1], weights[i].T, layers[i - 1], outputs[i])
        for i in upper
    ]
    backward = [
        (layers[i - 1], backs[i].T, gradients[i], weights[i][1:], backs[i], backs[i - 1], *_mask(outputs[i - 1]),
         _bits(backs[i - 1]), factors[i - 1]) for i in reversed(upper)
    ]
    flat_scores = scores.reshape(-1)  # (classes * batch,)
    peak, excess = np.empty(batch, np.float32), np.empty(batch, np.float32)  # (batch,)
    floor = np.full_like(scores, SCORE_FLOOR)  # (classes, batch)
    per_scale = np.full(sizes[-1], 1 / scale, np.float32)  # (classes,)
    scales = np.full(batch, scale, np.float32)  # (batch,) arrays of constants are faster than scalars
    by_label = np.repeat(np.array(class_weights, np.float32), batch)  # (classes * batch,) by position, as labels are
    row_weights = np.empty(batch, np.float32)  # (batch,)
    dot, subtract, divide, multiply, exp = np.dot, np.subtract, np.divide, np.multiply, np.exp
    maximum, minimum, largest = np.maximum, np.minimum, np.maximum.reduce

    def step(rows: Floats, columns: Floats, labels: Ints, likelihood: Floats, total: Floats) -> None:
        dot(first, columns, first_output)  # (size, batch)
        for hidden, zeros, keep, matrix, layer, output in forward:
            maximum(hidden, zeros, out=hidden)  # (size, batch) ReLU
            if keep is not None:
                multiply(hidden, keep, hidden)  # (size, batch)
            dot(matrix, layer, output)  # (size, batch)

        largest(scores, 0, None, peak)  # type: ignore[call-overload]  # (batch,) by keyword it is slower
        subtract(scores, peak, scores)  # (classes, batch) so that exp() stays finite
        maximum(scores, floor, out=scores)  # (classes, batch)
        exp(scores, scores)
        dot(per_scale, scores, total)  # (batch,) sum / scale
        divide(scores, total, scores)  # (classes, batch) scale * softmax
        flat_scores.take(labels, None, likelihood, "clip")  # (batch,)
        subtract(likelihood, scales, excess)
        flat_scores[labels] = excess  # scale * (softmax - one hot)
        if class_weights:
            by_label.take(labels, None, row_weights, "clip")  # (batch,)
            multiply(scores, row_weights, scores)  # (classes, batch)

        for layer, outer, gradient, matrix, above, back, sign, ones, mask, back_bits, keep in backward:
            dot(layer, outer, gradient)  # (size + 1, size above)
            dot(matrix, above, back)  # (size, batch)
            minimum(sign, ones, out=mask)  # 1 where hidden > 0, else 0
            multiply(back_bits, mask, back_bits)
            if keep is not None:
                multiply(back, keep, back)  # (size, batch)
        dot(first_back, rows, first_gradient)  # (size, d + 1)

    return step


def _bits(layer: Floats) -> Int32s:
    """The same memory as int32: 0 for 0.0, and greater than 0 for whatever is greater."""
    return layer.view(np.int32)


def _mask(hidden: Floats) -> tuple[Int32s, Int32s, Int32s]:
    """(bits of hidden, ones, mask): the minimum of the first two is the mask. Integers times 1 or 0 are several
    times faster than floats times booleans, and as a float's bits are none at 0.0, the product is the same."""
    return _bits(hidden), np.ones(hidden.shape, np.int32), np.empty(hidden.shape, np.int32)
