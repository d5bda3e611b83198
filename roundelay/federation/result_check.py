"""Whether an honest trainer can have computed a result: the size and the range of a sum, the consistency of moments.

A result that passes may still be wrong; an audit that trains the round again finds out.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.federation.errors import BadRecord
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.tasks import DescribeTask, EvaluateTask, HeldOutTask, MomentsTask, TrainTask
from roundelay.ml import counts, exact
from roundelay.ml.errors import BadTask
from roundelay.ml.readers.site_schema import schema_from_bytes
from roundelay.store.packing import WEIGHT_BYTES


def check_size(expected: int, found: int) -> None:
    """Raise BadTask unless single updates have as many bytes as expected."""
    if found != expected:
        raise BadTask(f"single updates of {found} bytes, expected {expected}")


def check_result(order: Order, files: Sequence[TrainingFile], result: bytes) -> None:
    """Raise BadRecord unless an honest trainer can have got this result of an order from these of its files."""
    rows = sum(file.rows for file in files)
    try:
        match order.task:
            case MomentsTask(plan):
                exact.check_feature_sums(exact.feature_sums_from_bytes(result), rows, plan.design.summed)
            case TrainTask() as task if task.is_single:  # ranges are checked where the updates are read
                check_size(order.vector_bytes * len(files), len(result))
            case TrainTask(plan) if not order.attempt:
                exact.check_sum(result, order.weights_bytes // WEIGHT_BYTES, rows, plan.fraction_bits)
            case TrainTask() if result:  # without aggregation, a node keeps its result
                raise BadTask(f"{len(result)} bytes, expected none")
            case HeldOutTask():
                counts.from_bytes(result)
            case DescribeTask():
                schema_from_bytes(result)
            case EvaluateTask() if len(result) % WEIGHT_BYTES:
                raise BadTask(f"a model of {len(result)} bytes")
    except BadTask as error:
        raise BadRecord(f"not the result of an honest trainer: {error}") from error
