"""A trained model as an nn.Module of PyTorch; needs the extra `torch`.

The module takes rows as they were before the training standardised them, and returns scores: (n, d) -> (n, classes).
That of a regression returns predictions in the unit of the target: (n, d) -> (n, 1).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from roundelay.ml.data import INPUT_MAX, Doubles, Floats, Moments
from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask
from roundelay.ml.models.arrays import cut
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.cnn_step import POOL
from roundelay.ml.models.model import ModelLearner


class Standardise(nn.Module):  # type: ignore[misc]  # torch is an extra
    """Flatten the rows, and subtract the mean and divide by the standard deviation of the training data.

    What the training subtracted before it rounded to float32 is subtracted first.
    """

    def __init__(self, moments: Moments, offsets: Doubles | None) -> None:
        super().__init__()
        self.register_buffer("offsets", None if offsets is None else torch.tensor(offsets))  # (d,)
        self.register_buffer("mean", torch.tensor(moments.mean))  # (d,)
        self.register_buffer("std", torch.tensor(moments.std))  # (d,)

    def forward(self, x: Any) -> Any:
        """Return standardised rows: (n, ...) -> (n, d)."""
        rows = x.flatten(1)
        rows = rows.float() if self.offsets is None else (rows.double() - self.offsets).float()
        return ((rows - self.mean) / self.std).clamp(-INPUT_MAX, INPUT_MAX)


class InUnits(nn.Module):  # type: ignore[misc]
    """Turn a standardised prediction into the unit of the target."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("std", torch.tensor(std))

    def forward(self, y: Any) -> Any:
        """Return predictions in the unit of the target: (n, 1) -> (n, 1)."""
        return y * self.std + self.mean


class ChannelsLast(nn.Module):  # type: ignore[misc]
    """Move the channels behind height and width, where the numpy network has them."""

    def forward(self, x: Any) -> Any:
        """Return (n, c, h, w) as (n, h, w, c)."""
        return x.permute(0, 2, 3, 1)


def to_torch(design: Design, weights: Floats, moments: Moments | None, offsets: Doubles | None = None) -> Any:
    """Return the model as a Sequential in evaluation mode. Raises BadTask for a model that has no such form.

    offsets: subtracted from each feature in float64 (encoding.py).
    """
    shifts = offsets if offsets is not None and offsets.any() else None
    layers: list[Any] = [Standardise(moments.of_features(design.features), shifts)] if moments else [nn.Flatten()]
    if design.model in ("mlp", "softmax"):
        layers += _dense(cut(weights, learner(design).slots), is_linear=design.course)
    elif design.model == "cnn":
        layers += _cnn(design, cut(weights, learner(design).slots))
    else:
        layers += [nn.Unflatten(1, design.shape)] if design.shape else []
        layers.append(_own(design, weights))
    if moments and design.task == "regression":
        layers.append(InUnits(float(moments.mean[-1]), float(moments.std[-1])))
    return nn.Sequential(*layers).eval()


def _dense(arrays: list[Any], is_linear: bool = False) -> list[Any]:
    """Return fully connected layers from their weights (inputs, outputs) and biases, in turn."""
    layers: list[Any] = []
    for matrix, bias in zip(arrays[::2], arrays[1::2], strict=True):
        if layers and not is_linear:
            layers.append(nn.ReLU())
        layers.append(_filled(nn.Linear(*matrix.shape), matrix.T, bias))
    return layers


def _cnn(design: Design, arrays: list[Any]) -> list[Any]:
    """Return the convolutions (kernels are (h, w, channels, outputs)), each with maximum and ReLU, and dense layers."""
    layers: list[Any] = [nn.Unflatten(1, design.shape)]
    count = sum(array.ndim == 4 for array in arrays)
    for kernel, bias in zip(arrays[: 2 * count : 2], arrays[1 : 2 * count : 2], strict=True):
        side, _, channels, outputs = kernel.shape
        layers += [_filled(nn.Conv2d(channels, outputs, side), kernel.transpose(3, 2, 0, 1), bias)]
        layers += [nn.MaxPool2d(POOL), nn.ReLU()]
    return [*layers, ChannelsLast(), nn.Flatten(), *_dense(arrays[2 * count :])]


def _filled(layer: Any, weight: Any, bias: Any) -> Any:
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight.copy()))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def _own(design: Design, weights: Floats) -> Any:
    """Return a user's nn.Module with these weights."""
    made = learner(design)
    module = made.module_with(weights) if isinstance(made, ModelLearner) else None
    if not isinstance(module, nn.Module):
        raise BadTask(f"model {design.model} is not an nn.Module: torch cannot express it")
    return module.cpu()
