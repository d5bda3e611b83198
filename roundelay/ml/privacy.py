"""Clipping and noise: what bounds the influence of a site's rows on the update that leaves it.

`clipped` and `noised` are the Gaussian mechanism of DP-FedAvg (McMahan et al. 2018) on integers: each file's update is
clipped to an L2 norm, and discrete Gaussian noise is added to the sum. `protect` is a site's own policy: it is applied
to the whole update of an order, with noise that nobody accounts for (docs/privacy.md).
"""

from __future__ import annotations

import hashlib
import math
import os
from itertools import count

import numpy as np
import numpy.typing as npt

from roundelay.ml import exact
from roundelay.ml.data import Ints
from roundelay.ml.discrete_gaussian import Draw, sample
from roundelay.ml.errors import BadTask, StepTooLarge

ROUNDING = 1 - 1e-12  # more than the rounding of a norm


def clipped(change: npt.NDArray[np.float64], clip: float, bits: int) -> Ints:
    """Return a change in fixed point whose L2 norm is at most `clip`, exactly: it is rounded towards zero.

    Raises StepTooLarge if the change is not finite.
    """
    with np.errstate(all="ignore"):
        norm = float(np.linalg.norm(change))
    if not np.isfinite(norm):
        raise StepTooLarge("weights are not finite: the training has diverged")
    scale = min(1.0, clip * ROUNDING / norm) if norm else 1.0
    return np.trunc(np.ldexp(scale * change, bits)).astype(np.int64)  # (parameters,)


def noised(total: bytes, clip: float, noise: float, bits: int, draw: Draw = os.urandom) -> bytes:
    """Return a sum of clipped changes with discrete Gaussian noise. noise: its standard deviation, in clips."""
    change = np.frombuffer(total, "<i8").astype(np.int64)  # (parameters,)
    sigma = math.ceil(math.ldexp(noise * clip, bits))
    return (change + sample(sigma, len(change), draw)).astype("<i8").tobytes()


def stream_of(seed: bytes) -> Draw:
    """Return what draws pseudorandom bytes from a secret seed: the same bytes for the same seed."""
    drawn = count()

    def draw(size: int) -> bytes:
        return hashlib.shake_256(seed + next(drawn).to_bytes(8)).digest(size)

    return draw


def protect(total: bytes, rows: int, bits: int, clip: float, noise: float, seed: int) -> bytes:
    """Return an exact sum of updates, weighted by rows, whose mean is clipped to a norm and has noise.

    clip: largest L2 norm of the mean update. noise: standard deviation of the noise, as a share of `clip`. seed: must
    be secret and new each time, or the noise can be subtracted.
    """
    if len(total) % 8 or rows < 1:
        raise BadTask(f"a sum of {len(total)} bytes over {rows} rows")
    change = np.ldexp(np.frombuffer(total, "<i8").astype(np.float64), -bits) / rows  # (parameters,)
    norm = float(np.linalg.norm(change))
    change *= min(1.0, clip / norm) if norm else 1.0
    change += np.random.default_rng(seed).normal(0.0, noise * clip, change.shape)
    zeros = np.zeros(change.shape, np.float32)
    return exact.quantise(change, zeros, rows, bits).astype("<i8").tobytes()
