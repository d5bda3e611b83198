"""Weighted models for push-sum gossip: each node holds a weighted sum of models and the weight; the quotient is a mean.

Kempe, Dobra and Gehrke, Gossip-based computation of aggregate information, FOCS 2003. The sums are floating point, so
their last bits depend on the order of the additions, and a gossip job does not promise equal bits.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roundelay.ml.errors import BadTask

_HEAD = struct.Struct("<d16s")


@dataclass(frozen=True)
class WeightedModel:
    """A weighted sum of models and its weight; empty at first."""

    rows: float = 0.0  # the weight
    sum: bytes = b""  # little-endian float64: rows times a model (parameters,)

    def to_bytes(self, label: str) -> bytes:
        """Encode the model; a unique `label` makes equal halves of different nodes different contents."""
        return _HEAD.pack(self.rows, hashlib.sha256(label.encode()).digest()) + self.sum


def weighted_model_from_bytes(content: bytes) -> WeightedModel:
    """Decode a model that another node encoded. Raises BadTask."""
    if len(content) < _HEAD.size or len(content) % 8:
        raise BadTask(f"malformed weighted model of {len(content)} bytes")
    rows, _ = _HEAD.unpack_from(content)
    model = WeightedModel(rows, content[_HEAD.size :])
    if not (math.isfinite(rows) and rows >= 0.0 and np.isfinite(_sum(model)).all()):
        raise BadTask("the weighted model is not finite")
    return model


def encoded_bytes(model_bytes: int) -> int:
    """Return the size of an encoded weighted model, from that of the model."""
    return _HEAD.size + 2 * model_bytes


def from_training(base: bytes, change: bytes, rows: int, fraction_bits: int) -> WeightedModel:
    """Return the weighted model of `rows` rows that changed `base` (float32) by `change`, a fixed-point sum."""
    before = np.frombuffer(base, "<f4").astype(np.float64)  # (parameters,)
    changed = np.ldexp(np.frombuffer(change, "<i8").astype(np.float64), -fraction_bits)  # (parameters,) times rows
    return WeightedModel(float(rows), (rows * before + changed).astype("<f8").tobytes())


def split(model: WeightedModel) -> WeightedModel:
    """Return half of the model's sum and weight: one half is kept, an equal one is sent."""
    return WeightedModel(model.rows / 2, (_sum(model) / 2).tobytes())


def add(models: Sequence[WeightedModel]) -> WeightedModel:
    """Add weighted models. Raises BadTask if their sizes differ."""
    present = [model for model in models if model.sum]
    if len({len(model.sum) for model in present}) > 1:
        raise BadTask("cannot add weighted models of different sizes")
    total = sum((_sum(model) for model in present[1:]), _sum(present[0])) if present else np.zeros(0)  # (parameters,)
    return WeightedModel(sum(model.rows for model in models), total.astype("<f8").tobytes())


def mean_of(model: WeightedModel, default: bytes) -> bytes:
    """Return the mean model as float32, or `default` if the weight is 0."""
    return (_sum(model) / model.rows).astype("<f4").tobytes() if model.rows else default


def is_model(content: bytes, size_bytes: int) -> bool:
    """Return whether these bytes, which another node sent, are finite weights (float32), of that size in all."""
    return len(content) == size_bytes and bool(np.isfinite(np.frombuffer(content, "<f4")).all())


def spread_of(models: Sequence[bytes]) -> float:
    """Return the root mean square deviation of the weights from their means over all models; 0 for none."""
    if not models:
        return 0.0
    weights = np.array([np.frombuffer(model, "<f4").astype(np.float64) for model in models])  # (models, parameters)
    return float(np.sqrt(np.mean((weights - weights.mean(axis=0)) ** 2)))


def _sum(model: WeightedModel) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(model.sum, "<f8").astype(np.float64)  # (parameters,)
