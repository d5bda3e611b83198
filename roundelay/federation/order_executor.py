"""Carry out one order: admit it, have the trainer compute it, and protect and keep its result.

Refusals and failures are raised; the queue (orders.py) turns them into states.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from roundelay.chord.effects import Procedure, ask, offload
from roundelay.chord.errors import NotFound
from roundelay.chord.node import ChordNode
from roundelay.federation.effects import Compute, Done, compute
from roundelay.federation.errors import FilesLacking, WorkFailed
from roundelay.federation.large_contents import own_content
from roundelay.federation.requests import Order
from roundelay.federation.secure_orders import answer, masked
from roundelay.federation.tasks import PromiseTask, RevealTask, TrainTask
from roundelay.ml.sliced import Sliced, as_bytes
from roundelay.store.blobs import Content, digest_of
from roundelay.store.items import CHUNK_BYTES
from roundelay.store.own_contents import Stage
from roundelay.store.packing import SUM_BYTES, pack
from roundelay.store.read_path import fetch, get
from roundelay.store.staging import LARGE_BYTES_MIN
from roundelay.store.transfer import write

if TYPE_CHECKING:
    from roundelay.federation.masker import Masker  # needs the extra `secure`
    from roundelay.federation.site_gate import SiteGate
    from roundelay.federation.topologies.gossip import Gossip


class OrderExecutor:
    """Carries out orders at one node.

    gate: the site's policy for its private files. masker: masks what leaves the site, where the package for that is
    installed. noise_secret: what a site's own noise follows from, with the order.
    """

    def __init__(self, gate: SiteGate | None = None, masker: Masker | None = None, noise_secret: bytes = b"") -> None:
        self._gate = gate
        self._masker = masker
        self._noise_secret = noise_secret

    @property
    def masking_key(self) -> str:
        """The public key with which this node takes part in secure aggregation; empty if it does not."""
        return self._masker.key if self._masker is not None else ""

    @cached_property
    def gossip(self) -> Gossip:
        """The state of this node in rounds of gossip."""
        from roundelay.federation.topologies.gossip import Gossip  # loads numpy, which most nodes do without

        return Gossip()

    def carry_out(self, node: ChordNode, order: Order) -> Procedure[dict[str, Any]]:
        """Carry out an order that is this node's alone. Return what its progress is to say of the result.

        Raises ChordError where another node may have what is missing here; FederationError.
        """
        gate = self._gate if self._gate is not None and self._gate.concerns(order) else None
        if gate is not None:
            yield from gate.admit(node, order)
        weights = yield from self._weights(node, order)
        withheld = gate.withheld(order) if gate is not None else None
        done = withheld or (yield from self._compute(node, order, weights))
        if gate is not None:
            done = yield from gate.protect(order, done)
        done = yield from self._with_noise(order, done)
        if order.masking is not None:
            done = yield from masked(self._masker, node, order, done)
        if order.attempt:
            kept = yield from self.gossip.keep(order, as_bytes(weights), done.result)
            done = replace(done, result=kept)
        result = yield from _keep(node, order, done.result)
        return {**result, "seconds": done.seconds, "loss": done.loss, "accuracy": done.accuracy}

    def carry_out_together(self, node: ChordNode, order: Order) -> Procedure[dict[str, Any]]:
        """Carry out an order that is shared with other nodes: exchanges of gossip, or a branch of a tree."""
        if order.attempt:
            return {"message": (yield from self.gossip.mix(node, order))}
        return (yield from self._reduce(node, order))

    def _reduce(self, node: ChordNode, order: Order) -> Procedure[dict[str, Any]]:
        from roundelay.federation.topologies.tree_reduce import aggregate  # loads numpy, which most nodes do without

        partial = yield from aggregate(node, order)
        result = yield from _keep(node, order, partial.to_content())
        return {**result, "seconds": max((work.seconds for work in partial.done), default=0.0)}

    def _weights(self, node: ChordNode, order: Order) -> Procedure[Content]:
        """Return the weights that an order starts from; empty if it needs none. Raises ChordError."""
        if order.attempt:
            return (yield from self.gossip.weights(node, order))
        if order.weights:
            return (yield from own_content(node.ref, order.weights, order.weights_bytes))
        return b""

    def _compute(self, node: ChordNode, order: Order, weights: Content) -> Procedure[Done]:
        """Have the trainer carry an order out. It keeps files between rounds; the ones that it lacks are read."""
        if isinstance(order.task, PromiseTask | RevealTask):
            return (yield from answer(self._masker, node, order))
        contents: dict[str, Content] = {order.weights: weights} if order.weights else {}
        for _ in range(len(order.files) + 1):  # each attempt adds files, so that they are not missing again
            try:
                return (yield from compute(Compute(order, contents)))
            except FilesLacking as error:
                contents |= yield from _file_contents(node, order, error.digests)
        raise WorkFailed("the trainer asks again for files that it was given")

    def _with_noise(self, order: Order, done: Done) -> Procedure[Done]:
        """Return a result with the noise that a job asks of each site; an order has one noise. Raises NotFound."""
        if not isinstance(order.task, TrainTask) or not order.task.plan.config.update_noise:
            return done
        if not self._noise_secret:
            raise NotFound("adds no noise of its own")
        from roundelay.ml.privacy import noised, stream_of  # loads numpy, which most nodes do without

        config, bits = order.task.plan.config, order.task.plan.fraction_bits
        draw = stream_of(self._noise_secret + bytes.fromhex(order.ticket))
        clip, noise = config.update_clip, config.update_noise
        result = yield from offload(lambda: noised(as_bytes(done.result), clip, noise, bits, draw))
        return replace(done, result=result)


def _keep(node: ChordNode, order: Order, result: Sliced) -> Procedure[dict[str, Any]]:
    """Return how a result is kept: in its progress if it is small, else in the staging area. Raises ChordError.

    Of a model in a round of gossip the driver reads only a sample. A sum of rounded updates may be small when packed.
    """
    if len(result) < LARGE_BYTES_MIN:
        return (yield from _keep_in_memory(node, order, as_bytes(result)))
    digest = yield from offload(lambda: digest_of(result))
    yield from ask(node.ref, Stage(digest, result))
    return {"result": digest, "size_bytes": len(result), "content": b""}


def _keep_in_memory(node: ChordNode, order: Order, result: bytes) -> Procedure[dict[str, Any]]:
    digest, content = digest_of(result), result
    if len(content) > CHUNK_BYTES and isinstance(order.task, TrainTask) and order.task.units:
        content = yield from offload(lambda: pack(result, SUM_BYTES, order.receipts_bytes))
    is_along = len(content) <= CHUNK_BYTES and not order.attempt
    if not is_along:
        yield from write(node.ref, digest, result)
    return {"result": digest, "size_bytes": len(result), "content": content if is_along else b""}


def _file_contents(node: ChordNode, order: Order, digests: Set[str]) -> Procedure[dict[str, bytes]]:
    """Return these of an order's files, by digest: those that are not here come from the ring. Raises ChordError."""
    contents: dict[str, bytes] = {}
    for file in (f for f in order.files if f.digest in digests):
        try:
            contents[file.digest] = yield from fetch((node.ref,), file.digest, file.size_bytes)
        except NotFound:
            key = node.ring.key(file.name)
            contents[file.digest] = yield from get(node.ref, node.ring, key, file.name, file.digest)
    return contents
