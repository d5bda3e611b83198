"""Send orders with the weights that their nodes lack: whole, or as a delta to the weights that they have."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, ask_all, gather
from roundelay.chord.errors import ChordError, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation.requests import Order
from roundelay.federation.roster import Roster
from roundelay.store.blobs import Content
from roundelay.store.delta import apply_timeout_s
from roundelay.store.items import CHUNK_BYTES
from roundelay.store.packing import WEIGHT_BYTES, pack
from roundelay.store.transfer import transfer_timeout_s, write


@dataclass(frozen=True)
class WeightsDelta:
    """How the weights before a round follow from those of digest `base`: a delta (store/delta.py), packed."""

    base: str
    packed: bytes = field(repr=False)


class OrderSender:
    """Sends a round's orders; its weights go to each trainer once: with the order if small, else before it."""

    def __init__(self, weights: Content, roster: Roster, delta: WeightsDelta | None = None) -> None:
        self._weights = weights
        self._roster = roster
        self._delta = delta
        self.sent: frozenset[NodeRef] = frozenset()  # nodes that have them by now

    def submit(self, orders: Sequence[tuple[NodeRef, Order]]) -> Procedure[dict[NodeRef, str | ChordError]]:
        """Send an order to each node, all at once, with the weights that it lacks. Return tickets and errors.

        Where there is a delta, nodes are sent that first; those that lack the weights before are then sent them whole.
        """
        unsent = {node for node, order in orders if order.weights and self._weights and node not in self.sent}
        if self._delta is None or not unsent:
            return (yield from self._submit(orders, unsent))
        delta = self._delta
        asks = [
            (node, replace(order, base=delta.base, content=delta.packed) if node in unsent else order)
            for node, order in orders
        ]
        timeout_s = transfer_timeout_s(len(delta.packed) * len(unsent)) + apply_timeout_s(len(self._weights))
        tickets = yield from self._ask(asks, timeout_s)
        self.sent |= {node for node in unsent if not isinstance(tickets[node], ChordError)}
        lacking = [(node, order) for node, order in orders if isinstance(tickets[node], NotFound)]
        if lacking:
            tickets |= yield from self._submit(lacking, {node for node, _ in lacking})
        return tickets

    def _submit(
        self, orders: Sequence[tuple[NodeRef, Order]], unsent: Set[NodeRef]
    ) -> Procedure[dict[NodeRef, str | ChordError]]:
        """Send orders, to some of the nodes with the whole weights."""
        failures: dict[NodeRef, ChordError] = {}
        if unsent and len(self._weights) > CHUNK_BYTES:
            failures = yield from self._send_ahead([(node, order) for node, order in orders if node in unsent])
            unsent = frozenset()
        asks = [
            (node, replace(order, content=self._content(node)) if node in unsent else order)
            for node, order in orders
            if node not in failures
        ]
        sent_bytes = len(self._weights) * len(unsent)
        timeout_s = transfer_timeout_s(sent_bytes) if sent_bytes else CALL_TIMEOUT_S
        tickets = failures | (yield from self._ask(asks, timeout_s))
        self.sent |= {node for node in unsent if not isinstance(tickets[node], ChordError)}
        return tickets

    def _ask(
        self, asks: Sequence[tuple[NodeRef, Order]], timeout_s: float
    ) -> Procedure[dict[NodeRef, str | ChordError]]:
        """Send orders at once. Return tickets and errors."""
        answers = yield from ask_all(asks, deadline_s=timeout_s)
        return {node: answer for (node, _), answer in zip(asks, answers, strict=True)}

    def forget(self, node: NodeRef) -> None:
        """Send the weights to a node again with its next order: it may have lost them."""
        self.sent -= {node}

    @cached_property
    def _packed(self) -> bytes:
        return pack(self._weights[:], WEIGHT_BYTES)

    def _content(self, node: NodeRef) -> bytes:
        return self._packed if node in self._roster.far else self._weights[:]

    def _send_ahead(self, orders: Sequence[tuple[NodeRef, Order]]) -> Procedure[dict[NodeRef, ChordError]]:
        """Write large weights to all nodes at once. Return the errors."""
        nodes = [node for node, _ in orders]
        receipts = yield from gather([write(node, order.weights, self._weights) for node, order in orders], len(orders))
        for receipt in receipts:
            if isinstance(receipt, Exception) and not isinstance(receipt, ChordError):
                raise receipt
        outcomes = dict(zip(nodes, receipts, strict=True))
        self.sent |= {node for node, receipt in outcomes.items() if not isinstance(receipt, Exception)}
        return {node: receipt for node, receipt in outcomes.items() if isinstance(receipt, ChordError)}
