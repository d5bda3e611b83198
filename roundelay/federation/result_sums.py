"""Exact sums of the results of a round's orders, which do not depend on their order or grouping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import isqrt
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from roundelay.federation.partial_result import PartialResult
from roundelay.federation.spec import JobSpec
from roundelay.federation.tasks import MomentsTask, Task, TrainTask
from roundelay.ml import cells, exact, exact_moments
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.store.blobs import Buffer, MemoryBuffer
from roundelay.store.packing import SUM_BYTES

STALE_BITS = 16  # of the weight of a stale update; one that is not stale has 2^16
LOW_BITS = 32  # of a sum, which are multiplied apart from the others, so that no product overflows


def added(task: Task, sums: Sequence[Sliced], buffer: Buffer | None = None) -> Sliced:
    """Return the exact sum of results on disjoint files, in the buffer if there is one; b"" if there are none."""
    buffer = MemoryBuffer() if buffer is None else buffer  # an empty one may count as False
    for piece in pieces_of_sum(task, sums):
        buffer.write(piece)
    return buffer.getvalue()


def pieces_of_sum(task: Task, sums: Sequence[Sliced]) -> Iterator[bytes]:
    """Yield the same sum piece by piece, so that it is never whole in memory."""
    if sums and isinstance(task, MomentsTask):
        yield _added_moments(sums)
    elif sums:
        for part in exact.blocks_of_weights(len(sums[0]) // SUM_BYTES):
            yield total_of(sums, part).astype("<i8", copy=False).tobytes()


def _added_moments(sums: Sequence[Sliced]) -> bytes:
    first, *others = [exact_moments.feature_sums_from_bytes(as_bytes(raw)) for raw in sums]
    return sum(others, first).to_bytes()


def _added_updates(sums: Sequence[Sliced]) -> bytes:
    return total_of(sums, slice(0, len(sums[0]) // SUM_BYTES)).astype("<i8", copy=False).tobytes()


def total_of(sums: Sequence[Sliced], part: slice) -> npt.NDArray[np.int64]:
    """Return the sum of some of the integers of each sum."""
    total = np.zeros(part.stop - part.start, np.int64)  # (part,)
    for each in sums:
        exact.add(total, exact.ints_at(each, part))
    return total


def discounted(total: npt.NDArray[np.int64], staleness: int) -> npt.NDArray[np.int64]:
    """Return an exact sum of updates divided by sqrt(1 + staleness), rounded down: in integers, so that bits agree.

    staleness: the rounds between the weights that the updates started from and those that they are added to.
    """
    weight = isqrt((1 << 2 * STALE_BITS) // (1 + staleness))
    high, low = total >> LOW_BITS, total & ((1 << LOW_BITS) - 1)  # (parameters,)
    made: npt.NDArray[np.int64] = (high * weight << (LOW_BITS - STALE_BITS)) + (low * weight >> STALE_BITS)
    return made


def _discounted(parts: Sequence[PartialResult], staleness: Mapping[int, int]) -> list[Sliced]:
    """Return the sum of the updates of each staleness, weighted by it; these sums are then added.

    Equally stale updates are added before they are weighted, so that the result does not depend on their grouping.
    """
    by_staleness: defaultdict[int, list[Sliced]] = defaultdict(list)
    for part in parts:
        by_staleness[staleness.get(part.files[0].index, 0)].append(part.result)
    fresh = by_staleness.pop(0, [])
    totals = {late: np.frombuffer(_added_updates(sums), "<i8").astype(np.int64) for late, sums in by_staleness.items()}
    return [*fresh, *(discounted(total, late).astype("<i8").tobytes() for late, total in totals.items())]


def sums_of(parts: Sequence[PartialResult], staleness: Mapping[int, int] = MappingProxyType({})) -> list[Sliced]:
    """Return exact sums of disjoint files, which are still to be added."""
    indices = [f.index for p in parts for f in p.files]
    assert len(indices) == len(set(indices)), "every file enters a sum once"
    return _discounted(parts, staleness)


def moments_of(spec: JobSpec, parts: Sequence[PartialResult]) -> bytes:
    """Return mean and deviation of every feature, and of a target, over all files; of images, of every channel."""
    return exact_moments.moments_of(feature_sums_of(parts), spec.design)


def feature_sums_of(parts: Sequence[PartialResult]) -> exact_moments.FeatureSums:
    """Return the exact sums of the features of all files."""
    first, *others = [exact_moments.feature_sums_from_bytes(as_bytes(p.result)) for p in parts]
    return sum(others, first)


def cells_of(parts: Sequence[PartialResult]) -> list[list[cells.Cells]]:
    """Return the cells of each column of numbers, of each file."""
    return [columns for p in parts for columns in cells.from_bytes(as_bytes(p.result), [file.rows for file in p.files])]


def mean_of_progress(task: Task, parts: Sequence[PartialResult]) -> tuple[float, float]:
    """Return training loss and accuracy, weighted by rows. The loss does not depend on the grouping of the files."""
    rows = [sum(f.rows for f in p.files) for p in parts]
    if not rows:
        return 0.0, 0.0
    accuracies = [p.progress.accuracy for p in parts]
    loss = mean_loss(task, [(count, p.progress.loss) for count, p in zip(rows, parts, strict=True)])
    return loss, float(np.average(accuracies, weights=rows))


def mean_loss(task: Task, losses: Sequence[tuple[int, float]]) -> float:
    """Return the exact mean of these parts' losses by rows; 0 if the task does not train."""
    if not isinstance(task, TrainTask):
        return 0.0
    bits = task.plan.fraction_bits
    units = sum(exact.units_of_mean(loss, rows, bits) for rows, loss in losses)
    return exact.mean_loss(units, sum(rows for rows, _ in losses), bits)
