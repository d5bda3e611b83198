"""Clipping and noise: what bounds the influence of a site's rows on the update that leaves it.

The Gaussian mechanism of DP-FedAvg (McMahan et al. 2018), for one site: the update is clipped to an L2 norm, and normal
noise is added to every weight. It is applied to the whole update of an order, not to the gradient of each row, so it
gives no formal guarantee for a single row (docs/privacy.md).
"""

from __future__ import annotations

import numpy as np

from roundelay.ml import exact
from roundelay.ml.errors import BadTask


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
