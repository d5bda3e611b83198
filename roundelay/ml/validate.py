"""Evaluation on a job's validation file, which is parsed and standardised once."""

from __future__ import annotations

import numpy as np

from roundelay.ml import exact_moments
from roundelay.ml.data import Floats, Samples, moments_from_bytes, standardise_samples
from roundelay.ml.design import Design
from roundelay.ml.metrics import exact_mean, measure_fit
from roundelay.ml.mlp import Evaluation
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import evaluate, predict_targets
from roundelay.ml.readers import content as contents
from roundelay.ml.sliced import Sliced, as_bytes


class Validator:
    """A parsed validation file."""

    def __init__(self, design: Design, name: str, content: bytes) -> None:
        self._learner, self._design = learner(design), design
        self._raw = contents.parse(name, content, design.features, design.label_classes)
        self._inputs: dict[bytes, Samples] = {}  # by the moments that standardise them: a job has one

    def __call__(self, weights: Sliced, moments: bytes) -> Evaluation:
        """Evaluate weights (little-endian float32) on inputs standardised by `moments` (Moments.to_bytes; b"": raw)."""
        flat = np.frombuffer(as_bytes(weights), "<f4").astype(np.float32, copy=False)  # (parameters,)
        samples = self._standardised(moments)
        return self._fit(flat, samples, moments) if samples.has_targets else evaluate(self._learner, flat, samples)

    def moments(self) -> bytes:
        """Return the moments of this file's own features, for a job that must not see those of its training files."""
        raw = self._raw
        columns = raw.x if not raw.has_targets else np.column_stack([raw.x, raw.y])
        return exact_moments.moments_of(exact_moments.feature_sums(columns.astype(np.float32)), self._design)

    def _fit(self, flat: Floats, samples: Samples, moments: bytes) -> Evaluation:
        """Evaluate a regression: its loss on standardised targets, its errors in the target's unit."""
        found = predict_targets(self._learner, flat, samples.x)  # (n,)
        with np.errstate(all="ignore"):
            loss = exact_mean(np.square(found - samples.y))
            if moments:
                found = moments_from_bytes(moments).of_target(found)
        return Evaluation(0, loss, samples.rows, measure_fit(found, self._raw.y).numbers)

    def _standardised(self, moments: bytes) -> Samples:
        if not moments:
            return self._raw
        if moments not in self._inputs:
            self._inputs = {moments: standardise_samples(self._raw, moments_from_bytes(moments))}
        return self._inputs[moments]
