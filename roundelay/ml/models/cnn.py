"""A small convolutional network in numpy, good enough for MNIST: two convolutions, then dense layers.

    5 x 5 convolution to 8 channels, 2 x 2 maximum, ReLU;  3 x 3 to 16, 2 x 2 maximum, ReLU;  --hidden layers;  classes

Convolutions are products with the image's patches laid out as rows (im2col). Activations are (n, height, width,
channels). A side that the maximum does not divide loses its last row. `gradient` is the step written plainly; native
arithmetic takes the one of cnn_step.py, which is three times as fast.
"""

from __future__ import annotations

from functools import cached_property
from itertools import accumulate

import numpy as np

from roundelay.ml.arithmetic import NATIVE, Arithmetic
from roundelay.ml.choices import Task
from roundelay.ml.data import Array, Floats, Labels
from roundelay.ml.design import Design
from roundelay.ml.dropout import Dropout
from roundelay.ml.errors import BadTask
from roundelay.ml.losses import Loss, loss_of
from roundelay.ml.models.arrays import Slot
from roundelay.ml.models.arrays import layer as layer_slots
from roundelay.ml.models.cnn_step import POOL, ROWS_MAX, CnnStep, Layer, flat_size
from roundelay.ml.models.model import Model
from roundelay.ml.training_plan import TrainConfig

KERNELS = ((5, 8), (3, 16))  # side and channels of each convolution
STEPS_KEPT = 4  # buffers for different numbers of rows
PREDICTED_ROWS = 128  # at once, so that the patches stay small


