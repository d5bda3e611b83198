"""Whether an honest trainer can have computed a result: the size and the range of a sum, the consistency of moments.

A result that passes may still be wrong; an audit that trains the round again finds out.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.errors import Malformed
from roundelay.federation.errors import BadRecord
from roundelay.federation.requests import Order, TrainingFile
from roundelay.federation.secure_sum import Masking
from roundelay.federation.tasks import (
    CompareTask,
    DescribeTask,
    EvaluateTask,
    HeldOutTask,
    HistogramTask,
    MomentsTask,
    PersonalTask,
    TrainTask,
)
from roundelay.ml import cells, counts, exact, exact_moments
from roundelay.ml.errors import BadTask
from roundelay.ml.masks import MOMENTS_WIDTH, SCORES, UPDATE_WIDTH
from roundelay.ml.readers.site_schema import schema_from_bytes
from roundelay.ml.rounding import exponents
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.store.packing import SUM_BYTES, WEIGHT_BYTES


def check_size(expected: int, found: int) -> None:
    """Raise BadTask unless single updates have as many bytes as expected."""
    if found != expected:
        raise BadTask(f"single updates of {found} bytes, expected {expected}")


def check_announced(order: Order, size_bytes: int) -> None:
    """Raise BadRecord, before a result of an order is read, if no honest trainer's has this size."""
    expected = order.sums_bytes + order.receipts_bytes
    is_plain = isinstance(order.task, TrainTask) and not order.attempt and not order.shares and order.masking is None
    if is_plain and size_bytes != expected:
        raise BadRecord(f"not the result of an honest trainer: {size_bytes} bytes, expected {expected}")


def check_result(order: Order, files: Sequence[TrainingFile], result: Sliced) -> None:
    """Raise BadRecord unless an honest trainer can have got this result of an order from these of its files."""
    rows = sum(file.rows for file in files)
    try:
        if order.masking is not None:  # its range is checked before it is masked, and that of the sum after
            _check_masked(order, order.masking, files, result)
            return
        match order.task:
            case MomentsTask(plan):
                exact_moments.check_feature_sums(
                    exact_moments.feature_sums_from_bytes(as_bytes(result)), rows, plan.design.summed
                )
            case TrainTask() as task if task.is_single:  # ranges are checked where the updates are read
                check_size(order.vector_bytes * len(files), len(result))
            case TrainTask() as task if task.units:
                units = exponents(task.units, order.parameters)
                exact.check_rounded_sum(as_bytes(result), units, rows, len(files))
            case TrainTask(plan) if not order.attempt:
                exact.check_sum(result, order.vector_bytes // SUM_BYTES, rows, plan.fraction_bits)
            case TrainTask() if len(result):  # without aggregation, a node keeps its result
                raise BadTask(f"{len(result)} bytes, expected none")
            case HeldOutTask(plan) | PersonalTask(plan):
                counts.check(counts.from_bytes(as_bytes(result))[0], plan.design.label_classes)
            case DescribeTask():
                schema_from_bytes(as_bytes(result))
            case CompareTask() if as_bytes(result) not in (b"\0", b"\1"):
                raise BadTask("neither yes nor no")
            case HistogramTask():
                cells.from_bytes(as_bytes(result), [file.rows for file in files])
            case EvaluateTask() if len(result) % WEIGHT_BYTES:
                raise BadTask(f"a model of {len(result)} bytes")
    except (BadTask, Malformed) as error:
        raise BadRecord(f"not the result of an honest trainer: {error}") from error


def _check_masked(order: Order, masking: Masking, files: Sequence[TrainingFile], result: Sliced) -> None:
    """Raise BadTask unless this has the size of a sum of masked vectors, with the boxes of the sites of these files."""
    numbers, width = order.parameters + SCORES, UPDATE_WIDTH
    if isinstance(order.task, MomentsTask):
        numbers, width = 2 * order.task.plan.design.summed, MOMENTS_WIDTH
    sites = len(masking.places_of([file.index for file in files]))
    expected = numbers * width + masking.box_bytes * len(masking.sites) * sites
    if len(result) != expected:
        raise BadTask(f"{len(result)} bytes of masked vectors of {sites} sites and their shares, expected {expected}")
