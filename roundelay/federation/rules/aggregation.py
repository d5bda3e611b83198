"""Apply a rule of single updates block by block: no more than one block of every update is in memory.

The updates are the integers that enter an exact sum (rows * change * 2^bits), each file's by itself. A pass over all
blocks adds up the scalar products, if the rule uses them; another one combines the updates. The caller reads the
blocks, from nodes or from memory:

    for _ in range(aggregation.passes):
        for start, stop in aggregation.blocks:
            aggregation.add([piece of each file's vector, as bytes])
    weights = aggregation.weights()

Each pass digests what it is given, so that a node that returns other bytes than it has given a receipt for is found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roundelay.federation.errors import BadRecord
from roundelay.federation.rules.each import EachRule, Round, checked_change, checked_weights
from roundelay.federation.rules.vectors import Doubles, Floats, total
from roundelay.ml import exact

BLOCK_MAX, BLOCK_MIN = 1 << 14, 1 << 8  # entries of each file that are in memory at a time
BLOCK_VALUES = 1 << 20  # of all files, about


@dataclass(frozen=True)
class UpdateFile:
    """A file of the round. receipt: the SHA-256 that its whole vector must have; empty: not checked."""

    index: int
    rows: int
    receipt: bytes = b""


class Aggregation:
    """One round's aggregation. `files` are in the order of their indices."""

    def __init__(
        self,
        rule: EachRule,
        name: str,
        base: Floats,
        files: Sequence[UpdateFile],
        given: Round,
        bits: int,
        has_losses: bool,
    ) -> None:
        self.files = files
        self.passes = 2 if rule.uses_products else 1
        self._rule, self._name, self._base, self._bits, self._given = rule, name, base, bits, given
        self.entries, width = base.size + has_losses, block_width(len(files))  # of each file's vector
        self.blocks = [(start, min(start + width, self.entries)) for start in range(0, self.entries, width)]
        self._products = np.zeros((len(files), len(files)))  # (n, n)
        self._weights: Doubles = given.shares  # (n,)
        self._change = np.zeros(base.size)  # (parameters,)
        self._pass, self._block = 1, 0
        self._digests = [hashlib.sha256() for _ in files]

    def add(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Take the next block of every file, in the order of the files. Raises BadRecord, WorkFailed."""
        start, stop = self.blocks[self._block]
        for digest, piece in zip(self._digests, pieces, strict=True):
            digest.update(piece)
        block = np.stack([np.frombuffer(piece, "<i8") for piece in pieces])  # (n, b)
        self._check_ranges(block[:, : self._base.size - start])
        if stop > self._base.size:  # its last entry is the loss
            losses = np.array([exact.loss_from_units(units) for units in block[:, -1].tolist()])  # (n,)
            self._given = replace(self._given, losses=losses)
            block, stop = block[:, :-1], self._base.size
        rows = self._given.rows[:, None]  # (n, 1)
        updates = np.ldexp(block.astype(np.float64), -self._bits) / rows  # (n, b)
        if self._pass < self.passes:
            self._add_products(updates)
        else:
            self._change[start:stop] = checked_change(self._rule, self._name, updates, self._weights, self._given)
        self._block += 1
        if self._block == len(self.blocks):
            self._end_pass()

    def weights(self) -> Floats:
        """Return the weights after the round: (parameters,)."""
        assert self._pass > self.passes, "all passes have ended"
        return (self._base.astype(np.float64) + self._change).astype(np.float32)

    def _add_products(self, updates: Doubles) -> None:
        for row, update in enumerate(updates):
            self._products[row, row:] += total(updates[row:] * update)

    def _end_pass(self) -> None:
        for file, digest in zip(self.files, self._digests, strict=True):
            if file.receipt and digest.digest() != file.receipt:
                raise BadUpdate(file.index, "its update is not the one that the receipt is of")
        if self._pass < self.passes:
            upper = np.triu(self._products)  # (n, n)
            products = upper + np.triu(upper, 1).T  # (n, n)
            self._weights = checked_weights(self._rule, self._name, products, self._given)
        self._digests = [hashlib.sha256() for _ in self.files]
        self._pass, self._block = self._pass + 1, 0

    def _check_ranges(self, block: np.ndarray) -> None:
        """Raise BadUpdate unless an honest trainer can have got these integers."""
        for file, vector in zip(self.files, block, strict=True):
            if not exact.is_in_range(vector, file.rows, self._bits):
                raise BadUpdate(file.index, f"a weight has changed by 2^{exact.CHANGE_BITS_MAX} or more")


class BadUpdate(BadRecord):
    """An update that no honest trainer can have returned; `index` is its file's."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(f"not the result of an honest trainer: {why}")
        self.index = index


def block_width(files: int) -> int:
    """Return the entries of a block: a function of the number of files alone, as products are added up by blocks."""
    return min(BLOCK_MAX, max(BLOCK_MIN, BLOCK_VALUES // files))
