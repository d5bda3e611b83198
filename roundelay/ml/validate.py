"""Evaluation on a job's validation file, which is parsed and standardised once."""

from __future__ import annotations

import numpy as np

from roundelay.ml.data import Samples, moments_from_bytes, standardise
from roundelay.ml.mlp import Evaluation
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import evaluate
from roundelay.ml.readers import content as contents
from roundelay.ml.task import Design


class Validator:
    """A parsed validation file."""

    def __init__(self, design: Design, name: str, content: bytes) -> None:
        self._learner = learner(design)
        self._raw = contents.parse(name, content, design.features, design.classes)
        self._inputs: dict[bytes, Samples] = {}  # by the moments that standardise them: a job has one

    def __call__(self, weights: bytes, moments: bytes) -> Evaluation:
        """Evaluate weights (little-endian float32) on inputs standardised by `moments` (Moments.to_bytes; b"": raw)."""
        flat = np.frombuffer(weights, "<f4").astype(np.float32)  # (parameters,)
        return evaluate(self._learner, flat, self._standardised(moments))

    def _standardised(self, moments: bytes) -> Samples:
        if not moments:
            return self._raw
        if moments not in self._inputs:
            x = standardise(self._raw.x, moments_from_bytes(moments))  # (n, d)
            self._inputs = {moments: Samples(x, self._raw.y)}
        return self._inputs[moments]
