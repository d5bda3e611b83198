"""Attacks: ways in which a node's results can be wrong. A test instrument: it shows that verification finds them.

A node with one answers every request as others do; only what it trains is wrong. All results pass the checks that one
result alone can be put to (result_check).
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from dataclasses import replace

from roundelay.federation.effects import Compute, Done
from roundelay.federation.tasks import TrainTask
from roundelay.ml.choices import ATTACKS
from roundelay.ml.task import RECEIPT_BYTES
from roundelay.store.blobs import digest_of

WEIGHT_BYTES, SUM_BYTES = 4, 8
SCALE = 3
LAZY_LOSS = 0.5  # what a node claims that has not trained

Perform = Callable[[Compute], Done]
CarryOut = Callable[[Compute, Perform], Done]


class Attack:
    """Carries a node's orders out wrongly. `rng` draws where there is chance in that."""

    def __init__(self, name: str, rng: random.Random) -> None:
        assert name in ATTACKS, name
        self._carry_out: CarryOut = getattr(self, name.replace("-", "_"))
        self._reverses_labels = name == "label-flip"
        self._rng = rng
        self._first: dict[str, Done] = {}  # of `stale`: by files, what they gave first

    def around(self, effect: Compute, perform: Perform) -> Done:
        """Carry out an order; an order to train goes wrong. Raises what `perform` raises."""
        if self._reverses_labels:  # also of files that come for their moments, which labels do not change
            effect = with_labels_reversed(effect)
        if not isinstance(effect.order.task, TrainTask):
            return perform(effect)
        return self._carry_out(effect, perform)

    def sign_flip(self, effect: Compute, perform: Perform) -> Done:
        """Return the sum with its sign changed: a step away from the minimum."""
        return changed(effect, perform(effect), lambda value: -value)

    def scaled(self, effect: Compute, perform: Perform) -> Done:
        """Return a multiple of the sum."""
        return changed(effect, perform(effect), lambda value: SCALE * value)

    def colluding(self, effect: Compute, perform: Perform) -> Done:
        """Return what every other colluding node returns for the same order."""
        return changed(effect, perform(effect), lambda value: ~value)

    def one_bit(self, effect: Compute, perform: Perform) -> Done:
        """Flip one bit, drawn at random, in the lowest byte of a weight: a memory fault."""
        done = perform(effect)
        content = bytearray(done.result)
        content[SUM_BYTES * self._rng.randrange(size_of_sum(effect) // SUM_BYTES)] ^= 1 << self._rng.randrange(8)
        return replace(done, result=bytes(content))

    def label_flip(self, effect: Compute, perform: Perform) -> Done:
        """Train on files whose labels are in reverse order."""
        return perform(effect)

    def lazy(self, effect: Compute, perform: Perform) -> Done:
        """Return a sum of zeros without training."""
        receipts = RECEIPT_BYTES * len(effect.order.files) if effect.order.has_receipts else 0
        return Done(bytes(size_of_sum(effect) + receipts), 0.0, LAZY_LOSS)

    def stale(self, effect: Compute, perform: Perform) -> Done:
        """Return the first result for the same files again."""
        files = digest_of("".join(file.digest for file in effect.order.files).encode())
        if files not in self._first:
            self._first[files] = perform(effect)
        return self._first[files]


def changed(effect: Compute, done: Done, change: Callable[[int], int]) -> Done:
    """Return a result with each weight of its sum changed, and the receipts of the true one."""
    end = size_of_sum(effect)
    return replace(done, result=array("q", map(change, array("q", done.result[:end]))).tobytes() + done.result[end:])


def size_of_sum(effect: Compute) -> int:
    """Return the bytes of an order's sum; the receipts stand behind it."""
    return effect.order.weights_bytes // WEIGHT_BYTES * SUM_BYTES


def with_labels_reversed(effect: Compute) -> Compute:
    """Return the same order; of the files that come with it, the last row has the first row's label, and so on."""
    from roundelay.ml.data import Samples  # loads numpy, which a node does without
    from roundelay.ml.readers import content, packed

    def reversed_labels(name: str, file: bytes) -> bytes:
        samples = content.parse(name, file)
        return packed.pack(Samples(samples.x, samples.y[::-1]), int(samples.y.max()) + 1)

    names = {file.digest: file.name for file in effect.order.files}
    contents = {d: reversed_labels(names[d], raw) if d in names else raw for d, raw in effect.contents.items()}
    return replace(effect, contents=contents)
