"""The imprint attack on private rows: weights made so that the gradient of a batch can be read backwards.

Each hidden unit is active for one row more than the unit before it, so the difference of two units' gradients is one
row times a factor, and the bias has the factor alone (Fowl et al. 2022, "Robbing the Fed"). This is the attack by which
a crafted order got rows of private files back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.machine import ROOT
from roundelay.federation.site_policy import SitePolicy
from roundelay.ml import exact
from roundelay.ml.design import Design
from roundelay.ml.privacy import protect
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import FileTask, TrainerTask
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.ml.worker import Worker

ROWS, FEATURES, CLASSES = 500, 16, 26
FILE = next(path for path in sorted((ROOT / "letters").iterdir()) if not path.suffix and path.is_file())
Protect = Callable[[bytes, int, int], bytes]

# By name: the training that the order asks for, and the scale of its weights.
ATTACKS = {
    "one batch": (TrainConfig(epochs=1, eta=0.01, batch=ROWS, momentum=0.0), 1e-3),
    "ten steps of the whole file": (TrainConfig(epochs=10, eta=1e-3, batch=ROWS, momentum=0.0), 1e-3),
    "small batches": (TrainConfig(epochs=5, eta=1e-5, batch=32, momentum=0.0), 1e-3),
    "an update as large as the clip": (TrainConfig(epochs=10, eta=0.1, batch=ROWS, momentum=0.0), 1.0),
}


def recovered(config: TrainConfig, scale: float, protection: Protect, orders: int = 1) -> int:
    """Return how many of a file's rows come back, each feature to within one half, from this many orders."""
    rng, worker = np.random.default_rng(7), Worker()
    assert worker.add_file("f", "f", FILE.read_bytes()) == ROWS
    rows = np.array([line.split(",")[:-1] for line in FILE.read_text().split()], float)  # (ROWS, FEATURES)
    moments = worker.moments(["f"]).moments()
    direction = rng.normal(size=FEATURES)
    along = np.sort((rows - moments.mean) / moments.std @ direction)
    thresholds = np.concatenate([[along[0] - 1e-3], (along[1:] + along[:-1]) / 2])
    design = Design((FEATURES, ROWS, CLASSES))
    split = (FEATURES + 1) * ROWS
    weights = np.zeros(split + (ROWS + 1) * CLASSES)
    first, last = weights[:split].reshape(FEATURES + 1, ROWS), weights[split:].reshape(ROWS + 1, CLASSES)
    first[0], first[1:], last[1:] = -thresholds * scale, direction[:, None] * scale, rng.normal(size=CLASSES) / 10
    bits, change = exact.fraction_bits(ROWS), np.zeros(weights.shape)
    for number in range(orders):
        task = TrainerTask(TrainingPlan(design, config, bits), (FileTask("f", ROWS, number),), moments.to_bytes(), 1)
        update = worker.train(task, weights.astype("<f4").tobytes())
        leaves = protection(as_bytes(update.sum), ROWS, bits)
        change += np.ldexp(np.frombuffer(leaves, "<i8").astype(float), -bits) / ROWS / orders
    units = change[:split].reshape(FEATURES + 1, ROWS)
    single = units - np.append(units[:, 1:], np.zeros((FEATURES + 1, 1)), axis=1)
    single = single[:, single[0] != 0]
    found = np.rint(single[1:] / single[0] * moments.std[:, None] + moments.mean[:, None]).T
    return sum(bool((np.abs(found - row).max(axis=1) < 0.5).any()) for row in rows)


def unprotected(total: bytes, rows: int, bits: int) -> bytes:
    """Let an update leave as it is."""
    return total


def by_default() -> Protect:
    """Protect each update as the default policy does, with noise of its own."""
    policy, seeds = SitePolicy(), iter(range(1000))
    return lambda total, rows, bits: protect(total, rows, bits, policy.clip, policy.noise, next(seeds))
