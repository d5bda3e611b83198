"""The inputs of training: labelled samples, and the moments by which they are standardised.

readers/ reads samples from files; exact.FeatureSums computes moments over all files of a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from roundelay.ml.errors import BadTask

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Array = npt.NDArray[np.floating[Any]]  # either
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]  # (n,) classes as int64, or the targets of a regression as float32

INPUT_MAX = 8.0  # standard deviations


@dataclass(frozen=True, eq=False)
class Samples:
    """The rows of one file."""

    x: Floats  # (n, d)
    y: Labels

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def features(self) -> int:
        return int(self.x.shape[1])

    @property
    def has_targets(self) -> bool:
        """Whether the labels are the targets of a regression."""
        return self.y.dtype.kind == "f"

    @property
    def size_bytes(self) -> int:
        return self.x.nbytes + self.y.nbytes


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and standard deviation of each feature over all rows of a job; a constant feature has std 1.

    Those of a regression's target come last.
    """

    mean: Floats  # (d,)
    std: Floats  # (d,) all > 0

    def of_features(self, features: int) -> Moments:
        """Return the moments without those of a target."""
        return Moments(self.mean[:features], self.std[:features])

    def joined(self, other: Moments) -> Moments:
        """Return these moments, followed by others."""
        return Moments(np.concatenate([self.mean, other.mean]), np.concatenate([self.std, other.std]))

    def of_target(self, standardised: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return predictions of the target in its unit: (n,) -> (n,)."""
        return standardised * float(self.std[-1]) + float(self.mean[-1])

    def to_bytes(self) -> bytes:
        """Encode mean, then standard deviation: 2 d little-endian float32."""
        return self.mean.astype("<f4").tobytes() + self.std.astype("<f4").tobytes()


def moments_from_bytes(data: bytes) -> Moments:
    """Decode what Moments.to_bytes wrote. Raises BadTask."""
    if not data or len(data) % 8:
        raise BadTask(f"moments of {len(data)} bytes: expected 8 for each feature")
    mean, std = np.frombuffer(data, "<f4").astype(np.float32).reshape(2, -1)  # (d,), (d,)
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std > 0).all()):
        raise BadTask("moments must be finite, and standard deviations greater than 0")
    return Moments(mean, std)


def standardise(x: Floats, moments: Moments) -> Floats:
    """Return (x - mean) / std, at most INPUT_MAX either way: (n, d) -> (n, d).

    Computed in float64 and rounded once. The limit (winsorising, Hastings et al. 1947) keeps the extreme values of
    heavy-tailed features from dominating the steps; decision 19 has its measurements.
    """
    if x.shape[1] != len(moments.mean):
        raise BadTask(f"samples of {x.shape[1]} features, moments of {len(moments.mean)}")
    out = (x.astype(np.float64) - moments.mean) / moments.std  # (n, d)
    return np.clip(out, -INPUT_MAX, INPUT_MAX, out).astype(np.float32)  # (n, d)


def standardise_samples(samples: Samples, moments: Moments) -> Samples:
    """Return samples with standardised features and, in a regression, targets."""
    x = standardise(samples.x, moments.of_features(samples.features) if samples.has_targets else moments)  # (n, d)
    if not samples.has_targets:
        return Samples(x, samples.y)
    if len(moments.mean) != samples.features + 1:
        raise BadTask(f"samples of {samples.features} features and a target, moments of {len(moments.mean)}")
    y = (samples.y.astype(np.float64) - moments.mean[-1]) / moments.std[-1]  # (n,)
    return Samples(x, y.astype(np.float32))
