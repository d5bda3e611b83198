"""The codec's functions by the name of their struct, and the values that they take."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated, TBinaryProtocolAcceleratedFactory
from thrift.transport.TTransport import TMemoryBuffer
from thrift.TSerialization import deserialize, serialize

from roundelay.rpc import fields, job_codec, listing_codec, progress_codec, ring_codec, secure_codec, store_codec
from roundelay.store.items import Put
from tests.rpc.wire_values import digests, identifiers, values

CODECS: dict[str, Any] = {
    name: function
    for module in (fields, ring_codec, store_codec, job_codec, listing_codec, secure_codec, progress_codec)
    for name, function in vars(module).items()
    if name.endswith(("_to_wire", "_from_wire")) and name[0] != "_"
}
PAIRS = sorted(name.removesuffix("_to_wire") for name in CODECS if name.endswith("_to_wire"))
STRUCTS = sorted(set(PAIRS) - {"id", "digest", "error", "nodes", "items", "parcels", "receipts"})
BY_NAME = {"id": identifiers, "digest": digests, "parcels": values(Put).map(lambda put: put.parcels)}
BINARY = TBinaryProtocolAcceleratedFactory()


def both(pair: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    return CODECS[f"{pair}_to_wire"], CODECS[f"{pair}_from_wire"]


def domain_values(pair: str) -> st.SearchStrategy[Any]:
    if pair in BY_NAME:
        return BY_NAME[pair]
    to_wire = both(pair)[0]
    parameter = next(iter(inspect.signature(to_wire).parameters))
    return values(typing.get_type_hints(to_wire)[parameter])


def through_bytes(raw: Any) -> Any:
    """Return a struct as the other side decodes it, and any other value as it is."""
    if not hasattr(raw, "thrift_spec"):
        return raw
    if isinstance(raw, Exception):  # a generated exception is immutable, so its class reads it
        generated: Any = type(raw)
        return generated.read(TBinaryProtocolAccelerated(TMemoryBuffer(serialize(raw, BINARY))))
    return deserialize(type(raw)(), serialize(raw, BINARY), BINARY)
