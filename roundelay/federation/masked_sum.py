"""Masked vectors of sites (secure_sum.py), and their sums, which nodes on the way to the driver may add.

A site sends its masked vector, and behind it the sealed boxes of its shares. A node of a tree adds vectors, modulo 2^64
or 2^768, and passes the boxes on behind the sum, in the order of their sites. It learns nothing: every vector has the
mask of its site, and only the site that a box is for can open it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roundelay.federation.partial_result import PartialResult
from roundelay.federation.requests import Order
from roundelay.federation.secure_sum import Masking, split_masked
from roundelay.federation.tasks import MomentsTask
from roundelay.ml import masks
from roundelay.ml.masks import MOMENTS_WIDTH, UPDATE_WIDTH
from roundelay.ml.sliced import as_bytes


@dataclass(frozen=True)
class MaskedSum:
    """The sum of the masked vectors of some sites, with the boxes of their shares."""

    content: bytes  # both of them, as they were sent
    vector: bytes
    boxes: Mapping[int, list[bytes]]  # by the place of the site that has sealed them: one for each site
    seconds: Mapping[int, float]  # by place: that its training took
    root: str = ""  # the node that has sent a sum of a tree; empty: the site itself has sent its vector

    @property
    def places(self) -> frozenset[int]:
        """The places of the sites that are in it."""
        return frozenset(self.boxes)

    @classmethod
    def of(cls, content: bytes, masking: Masking, seconds: Mapping[int, float], root: str = "") -> MaskedSum:
        """Return what was sent as a sum over the sites at the places that `seconds` has. Raises BadRecord."""
        vector, boxes = split_masked(content, masking, len(seconds))
        return cls(content, vector, boxes_by_place(boxes, sorted(seconds)), seconds, root)

    @classmethod
    def of_part(cls, part: PartialResult, masking: Masking, is_tree: bool) -> MaskedSum:
        """Return a round's part as a masked sum. Raises Malformed, BadRecord."""
        trained_s = part.trained_s
        places = masking.places_of([file.index for file in part.files])
        seconds = {place: trained_s.get(masking.sites[place].address, part.progress.seconds) for place in places}
        return cls.of(as_bytes(part.result), masking, seconds, str(part.node.address) if is_tree else "")


def boxes_by_place(boxes: Sequence[bytes], places: Sequence[int]) -> dict[int, list[bytes]]:
    """Return boxes that stand one behind the other by the places of their senders, which are in that order."""
    each = len(boxes) // len(places)
    return {place: list(boxes[at * each : (at + 1) * each]) for at, place in enumerate(places)}


def added(order: Order, masking: Masking, sums: Sequence[tuple[int, bytes]]) -> bytes:
    """Return the sum of masked sums over disjoint files; b"" if there are none. Raises BadTask, BadRecord, Malformed.

    sums: of each, the bitmap of its files, and its vector with the boxes behind it.
    """
    vectors, boxes = list[bytes](), dict[int, list[bytes]]()
    for files, content in sums:
        places = masking.places_of([index for index in range(files.bit_length()) if files >> index & 1])
        vector, found = split_masked(content, masking, len(places))
        vectors.append(vector)
        boxes |= boxes_by_place(found, places)
    if not vectors:
        return b""
    width = MOMENTS_WIDTH if isinstance(order.task, MomentsTask) else UPDATE_WIDTH
    return masks.add(vectors, (), (), width) + b"".join(box for place in sorted(boxes) for box in boxes[place])
