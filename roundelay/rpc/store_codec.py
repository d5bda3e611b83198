"""Converts the values of the store to wire structs and back; what violates the contract raises Malformed."""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.errors import Malformed
from roundelay.rpc import fields
from roundelay.rpc.fields import digest_from_wire, digest_to_wire, id_from_wire, id_to_wire
from roundelay.rpc.gen import ttypes as wire
from roundelay.store.items import (
    CHUNK_BYTES,
    CONTENT_BYTES_MAX,
    LIST_MAX,
    SIGNATURE_BYTES_MAX,
    Entry,
    Item,
    Parcel,
    RangeDigest,
    Receipt,
)
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


def parcels_to_wire(parcels: Sequence[Parcel]) -> list[wire.Parcel]:
    return [wire.Parcel(item_to_wire(p.item), p.content or None) for p in parcels]


def parcels_from_wire(raw: Sequence[wire.Parcel]) -> tuple[Parcel, ...]:
    """Return what is to be stored: at least one item, and contents of at most the sizes announced."""
    fields.in_range("put.parcels", len(raw), 1, LIST_MAX)
    parcels = tuple([Parcel(item_from_wire(p.item), p.content or b"") for p in raw])
    for parcel in parcels:
        size_bytes = parcel.item.entry.size_bytes
        if len(parcel.content) > size_bytes:
            raise Malformed(f"parcel.content: {len(parcel.content)} bytes, announced with {size_bytes}")
    plain_bytes = sum(parcel.item.entry.size_bytes for parcel in parcels if parcel.content)
    fields.in_range("put.parcels: bytes of contents", plain_bytes, 0, CHUNK_BYTES)
    return parcels


def content(field: str, value: bytes | None) -> bytes:
    """Check a content that travels whole in one message; a missing one is empty."""
    fields.in_range(f"{field}: bytes of contents", len(value or b""), 0, CHUNK_BYTES)
    return value or b""


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


def receipts_to_wire(receipts: Sequence[Receipt]) -> list[wire.Receipt]:
    return [receipt_to_wire(receipt) for receipt in receipts]


def receipts_from_wire(raw: Sequence[wire.Receipt]) -> tuple[Receipt, ...]:
    fields.at_most("receipts", len(raw), LIST_MAX)
    return tuple([receipt_from_wire(receipt) for receipt in raw])


def receipt_from_wire(raw: wire.Receipt) -> Receipt:
    return Receipt(raw.stored, fields.count("receipt.received", raw.received))
