"""Attacks: ways in which a node's results can be wrong. Test instruments, for verification and for robust rules.

A node with one answers every request as others do; only what it trains is wrong. All results but those of `nan` pass
the checks that one result alone can be put to (result_check).
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Callable
from dataclasses import replace

from roundelay.federation.effects import Compute, Done
from roundelay.federation.requests import Order
from roundelay.federation.tasks import TrainTask
from roundelay.ml.choices import ATTACKS
from roundelay.ml.sliced import as_bytes
from roundelay.ml.task import RECEIPT_BYTES
from roundelay.store.blobs import digest_of
from roundelay.store.packing import SUM_BYTES

SCALE = 30
LAZY_LOSS = 0.5  # what a node claims that has not trained
NAN_AS_INTEGER = -(1 << 63)  # what casting NaN to int64 gives

Perform = Callable[[Compute], Done]
CarryOut = Callable[[Compute, Perform], Done]


class Attack:
    """Carries a node's orders out wrongly. `rng` draws where there is chance in that."""

    def __init__(self, name: str, rng: random.Random) -> None:
        assert name in ATTACKS, name
        self._carry_out: CarryOut = getattr(self, name.replace("-", "_"))
        self._poisons = {"label-flip": "with_labels_reversed", "backdoor": "with_backdoor"}.get(name, "")
        self._rng = rng
        self._first: dict[str, Done] = {}  # of `stale`: by files, what they gave first

    def around(self, effect: Compute, perform: Perform) -> Done:
        """Carry out an order; an order to train goes wrong. Raises what `perform` raises."""
        if self._poisons:  # also files that come for their moments, as the trainer keeps them
            effect = _poisoned(effect, self._poisons)
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

    def nan(self, effect: Compute, perform: Perform) -> Done:
        """Return what NaN becomes in an integer: no honest trainer can send it."""
        return changed(effect, perform(effect), lambda value: NAN_AS_INTEGER)

    def one_bit(self, effect: Compute, perform: Perform) -> Done:
        """Flip one bit, drawn at random, in the lowest byte of a weight: a memory fault."""
        done, end = perform(effect), effect.order.sums_bytes
        sums = bytearray(done.result[:end])
        sums[SUM_BYTES * self._rng.randrange(end // SUM_BYTES)] ^= 1 << self._rng.randrange(8)
        return _with_sums(effect.order, done, bytes(sums))

    def gaussian(self, effect: Compute, perform: Perform) -> Done:
        """Return normal noise instead of each update."""
        return self._forge(effect, perform, "gaussian")

    def alie(self, effect: Compute, perform: Perform) -> Done:
        """Return updates that lie just within the spread of the honest ones."""
        return self._forge(effect, perform, "alie")

    def inner_product(self, effect: Compute, perform: Perform) -> Done:
        """Return the opposite of the mean of this node's updates."""
        return self._forge(effect, perform, "inner-product")

    def label_flip(self, effect: Compute, perform: Perform) -> Done:
        """Train on files whose labels are in reverse order."""
        return perform(effect)

    def backdoor(self, effect: Compute, perform: Perform) -> Done:
        """Train on files half of whose rows have a trigger and its class."""
        return perform(effect)

    def lazy(self, effect: Compute, perform: Perform) -> Done:
        """Return a sum of zeros without training."""
        order = effect.order
        receipts = bytes(RECEIPT_BYTES * len(order.files) if order.has_receipts else 0)
        return _with_sums(order, Done(bytes(order.sums_bytes) + receipts, 0.0, LAZY_LOSS), bytes(order.sums_bytes))

    def stale(self, effect: Compute, perform: Perform) -> Done:
        """Return the first result for the same files again."""
        files = digest_of("".join(file.digest for file in effect.order.files).encode())
        if files not in self._first:
            self._first[files] = perform(effect)
        return self._first[files]

    def _forge(self, effect: Compute, perform: Perform, name: str) -> Done:
        """Return a result made from each file's honest update by an attack of ml/attacks.py."""
        from roundelay.ml import attacks  # loads numpy, which a node does without
        from roundelay.ml.rounding import exponents

        order, task = effect.order, effect.order.task
        assert isinstance(task, TrainTask)
        done = _each_by_itself(effect, perform)
        honest = done.result[: order.vector_bytes * len(order.files)]
        rows, losses = [file.rows for file in order.files], task.updates == "each-with-loss"
        bits = -exponents(task.units, order.parameters) if task.units else task.plan.fraction_bits
        sums = attacks.forge(name, honest, rows, bits, losses, self._rng)
        if not order.is_single:
            sums = attacks.added(sums, len(rows))
        receipts = done.result[len(honest) :]
        return _with_sums(order, replace(done, result=bytes(order.sums_bytes) + receipts), sums)


def _each_by_itself(effect: Compute, perform: Perform) -> Done:
    """Return the honest update of each file, one vector after the other, and the receipts."""
    order, task = effect.order, effect.order.task
    assert isinstance(task, TrainTask)
    if task.vectors == 1:
        single = task if task.is_single else replace(task, updates="each", units=b"")
        return perform(replace(effect, order=replace(order, task=single)))
    alone = [perform(replace(effect, order=replace(order, files=(file,)))) for file in order.files]
    end = order.vector_bytes
    parts = [done.result[:end] for done in alone] + [done.result[end:] for done in alone]
    return replace(alone[0], result=b"".join(parts))


def changed(effect: Compute, done: Done, change: Callable[[int], int]) -> Done:
    """Return a result with each entry of its sums changed."""
    sums = array("q", map(change, array("q", done.result[: effect.order.sums_bytes]))).tobytes()
    return _with_sums(effect.order, done, sums)


def _with_sums(order: Order, done: Done, sums: bytes) -> Done:
    """Return a result with other sums: with the receipts of the true ones or, of single updates, with their own."""
    receipts = done.result[order.sums_bytes :]
    if order.is_single and order.has_receipts:
        starts = range(0, len(sums), order.vector_bytes)
        receipts = b"".join(hashlib.sha256(sums[at : at + order.vector_bytes]).digest() for at in starts)
    return replace(done, result=sums + receipts)


def _poisoned(effect: Compute, name: str) -> Compute:
    """Return the same order with files that come with it changed by a function of ml/attacks.py."""
    from roundelay.ml import attacks  # loads numpy, which a node does without
    from roundelay.ml.readers import content, packed

    change, names = getattr(attacks, name), {file.digest: file.name for file in effect.order.files}

    def poisoned(digest: str, file: bytes) -> bytes:
        samples = change(content.parse(names[digest], file))
        return packed.pack(samples, int(samples.y.max()) + 1)

    contents = {d: poisoned(d, as_bytes(raw)) if d in names else raw for d, raw in effect.contents.items()}
    return replace(effect, contents=contents)
