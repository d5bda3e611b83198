"""Conversion of a model's vector to the arrays of other frameworks, and back."""

from __future__ import annotations

import numpy as np
import pytest

from roundelay.ml.design import Design
from roundelay.ml.errors import ClientFault
from roundelay.ml.models.arrays import cut, join
from roundelay.ml.models.catalogue import learner
from tests.ml.ml_oracles import make_samples

MLP = Design((5, 7, 6, 4))
CNN = Design((2 * 14 * 14, 7, 3), "cnn", (2, 14, 14))


def read_weights(design: Design) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(learner(design).parameters).astype(np.float32)


@pytest.mark.parametrize("design", [MLP, CNN, Design((5, 4), "softmax")], ids=lambda d: d.model)
def test_a_vector_comes_back_from_its_arrays_bit_for_bit(design: Design) -> None:
    model, weights = learner(design), read_weights(design)

    arrays = cut(weights, model.slots)

    assert sum(array.size for array in arrays) == model.parameters
    assert np.array_equal(join(arrays, model.slots, np.zeros_like(weights)).astype(np.float32), weights)


def test_the_arrays_of_an_mlp_are_weights_and_bias_of_each_layer() -> None:
    x = make_samples(9, 5, 4).x
    arrays: list[np.ndarray] = cut(read_weights(MLP), learner(MLP).slots)

    assert [array.shape for array in arrays] == [(5, 7), (7,), (7, 6), (6,), (6, 4), (4,)]
    hidden = np.maximum(x @ arrays[0] + arrays[1], 0)
    hidden = np.maximum(hidden @ arrays[2] + arrays[3], 0)
    assert np.allclose(hidden @ arrays[4] + arrays[5], learner(MLP).scores(read_weights(MLP), x), atol=1e-5)


def test_the_arrays_of_a_cnn_are_kernels_then_dense_layers() -> None:
    x = make_samples(3, CNN.features, 3).x
    arrays: list[np.ndarray] = cut(read_weights(CNN), learner(CNN).slots)

    assert [array.shape for array in arrays][:4] == [(5, 5, 2, 8), (8,), (3, 3, 8, 16), (16,)]
    image: np.ndarray = x.reshape(-1, 2, 14, 14).transpose(0, 2, 3, 1)  # (n, h, w, channels)
    for kernel, bias in (arrays[:2], arrays[2:4]):
        side = kernel.shape[0]
        windows = np.lib.stride_tricks.sliding_window_view(image, (side, side), (1, 2))  # (n, h, w, c, i, j)
        out = np.einsum("nhwcij,ijco->nhwo", windows, kernel)
        height, width = (size // 2 * 2 for size in out.shape[1:3])
        cells = out[:, :height, :width].reshape(len(out), height // 2, 2, width // 2, 2, -1)
        image = np.maximum(cells.max(axis=(2, 4)) + bias, 0)
    hidden = np.maximum(image.reshape(len(image), -1) @ arrays[4] + arrays[5], 0)
    assert np.allclose(hidden @ arrays[6] + arrays[7], learner(CNN).scores(read_weights(CNN), x), rtol=1e-3, atol=1e-3)


def test_writing_to_an_array_does_not_change_the_vector() -> None:
    weights = read_weights(MLP)

    cut(weights, learner(MLP).slots)[0][:] = 0

    assert np.array_equal(weights, read_weights(MLP))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda arrays: arrays[:-1], r"returned 5 arrays, expected a list of 6: \(5, 7\), \(7,\)"),
        (lambda arrays: None, "returned None, expected a list of 6"),
        (lambda arrays: [arrays[0].T, *arrays[1:]], r"returned array 1 of 6 with shape \(7, 5\), expected \(5, 7\)"),
        (lambda arrays: [*arrays[:5], np.full(4, np.nan)], "NaN or infinity in array 6 of 6"),
        (lambda arrays: [*arrays[:5], ["a"] * 4], "returned array 6 of 6 that is not numeric: dtype <U1"),
        (lambda arrays: [*arrays[:5], [[1], [2, 3]]], "returned array 6 of 6 that is not numeric: "),
    ],
)
def test_wrong_arrays_are_refused_by_number(spoil: object, complaint: str) -> None:
    model, weights = learner(MLP), read_weights(MLP)

    with pytest.raises(ClientFault, match=complaint):
        join(spoil(cut(weights, model.slots)), model.slots, weights)  # type: ignore[operator]
