"""Whole rounds of SCAFFOLD through the product, beside the algorithm written from its paper.

The other references are given updates. SCAFFOLD corrects the steps of local training, so this one trains as well: it is
a softmax regression by full-batch descent in plain numpy and float64, which keeps a control variate for each file, as
the paper has it. The product keeps none, and computes them again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from roundelay.federation import replay, trained_round
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml.data import Samples
from roundelay.ml.readers import packed
from roundelay.ml.worker import Worker
from roundelay.store.blobs import digest_of

Doubles = npt.NDArray[np.float64]
Files = list[tuple[Doubles, npt.NDArray[np.int64]]]

FILES, FEATURES, CLASSES, EPOCHS, ETA, MOMENTUM = 5, 6, 4, 4, 0.1, 0.5


def largest_difference(rounds: int, seed: int = 0) -> float:
    """Return the largest difference of a weight between product and reference, as a share of the largest weight."""
    files = _draw_files(seed)
    contents = [packed.pack(Samples(x.astype(np.float32), y), CLASSES) for x, y in files]
    spec, worker = _spec(contents, [len(y) for _, y in files]), Worker()
    replay.add_files(spec, {digest_of(content): content for content in contents}, worker)
    ours = TrainedRound(0, trained_round.first_weights(spec))
    theirs = Reference(np.frombuffer(ours.weights, "<f4").astype(np.float64), files)
    largest = 0.0
    for _ in range(rounds):
        ours = replay.train_round(spec, b"", ours, worker)
        theirs.run_round()
        difference = np.abs(np.frombuffer(ours.weights, "<f4") - theirs.weights).max() / np.abs(theirs.weights).max()
        largest = max(largest, float(difference))
    return largest


class Reference:
    """Algorithm 1 of Karimireddy et al. 2020 with option I, all files in each round, weighted by their rows."""

    def __init__(self, weights: Doubles, files: Files) -> None:
        self.weights = weights  # x: (parameters,)
        self._files = files
        self._server = np.zeros_like(weights)  # c
        self._own = [np.zeros_like(weights) for _ in files]  # c_i

    def run_round(self) -> None:
        """Train on each file from the server's weights, then take the means."""
        shares = [len(y) / sum(len(other) for _, other in self._files) for _, y in self._files]
        locals_, variates = [], []
        for own, file in zip(self._own, self._files, strict=True):
            y, velocity = self.weights.copy(), np.zeros_like(self.weights)
            for _ in range(EPOCHS):
                velocity = MOMENTUM * velocity - ETA * (gradient(y, file) - own + self._server)
                y = y + velocity
            locals_.append(y)
            variates.append(gradient(self.weights, file))
        deltas = [new - old for new, old in zip(variates, self._own, strict=True)]
        self._server = self._server + sum(share * delta for share, delta in zip(shares, deltas, strict=True))
        self.weights = self.weights + sum(share * (y - self.weights) for share, y in zip(shares, locals_, strict=True))
        self._own = variates


def gradient(weights: Doubles, file: tuple[Doubles, npt.NDArray[np.int64]]) -> Doubles:
    """Return the gradient of a softmax regression's mean cross-entropy: of the biases, then of the matrix."""
    x, y = file
    inputs = np.column_stack([np.ones(len(x)), x])  # (n, d + 1)
    scores = inputs @ weights.reshape(FEATURES + 1, CLASSES)  # (n, classes)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    made: Doubles = (inputs.T @ (odds / odds.sum(axis=1, keepdims=True) - np.eye(CLASSES)[y]) / len(x)).ravel()
    return made


def _draw_files(seed: int) -> Files:
    """Draw files of different lengths, each with rows of mostly one class."""
    rng, files = np.random.default_rng(seed), []
    centres = rng.normal(0, 1, (CLASSES, FEATURES))
    for at in range(FILES):
        y = np.where(rng.random(20 + 7 * at) < 0.7, at % CLASSES, rng.integers(CLASSES, size=20 + 7 * at))
        files.append(((centres[y] + rng.normal(0, 1, (len(y), FEATURES))).astype(np.float32).astype(np.float64), y))
    return files


def _spec(contents: list[bytes], rows: list[int]) -> JobSpec:
    settings = Settings(
        rule="scaffold", model="softmax", optimizer="gd", epochs=EPOCHS, eta=ETA, momentum=MOMENTUM, rounds=100
    )
    files = tuple(
        TrainingFile(at, f"file-{at}", digest_of(content), len(content), count)
        for at, (content, count) in enumerate(zip(contents, rows, strict=True))
    )
    return JobSpec(settings, files, TrainingFile(len(rows), "held-out", "bb" * 32, 1, 1), FEATURES, CLASSES)
