"""Small trainings with portable arithmetic and the digests of all that they compute.

`python -m tests.ml.portable_case` prints them. They are constants of the package: another processor, BLAS or numpy must
give the same.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np

from roundelay.ml.data import Samples
from roundelay.ml.design import Design
from roundelay.ml.fingerprint import fingerprint
from roundelay.ml.models.catalogue import learner
from roundelay.ml.models.learner import evaluate, predict_probabilities
from roundelay.ml.raw_random import RawGenerator
from roundelay.ml.training_plan import TrainConfig, TrainingPlan

ROWS = 75  # the last batch is a short one
MLP, DEEP = Design((9, 33, 7), arithmetic="portable"), Design((9, 20, 17, 7), arithmetic="portable")
SOFTMAX, CNN = (
    Design((9, 7), "softmax", arithmetic="portable"),
    Design((144, 11, 7), "cnn", (1, 12, 12), arithmetic="portable"),
)
CASES = {
    "mlp": (MLP, TrainConfig("sgd", 2, 0.1, 32, 0.9)),
    "mlp clip": (MLP, TrainConfig("sgd", 2, 0.1, 16, 0.9, clip=0.5)),
    "mlp adam": (MLP, TrainConfig("adam", 3, 0.01, 32)),
    "mlp gd": (MLP, TrainConfig("gd", 3, 0.1)),
    "deep dropout": (
        DEEP,
        TrainConfig("sgd", 2, 0.1, 32, dropout=0.3, class_weights=(0.3, 1.1, 1, 1, 1, 2, 1), mu=0.1),
    ),
    "softmax": (SOFTMAX, TrainConfig("sgd", 2, 0.1, 32)),
    "cnn": (CNN, TrainConfig("sgd", 2, 0.05, 32, clip=4.0, dropout=0.2)),
}


def digests() -> dict[str, str]:
    """Return the digest of each case: weights, losses, evaluation, probabilities and fingerprint."""
    return {name: digest(design, config) for name, (design, config) in CASES.items()}


def digest(design: Design, config: TrainConfig) -> str:
    model, rng = learner(design), RawGenerator(5)
    x = rng.standard_normal((ROWS, design.features)).astype(np.float32)
    samples, weights = Samples(x, rng.integers(design.classes, ROWS)), model.init_weights(3)
    epochs: list[object] = []
    local = model.train(weights, samples, config, 4, lambda *epoch: epochs.append(epoch))
    found = evaluate(model, local.astype(np.float32), samples)
    parts = [local.astype("<f8").tobytes(), repr((epochs, found.errors, found.loss)).encode()]
    parts += [
        predict_probabilities(model, weights, x).tobytes(),
        fingerprint(TrainingPlan(design, config, 24)).encode(),
    ]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


if __name__ == "__main__":
    print(json.dumps(digests()))
