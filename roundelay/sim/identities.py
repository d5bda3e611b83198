"""The identities of a simulated secured ring: signed records and record rules, without cryptography.

A signature is the name of its process and a digest of what it signs. Nobody forges one here: tests of the real ones
are those of trust/ and rpc/.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from roundelay.chord.effects import Ask
from roundelay.chord.node import ChordNode
from roundelay.chord.refs import Address
from roundelay.chord.requests import Admit
from roundelay.chord.ring import Ring
from roundelay.federation.effects import Clocks
from roundelay.federation.failover import DRIVER_LEASE_S
from roundelay.federation.record_guard import RecordGuard
from roundelay.federation.record_rules import RecordRules, signed_text
from roundelay.federation.requests import DriverHeartbeat
from roundelay.store.blobs import digest_of
from roundelay.store.items import Find, Item, ListRange, Put
from roundelay.store.store import Store
from roundelay.trust.errors import NotTrusted
from roundelay.trust.identity import NODE, Identity

RING_NAME = "00" * 8


class SimIdentities:
    """The identity of each process, and what a secured ring does with it."""

    def __init__(self, ring: Ring, clocks: Clocks) -> None:
        self._clocks = clocks
        self._by_name: dict[str, Identity] = {}
        self._rules = RecordRules(ring, self._signer_of, clocks.version, lambda serial: None)

    def issue(self, address: Address, role: str, node_id: int | None = None) -> None:
        """Give a process an identity. Only a node has an identifier."""
        name = str(address)
        self._by_name[name] = Identity(RING_NAME, role, name, node_id, (address.host,), 1, 0.0, math.inf)

    def issue_to_nodes(self, nodes: Mapping[Address, int]) -> None:
        """Give each node its identity."""
        for address, node_id in nodes.items():
            self.issue(address, NODE, node_id)

    def guard(self, node: ChordNode, store: Store) -> RecordGuard:
        """Return the rules of a node's store."""
        me, clocks = self._by_name[str(node.ref.address)], self._clocks
        return RecordGuard(
            node,
            me,
            self._signer_of,
            lambda serial: None,
            store.named_items,
            DRIVER_LEASE_S,
            clocks.monotonic,
            clocks.version,
        )

    def sent(self, sender: Address, ask: Ask) -> Ask:
        """Return a request as it arrives: its new records signed, its sender's identity filled in."""
        request = ask.request
        if isinstance(request, Put):
            parcels = tuple(replace(each, item=self._signed(sender, each.item)) for each in request.parcels)
            caller = self._by_name[str(sender)].node_id
            return replace(ask, request=replace(request, parcels=parcels, caller=caller))
        if isinstance(request, DriverHeartbeat):
            return replace(ask, request=replace(request, driver=self._by_name[str(sender)]))
        if isinstance(request, Admit):
            return replace(ask, request=replace(request, node_id=self._by_name[str(sender)].node_id))
        return ask

    def received(self, ask: Ask, answer: Any) -> Any:
        """Return an answer without records that the rules forbid."""
        is_read = isinstance(ask.request, Find | ListRange) and isinstance(answer, tuple)
        return self._rules.keep_valid(answer) if is_read else answer

    def _signed(self, sender: Address, item: Item) -> Item:
        signature = f"{sender} {digest_of(signed_text(item))}".encode()
        return item if item.signature else replace(item, signature=signature)

    def _signer_of(self, item: Item) -> Identity:
        """Return who has signed an item. Raises NotTrusted."""
        name, _, digest = item.signature.decode(errors="replace").partition(" ")
        if name not in self._by_name or digest != digest_of(signed_text(item)):
            raise NotTrusted("a record without a valid signature")
        return self._by_name[name]