class Cnn(Model):
    """A convolutional network over images."""

    is_resumable = True
    tasks: tuple[Task, ...] = ("classification", "regression")

    def __init__(self, design: Design) -> None:
        if not design.shape:
            raise BadTask("model cnn needs images: these rows have no height and width; --model mlp takes them")
        self.layers = _layers(design.shape)
        self.sizes = (flat_size(self.layers), *design.sizes[1:])
        shapes = [(layer.inner + 1, layer.out) for layer in self.layers]
        shapes += [(a + 1, b) for a, b in zip(self.sizes, self.sizes[1:], strict=False)]
        super().__init__(design, sum(a * b for a, b in shapes))
        self._shapes = shapes
        ends = list(accumulate(a * b for a, b in shapes))
        self._places = list(zip([0, *ends[:-1]], ends, shapes, strict=True))  # start, end and shape in a flat vector
        self._dropout = 0.0
        self._dropouts: dict[int, Dropout] = {}
        self._steps: dict[int, CnnStep] = {}  # by rows

    def matrices(self, flat: Floats) -> list[Floats]:
        """Return views of `flat`: for each layer (inputs + 1, outputs), the bias as the last row."""
        return [flat[start:end].reshape(shape) for start, end, shape in self._places]

    @cached_property
    def _loss(self) -> Loss:
        """What training minimises; predictions need no plugin."""
        return loss_of(self.design.task, self.design.loss)

    @property
    def slots(self) -> list[Slot]:
        inputs = [(each.side, each.side, each.channels) for each in self.layers] + [(size,) for size in self.sizes[:-1]]
        made: list[Slot] = []
        for each, (_, outputs) in zip(inputs, self._shapes, strict=True):
            made += layer_slots(made[-1].stop if made else 0, each, outputs, bias_first=False)
        return made

    def init_parameters(self, rng: np.random.Generator) -> None:
        self.parameters[:] = 0
        for matrix in self.matrices(self.parameters):
            inputs, outputs = matrix.shape[0] - 1, matrix.shape[1]
            matrix[:-1] = rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)  # (inputs, outputs)

    def prepare(self, config: TrainConfig, seed: int) -> None:
        super().prepare(config, seed)
        self._dropout, self._dropouts = config.dropout, {}

    def predict(self, x: Floats) -> Floats:
        rows, scores = (ROWS_MAX, self._fast_scores) if self._is_fast else (PREDICTED_ROWS, self._scores)
        return np.concatenate([scores(x[start : start + rows]) for start in range(0, len(x), rows)])  # (n, classes)

    def last_inputs(self, x: Floats) -> Array:
        blocks = (x[start : start + PREDICTED_ROWS] for start in range(0, len(x), PREDICTED_ROWS))
        return np.concatenate([self._apply(block)[0][-1] for block in blocks])  # (n, width)

    def train(self, x: Floats, y: Labels, weights: Floats) -> Array:
        if not self._is_fast:
            return super().train(x, y, weights)
        keeps, scores = self._draw(len(x), self._rng), np.empty((len(x), self.sizes[-1]), np.float32)  # (n, classes)
        factors = weights * np.float32(self._scale / len(y))  # (n,)
        matrices, parts = self.matrices(self.parameters), self.matrices(self._gradient)
        earlier = None
        for start in range(0, len(x), ROWS_MAX):
            part = slice(start, start + ROWS_MAX)
            step, kept = self._step(len(x[part])), [keep[:, part] for keep in keeps]
            scores[part] = step.forward(x[part], matrices, kept).T
            back = self._loss.gradient(scores[part], y[part], np.float32) * factors[part, None]  # (n, classes)
            step.backward(back.T.copy(), matrices, parts, kept)
            if len(x) > ROWS_MAX:
                earlier = self._gradient.copy() if earlier is None else np.add(earlier, self._gradient, earlier)
        if earlier is not None:
            np.copyto(self._gradient, earlier)
        self._update()
        return scores

    def gradient(self, x: Floats, y: Labels, weights: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        matrices, gradient = self.matrices(self.parameters), np.empty_like(self.parameters)  # (parameters,)
        parts, count = self.matrices(gradient), len(self.layers)
        product, total = self.arithmetic.product, self.arithmetic.total
        convolutions = self._convolve(x, matrices)
        flat = convolutions[-1].output.reshape(len(x), -1)  # (n, flat)
        keeps = self._draw(len(x), rng)
        inputs, scores = self._dense(flat, matrices[count:], keeps)
        back = self._loss.gradient(scores, y, np.float32, self.arithmetic)  # (n, classes)
        back *= (weights / len(y))[:, None]  # d loss / d scores
        for place in reversed(range(count, len(matrices))):
            layer = inputs[place - count]
            parts[place][:-1], parts[place][-1] = product(layer.T, back), total(back, 0)
            back = product(back, matrices[place][:-1].T) * (layer > 0)  # (n, inputs)
            if keeps and place > count:
                back *= keeps[place - count - 1].T
        for place in reversed(range(count)):
            back = convolutions[place].back(back, matrices[place], parts[place], place > 0)
        return scores, gradient

    @property
    def _is_fast(self) -> bool:
        """Whether steps are those of cnn_step; portable arithmetic takes those of `gradient`."""
        return self.arithmetic is NATIVE and self.parameters.dtype == np.float32

    def _step(self, rows: int) -> CnnStep:
        if rows not in self._steps:
            if len(self._steps) >= STEPS_KEPT:
                self._steps.clear()
            self._steps[rows] = CnnStep(self.layers, self.sizes, rows)
        return self._steps[rows]

    def _fast_scores(self, x: Floats) -> Floats:
        return self._step(len(x)).forward(x, self.matrices(self.parameters)).T.copy()

    def _scores(self, x: Floats) -> Floats:
        return self._apply(x)[1]

    def _apply(self, x: Floats) -> tuple[list[Floats], Floats]:
        """Return the inputs of each dense layer, and the scores, computed plainly."""
        matrices = self.matrices(self.parameters)
        flat = self._convolve(x, matrices)[-1].output.reshape(len(x), -1)  # (n, flat)
        return self._dense(flat, matrices[len(self.layers) :], [])

    def _convolve(self, x: Floats, matrices: list[Floats]) -> list[_Convolution]:
        channels, height, width = self.design.shape
        image = np.ascontiguousarray(x.reshape(-1, channels, height, width).transpose(0, 2, 3, 1))  # (n, h, w, c)
        done: list[_Convolution] = []
        for layer, matrix in zip(self.layers, matrices, strict=False):
            done.append(_Convolution(layer, done[-1].output if done else image, matrix, self.arithmetic))
        return done

    def _dense(self, flat: Floats, matrices: list[Floats], keeps: list[Floats]) -> tuple[list[Floats], Floats]:
        """Return the inputs of each dense layer, and the scores."""
        inputs = [flat]
        for place, matrix in enumerate(matrices):
            out = self.arithmetic.product(inputs[-1], matrix[:-1]) + matrix[-1]  # (n, outputs)
            if place < len(matrices) - 1:
                np.maximum(out, 0, out=out)
                if keeps:
                    out *= keeps[place].T
            inputs.append(out)
        return inputs[:-1], inputs[-1]

    def _draw(self, rows: int, rng: np.random.Generator) -> list[Floats]:
        if not self._dropout or len(self.sizes) < 3:
            return []
        if rows not in self._dropouts:
            self._dropouts[rows] = Dropout(self.sizes[1:-1], rows, self._dropout, [rng])
        self._dropouts[rows].draw()
        return self._dropouts[rows].keeps


class _Convolution:
    """The forward and backward pass of a convolution, max-pooling and ReLU for one batch."""

    def __init__(self, layer: Layer, image: Floats, matrix: Floats, arithmetic: Arithmetic) -> None:
        self.layer, self.image_shape, self.arithmetic = layer, image.shape, arithmetic
        height, width = layer.convolved
        windows = np.lib.stride_tricks.sliding_window_view(image, (layer.side, layer.side), (1, 2))
        windows = windows[:, :height, :width].transpose(0, 1, 2, 4, 5, 3)  # (n, h, w, side, side, c)
        self.patches = windows.reshape(-1, layer.inner)  # (n h w, inner)
        convolved = arithmetic.product(self.patches, matrix[:-1])  # (n h w, out)
        self.cells = convolved.reshape(len(image), height // POOL, POOL, width // POOL, POOL, layer.out)
        corners = [self.cells[:, :, i, :, j] for i in range(POOL) for j in range(POOL)]  # (n, h/2, w/2, out) each
        self.highest = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
        self.output = np.maximum(self.highest + matrix[-1], 0)  # (n, h/2, w/2, out)

    def back(self, back: Floats, matrix: Floats, part: Floats, further: bool) -> Floats:
        """Write the gradient of the matrix to `part`; return that of the image if `further` is true, else `back`."""
        rest = back.reshape(self.output.shape) * (self.output > 0)  # (n, h/2, w/2, out)
        part[-1] = self.arithmetic.total(rest, (0, 1, 2))
        cells = np.empty_like(self.cells)
        for i in range(POOL):
            for j in range(POOL):  # if corners are equal, the first counts as the maximum
                share = rest * (self.cells[:, :, i, :, j] == self.highest)  # (n, h/2, w/2, out)
                cells[:, :, i, :, j] = share
                rest = rest - share
        outer = cells.reshape(-1, self.layer.out)  # (n h w, out)
        part[:-1] = self.arithmetic.product(self.patches.T, outer)
        return self._to_image(self.arithmetic.product(outer, matrix[:-1].T)) if further else back

    def _to_image(self, patches: Floats) -> Floats:
        """Add the gradients of patches, (n h w, inner), to the pixels that they came from, (n, height, width, c)."""
        side, (height, width) = self.layer.side, self.layer.convolved
        parts = patches.reshape(-1, height, width, side, side, self.layer.channels)
        image = np.zeros(self.image_shape, patches.dtype)  # (n, height, width, channels)
        for i in range(side):
            for j in range(side):
                image[:, i : i + height, j : j + width] += parts[:, :, :, i, j]
        return image


def _layers(shape: tuple[int, ...]) -> list[Layer]:
    channels, height, width = shape
    layers: list[Layer] = []
    for side, out in KERNELS:
        layer = Layer(side, height, width, channels, out)
        height, width = (size // POOL for size in layer.convolved)
        if min(height, width) < 1:
            raise BadTask(f"model cnn needs images of 12 x 12 pixels or more, these are {shape[1]} x {shape[2]}")
        channels = out
        layers.append(layer)
    return layers
