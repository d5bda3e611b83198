"""Receipts: what a round's files were trained to, one digest each, and the Merkle tree that RESULT names by its root.

A receipt is the SHA-256 of a file's update, the integers that enter the exact sum. It depends on the file, the weights
before the round and the spec alone, so the root is the same whoever trained which file. A node returns its receipts
behind its sum. A round's receipts are one record, 32 bytes for each trained file, in the order of the files.

The tree is that of RFC 6962, section 2.1. A leaf is a file's index and its receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from roundelay.federation.errors import BadRecord
from roundelay.federation.requests import Order
from roundelay.ml.sliced import Sliced, part_of
from roundelay.ml.task import RECEIPT_BYTES

Receipts = Mapping[int, bytes]  # by the file's index

_LEAF, _NODE = b"\0", b"\1"
_INDEX_BYTES = 4


def split_result(order: Order, content: Sliced) -> tuple[Sliced, Receipts]:
    """Return an order's result without its receipts, and these. Raises BadRecord."""
    if not order.has_receipts:
        return content, {}
    end = len(content) - RECEIPT_BYTES * len(order.files)
    if end < 0:
        raise BadRecord(f"not the result of an honest trainer: {len(content)} bytes, with {len(order.files)} receipts")
    files = [file.index for file in order.files]
    return part_of(content, 0, end), by_file(files, bytes(content[end:]))


def by_file(files: Sequence[int], content: bytes) -> Receipts:
    """Return these files' receipts, which follow each other in `content`. Raises BadRecord for another number."""
    if len(content) != RECEIPT_BYTES * len(files):
        raise BadRecord(f"{len(content)} bytes of receipts, expected {RECEIPT_BYTES} for each of {len(files)} files")
    return {index: content[RECEIPT_BYTES * at : RECEIPT_BYTES * (at + 1)] for at, index in enumerate(files)}


def to_bytes(receipts: Receipts) -> bytes:
    """Return a round's record: the receipts in the order of the files."""
    return b"".join(receipts[index] for index in sorted(receipts))


def root(receipts: Receipts) -> str:
    """Return the root of the Merkle tree over a round's receipts; an empty string if there are none."""
    leaves = [_hash(_LEAF, index.to_bytes(_INDEX_BYTES, "big"), receipts[index]) for index in sorted(receipts)]
    return _root(leaves).hex() if leaves else ""


def differing(ours: Receipts, theirs: Receipts) -> list[int]:
    """Return the files whose leaves differ, in order."""
    return sorted(index for index in ours.keys() | theirs.keys() if ours.get(index) != theirs.get(index))


def merged(parts: Iterable[Receipts]) -> Receipts:
    """Return the receipts of disjoint files."""
    return {index: receipt for part in parts for index, receipt in part.items()}


def _root(level: list[bytes]) -> bytes:
    """Return the root over these leaves; an odd one at the end of a level moves up unchanged, as in RFC 6962."""
    while len(level) > 1:
        pairs = [_hash(_NODE, *level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()
