"""Whether two machines compute the same bits: the hash of a small fixed training with a job's shapes.

Bits differ between BLAS kernels (hence kinds of processor), numpy's vector loops and its random streams. Equal
fingerprints promise nothing beyond the shapes that were tried: those of the job. The training runs alone and beside
others: if that makes a difference here, the fingerprint differs from that of machines where it makes none.
"""

from __future__ import annotations

import hashlib

import numpy as np

from roundelay.ml.arithmetic import Arithmetic
from roundelay.ml.data import Array, Samples
from roundelay.ml.errors import BadTask
from roundelay.ml.models.catalogue import learner
from roundelay.ml.train import Shard
from roundelay.ml.training_plan import TrainingPlan
from roundelay.ml.vectors import stored

ROWS_MAX = 4095
VALUES_MAX = 1 << 22  # rows x width of the widest layer: a fingerprint stays small whatever a plan says
STACKED = 2  # copies of the training that run together
_SEED = 1


def fingerprint(plan: TrainingPlan, weights_bytes: int | None = None) -> str:
    """Return the hex digest of a small training with the plan's network and configuration on this machine.

    weights_bytes: the size of the weights that a job has really sent. Raises BadTask if the plan's are of another size.
    """
    model = learner(plan.design)
    if weights_bytes is not None and weights_bytes != 4 * model.parameters:
        raise BadTask(f"weights have {weights_bytes} bytes, expected 4 for each of {model.parameters} parameters")
    samples = _samples(plan, model.arithmetic)
    weights = stored(model.init_weights(_SEED))
    config = plan.of_fingerprint().config
    alone = _hashed(model.train(weights, samples, config, _SEED))
    shards = [Shard(samples.rows, lambda: samples, _SEED)] * STACKED
    beside, trainings = set[bytes](), model.train_all(weights, shards, config)
    while (trained := next(trainings, None)) is not None:
        beside.add(_hashed(trained[1]).digest())
        del trained  # before the next training
    whole = alone.copy()
    for other in sorted(beside - {alone.digest()}):  # none, unless it makes a difference here
        whole.update(other)
    whole.update(_in_order(model.scores(weights[:], samples.x)))  # (n, classes)
    return whole.hexdigest()


def _hashed(local: Array) -> hashlib._Hash:
    """Return the hash of new weights, which need not be kept: of a large model several would not fit into memory."""
    return hashlib.sha256(_in_order(local))


def _in_order(numbers: Array) -> memoryview:
    return np.ascontiguousarray(numbers).data


def _samples(plan: TrainingPlan, arithmetic: Arithmetic) -> Samples:
    """Draw a full batch and a short one from a fixed seed."""
    rows = min(2 * plan.config.batch - 1, ROWS_MAX, max(1, VALUES_MAX // max(plan.design.sizes)))
    rng = arithmetic.generator(_SEED)
    x = rng.standard_normal((rows, plan.design.features)).astype(np.float32)  # (n, d)
    if plan.design.task == "regression":
        return Samples(x, rng.standard_normal(rows).astype(np.float32))
    return Samples(x, rng.integers(plan.design.classes, size=rows))
