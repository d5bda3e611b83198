"""Sites of a secure sum without a ring: their maskers answer in one process, as orders would have them do."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from roundelay.federation.masked_sum import added, boxes_by_place
from roundelay.federation.masker import Masker
from roundelay.federation.requests import Order
from roundelay.federation.secure_sum import MaskedSite, Masking, RevealedSet, shares_from_bytes, split_masked
from roundelay.federation.tasks import RevealTask
from roundelay.federation.unmasking import unmasked
from roundelay.ml import masks


@dataclass(frozen=True)
class Site:
    """A site, and what its update is: the result of a training, with its scores."""

    address: str
    masker: Masker
    order: Order
    result: bytes
    loss: float
    accuracy: float


def site(number: int, order: Order, result: bytes, loss: float, accuracy: float) -> Site:
    secret = random.Random(number).randbytes(32)
    return Site(f"site-{number}:1", Masker(secret, time.time_ns), order, result, loss, accuracy)


def masking_of(sites: Sequence[Site], threshold: int) -> Masking:
    of_each = (MaskedSite(s.address, s.masker.key, tuple(file.index for file in s.order.files)) for s in sites)
    return Masking(threshold, tuple(of_each))


def masked(one: Site, masking: Masking) -> bytes:
    """Return what leaves a site: its masked vector, and the boxes behind it."""
    order = replace(one.order, masking=masking)
    rows, bits = sum(file.rows for file in order.files), order.task.plan.fraction_bits  # type: ignore[union-attr]
    vector = masks.update_vector(one.result, rows, bits, one.loss, one.accuracy)
    return one.masker.mask(order, vector, one.address)


def secure_sum(sites: Sequence[Site], threshold: int, lost: Sequence[int], topology: str) -> bytes:
    """Return the sum over the sites that are not lost; these send nothing after they have told their keys.

    topology: star, where the driver gets each masked vector; or tree, where sites add those of two others to their own.
    """
    masking = masking_of(sites, threshold)
    included = tuple(place for place in range(len(sites)) if place not in lost)
    sent = [masked(sites[place], masking) for place in included]
    if topology == "tree":
        bitmaps = [sum(1 << file.index for file in sites[place].order.files) for place in included]
        whole = _added_below(0, sites[0].order, masking, bitmaps, sent)[1]
        received = [split_masked(whole, masking, len(included))]
    else:
        received = [split_masked(content, masking) for content in sent]
    boxes_of = boxes_by_place([box for _, boxes in received for box in boxes], included)
    chosen, first = RevealedSet(masking, included), sites[0].order
    shares = {}
    for place in included:
        boxes = tuple(boxes_of[sender][place] for sender in included)
        task = RevealTask(first.sum_id, 1, "bench", chosen, boxes)
        answer = sites[place].masker.reveal(replace(first, files=(), task=task), task, sites[place].address)
        assert json.loads(answer)
        shares[place] = shares_from_bytes(answer, chosen)
    files = [file for place in included for file in sites[place].order.files]
    return unmasked(first, files, chosen, [vector for vector, _ in received], shares)[0]


def _added_below(
    at: int, order: Order, masking: Masking, bitmaps: Sequence[int], sent: Sequence[bytes]
) -> tuple[int, bytes]:
    """Return what a node of a binary tree passes on: the bitmap of the files in its sum, and the sum with its boxes."""
    below = [each for each in (2 * at + 1, 2 * at + 2) if each < len(sent)]
    sums = [(bitmaps[at], sent[at]), *(_added_below(each, order, masking, bitmaps, sent) for each in below)]
    return sum(bitmap for bitmap, _ in sums), added(order, masking, sums)
