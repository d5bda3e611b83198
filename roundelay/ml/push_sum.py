"""What push-sum moves: a weighted sum of models, and its weight. Whoever divides the one by the other has a mean.

Kempe, Dobra and Gehrke, Gossip-based computation of aggregate information, FOCS 2003. Floating point: who adds in
which order can be seen in the last bits, and a job that gossips promises none.
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
    """rows: the weight; sum: little-endian float64, rows times a model (parameters,); both nothing at first."""

    rows: float = 0.0
    sum: bytes = b""

    def to_bytes(self, label: str) -> bytes:
        """label: what makes this half another content than an equal one of somebody else."""
        return _HEAD.pack(self.rows, hashlib.sha256(label.encode()).digest()) + self.sum


def weighted_model_from_bytes(content: bytes) -> WeightedModel:
    """What to_bytes wrote; it may come from anybody. Raises BadTask."""
    if len(content) < _HEAD.size or len(content) % 8:
        raise BadTask(f"a mass of {len(content)} bytes")
    rows, _ = _HEAD.unpack_from(content)
    mass = WeightedModel(rows, content[_HEAD.size :])
    if not (math.isfinite(rows) and rows >= 0.0 and np.isfinite(_sum(mass)).all()):
        raise BadTask("a mass that is not finite")
    return mass


def from_training(base: bytes, change: bytes, rows: int, fraction_bits: int) -> WeightedModel:
    """The mass of rows whose training has changed the model `base` (float32) by `change`, a sum in fixed point."""
    before = np.frombuffer(base, "<f4").astype(np.float64)  # (parameters,)
    changed = np.ldexp(np.frombuffer(change, "<i8").astype(np.float64), -fraction_bits)  # (parameters,) times rows
    return WeightedModel(float(rows), (rows * before + changed).astype("<f8").tobytes())


def split(mass: WeightedModel) -> WeightedModel:
    """Exactly half, so that what is given away and what is kept are the same."""
    return WeightedModel(mass.rows / 2, (_sum(mass) / 2).tobytes())


def added(masses: Sequence[WeightedModel]) -> WeightedModel:
    """All of them. Raises BadTask where two are of models of different sizes."""
    held = [mass for mass in masses if mass.sum]
    if len({len(mass.sum) for mass in held}) > 1:
        raise BadTask("masses of models of different sizes")
    total = sum((_sum(mass) for mass in held[1:]), _sum(held[0])) if held else np.zeros(0)  # (parameters,)
    return WeightedModel(sum(mass.rows for mass in masses), total.astype("<f8").tobytes())


def model_of(mass: WeightedModel, otherwise: bytes) -> bytes:
    """The mean that a mass stands for, float32; `otherwise`, where there is no mass."""
    return (_sum(mass) / mass.rows).astype("<f4").tobytes() if mass.rows else otherwise


def spread_of(models: Sequence[bytes]) -> float:
    """How far models lie apart: the root mean square distance of a weight from the mean of all models' weights."""
    weights = np.array([np.frombuffer(model, "<f4").astype(np.float64) for model in models])  # (models, parameters)
    return float(np.sqrt(np.mean((weights - weights.mean(axis=0)) ** 2)))


def _sum(mass: WeightedModel) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.frombuffer(mass.sum, "<f8").astype(np.float64)  # (parameters,)
