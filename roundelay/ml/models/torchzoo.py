"""PyTorch models that ship, for nodes with the extra `torch`: `--model torchzoo:cnn`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import nn

from roundelay.ml.design import Design
from roundelay.ml.errors import BadTask

CHANNELS = (16, 32)  # of each convolution
POOL = 2


def cnn(design: Design) -> Any:
    """Return two 3 x 3 convolutions, each with ReLU and a 2 x 2 maximum, then --hidden layers."""
    if not design.shape:
        raise BadTask("model torchzoo:cnn needs images: these rows have no height and width")
    channels, height, width = design.shape
    layers: list[Any] = []
    for before, after in pairwise((channels, *CHANNELS)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(POOL)]
        height, width = height // POOL, width // POOL
    if min(height, width) < 1:
        raise BadTask(f"model torchzoo:cnn needs images of 4 x 4 pixels or more, these are {design.shape[1:]}")
    sizes = (CHANNELS[-1] * height * width, *design.sizes[1:-1])
    layers.append(nn.Flatten())
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(0.0)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], design.classes))
