"""The driver's arithmetic of secure aggregation: rebuild the seeds that sites have revealed, and take the masks off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from roundelay.federation.errors import BadRecord
from roundelay.federation.requests import Order, Progress, TrainingFile
from roundelay.federation.result_check import check_result
from roundelay.federation.secure_sum import RevealedSet
from roundelay.federation.tasks import MomentsTask, TrainTask
from roundelay.ml import masks
from roundelay.ml.errors import BadTask
from roundelay.ml.masks import MOMENTS_WIDTH, UPDATE_WIDTH
from roundelay.trust.errors import NotTrusted
from roundelay.trust.masking_key import stream
from roundelay.trust.secret_sharing import factors_of, join


def unmasked(
    order: Order,
    files: Sequence[TrainingFile],
    chosen: RevealedSet,
    vectors: Sequence[bytes],
    shares: Mapping[int, list[bytes]],
) -> tuple[bytes, Progress]:
    """Return the sum over a set of sites, and the means of their scores. Raises BadRecord.

    order: any site's. files: those in the sum. vectors: masked, of single included sites or added over
    some of them. shares: by the place of the site that has revealed them, in the order of secure_sum.RevealedShares.
    """
    rows, is_moments = sum(file.rows for file in files), isinstance(order.task, MomentsTask)
    try:
        plus, minus = _left(chosen, _seeds(chosen, shares))
        size, width = len(vectors[0]), MOMENTS_WIDTH if is_moments else UPDATE_WIDTH
        total = masks.add(vectors, (stream(seed, size) for seed in minus), (stream(seed, size) for seed in plus), width)
        if not isinstance(order.task, TrainTask):
            result, loss, accuracy = masks.moments_in(total, rows), 0.0, 0.0
        else:
            result, loss, accuracy = masks.update_in(total, rows, order.task.plan.fraction_bits)
        check_result(order, files, result)
    except (BadTask, NotTrusted) as error:
        raise BadRecord(f"a site has sent a wrong vector or wrong shares: {error}") from error
    return result, Progress("done", loss=loss, accuracy=accuracy)


def _seeds(chosen: RevealedSet, shares: Mapping[int, list[bytes]]) -> list[bytes]:
    """Return the seeds, in the order of their shares, from those of `threshold` sites. Raises NotTrusted."""
    givers = sorted(shares)[: chosen.masking.threshold]
    factors = factors_of(givers)
    count = len(chosen.included) * (1 + len(chosen.lost))
    return [join({giver: shares[giver][at] for giver in givers}, factors) for at in range(count)]


def _left(chosen: RevealedSet, seeds: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return the seeds of the masks that were added to the sum and not subtracted, and of those only subtracted."""
    plus, minus, found = list[bytes](), list[bytes](), iter(seeds)
    for place in chosen.included:
        plus.append(next(found))  # its own mask
        for lost in chosen.lost:
            (plus if place < lost else minus).append(next(found))
    return plus, minus
