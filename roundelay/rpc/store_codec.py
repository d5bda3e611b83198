"""Converts the values of the store to wire structs and back; what violates the contract raises Malformed."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.errors import Malformed
from roundelay.rpc import fields
from roundelay.rpc.fields import digest_from_wire, digest_to_wire, id_from_wire, id_to_wire
from roundelay.rpc.gen import ttypes as wire
from roundelay.store.items import CONTENT_BYTES_MAX, SIGNATURE_BYTES_MAX, Entry, Item, RangeDigest, Receipt
from roundelay.store.store import LEASE_MAX_S

LEASE_MAX_MS = round(LEASE_MAX_S * 1000)


def entry_to_wire(entry: Entry) -> wire.Entry:
    return wire.Entry(id_to_wire(entry.key), entry.name, digest_to_wire(entry.digest), entry.size_bytes)


def entry_from_wire(raw: wire.Entry) -> Entry:
    size_bytes = fields.in_range("entry.size", raw.size, 0, CONTENT_BYTES_MAX)
    return Entry(id_from_wire(raw.key), fields.name(raw.name), digest_from_wire(raw.digest), size_bytes)


def item_to_wire(item: Item) -> wire.Item:
    return wire.Item(
        entry_to_wire(item.entry), item.version, round(item.lease_s * 1000), item.deleted, item.signature or None
    )


def item_from_wire(raw: wire.Item) -> Item:
    version = fields.version("item.version", raw.version)
    lease_ms = fields.in_range("item.lease_ms", raw.lease_ms, 0, LEASE_MAX_MS)
    signature = raw.signature or b""
    if len(signature) > SIGNATURE_BYTES_MAX:
        raise Malformed(f"item.signature: {len(signature)} bytes, at most {SIGNATURE_BYTES_MAX}")
    return Item(entry_from_wire(raw.entry), version, lease_ms / 1000, raw.deleted, signature)


def items_to_wire(items: Sequence[Item]) -> list[wire.Item]:
    return [item_to_wire(i) for i in items]


def items_from_wire(raw: Sequence[wire.Item]) -> tuple[Item, ...]:
    return tuple([item_from_wire(i) for i in raw])


def range_digest_to_wire(value: RangeDigest) -> wire.RangeDigest:
    return wire.RangeDigest(value.count, value.digest)


def range_digest_from_wire(raw: wire.RangeDigest) -> RangeDigest:
    return RangeDigest(fields.count("range_digest.count", raw.count), raw.digest)


def receipt_to_wire(receipt: Receipt) -> wire.Receipt:
    return wire.Receipt(receipt.stored, receipt.received_bytes)


def receipt_from_wire(raw: wire.Receipt) -> Receipt:
    return Receipt(raw.stored, fields.count("receipt.received", raw.received))
