"""The table of requests: the Thrift call that carries each, and how its arguments and answer are converted.

A request that is not in the table can neither be sent nor received.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

from roundelay.chord import requests as ring
from roundelay.chord.effects import Request
from roundelay.chord.refs import Address
from roundelay.federation import requests
from roundelay.rpc import fields, job_codec, leaf_codec, listing_codec, ring_codec, store_codec
from roundelay.rpc.fields import digest_from_wire, digest_to_wire, id_from_wire, id_to_wire
from roundelay.rpc.gen import ComputeNode, Supernode
from roundelay.rpc.gen.constants import PROTOCOL
from roundelay.rpc.method import Method
from roundelay.rpc.ring_codec import member_from_wire, node_to_wire
from roundelay.rpc.version import require_joiner
from roundelay.store import items

NAMES_MAX = 1024  # in one find


@dataclass(frozen=True)
class WireCall:
    """How one kind of request is sent and answered."""

    method: str
    arguments: Callable[[Any], tuple[Any, ...]]  # request -> wire arguments, without the target
    request: Callable[..., Request[Any]]  # wire arguments -> request
    reply: Callable[[Any], Any]  # answer -> wire
    answer: Callable[[Any], Any]  # wire -> answer
    service: ModuleType = ComputeNode
    is_bulky: bool = False  # carries pieces of contents
    keeps_connection: bool = False  # the caller is always about to call again: its connection has a place of its own

    @cached_property
    def thrift(self) -> Method:
        """The call's generated structs."""
        return Method(self.service, self.method, self.is_bulky)


def _as_it_is(value: Any) -> Any:
    return value


def _ticket(ticket: str) -> str:
    return fields.text("ticket", ticket)


def _find(key: bytes, names: list[str]) -> items.Find:
    fields.at_most("names", len(names), NAMES_MAX)
    return items.Find(id_from_wire(key), tuple(names))


COMPUTE_NODE: dict[type[Request[Any]], WireCall] = {
    ring.NextHop: WireCall(
        "next_hop",
        lambda r: (id_to_wire(r.key), ring_codec.nodes_to_wire(r.failed)),
        lambda key, failed: ring.NextHop(id_from_wire(key), ring_codec.nodes_from_wire(failed)),
        ring_codec.hop_to_wire,
        ring_codec.hop_from_wire,
    ),
    ring.GetNeighbours: WireCall(
        "neighbours",
        lambda r: (),
        ring.GetNeighbours,
        ring_codec.neighbourhood_to_wire,
        ring_codec.neighbourhood_from_wire,
    ),
    ring.Notify: WireCall(
        "notify",
        lambda r: (node_to_wire(r.sender),),
        lambda sender: ring.Notify(member_from_wire(sender)),
        _as_it_is,
        _as_it_is,
    ),
    ring.Nudge: WireCall("nudge", lambda r: (), ring.Nudge, _as_it_is, _as_it_is),
    ring.Leaving: WireCall(
        "leaving",
        lambda r: (node_to_wire(r.sender),),
        lambda sender: ring.Leaving(member_from_wire(sender)),
        _as_it_is,
        _as_it_is,
    ),
    ring.GetStatus: WireCall(
        "status", lambda r: (), ring.GetStatus, ring_codec.status_to_wire, ring_codec.status_from_wire
    ),
    items.Put: WireCall(
        "put",
        lambda r: (store_codec.parcels_to_wire(r.parcels), r.to_owner),
        lambda parcels, to_owner: items.Put(store_codec.parcels_from_wire(parcels), to_owner),
        store_codec.receipts_to_wire,
        store_codec.receipts_from_wire,
        is_bulky=True,
    ),
    items.Write: WireCall(
        "write",
        lambda r: (digest_to_wire(r.digest), r.size_bytes, r.offset, r.piece),
        lambda digest, size, offset, piece: items.Write(digest_from_wire(digest), size, offset, piece),
        store_codec.receipt_to_wire,
        store_codec.receipt_from_wire,
        is_bulky=True,
    ),
    items.Read: WireCall(
        "read",
        lambda r: (digest_to_wire(r.digest), r.offset, r.length),
        lambda digest, offset, length: items.Read(digest_from_wire(digest), offset, length),
        _as_it_is,
        _as_it_is,
        is_bulky=True,
    ),
    items.Find: WireCall(
        "find",
        lambda r: (id_to_wire(r.key), list(r.names)),
        _find,
        store_codec.items_to_wire,
        store_codec.items_from_wire,
    ),
    items.GetRangeDigest: WireCall(
        "range_digest",
        lambda r: (id_to_wire(r.start), id_to_wire(r.end)),
        lambda start, end: items.GetRangeDigest(id_from_wire(start), id_from_wire(end)),
        store_codec.range_digest_to_wire,
        store_codec.range_digest_from_wire,
    ),
    items.ListRange: WireCall(
        "list_range",
        lambda r: (id_to_wire(r.start), id_to_wire(r.end)),
        lambda start, end: items.ListRange(id_from_wire(start), id_from_wire(end)),
        store_codec.items_to_wire,
        store_codec.items_from_wire,
    ),
    requests.ListJob: WireCall(
        "list_job",
        lambda r: (r.job,),
        lambda job: requests.ListJob(fields.text("job", job)),
        listing_codec.listed_job_to_wire,
        listing_codec.listed_job_from_wire,
    ),
    requests.DriverHeartbeat: WireCall(
        "driving",
        lambda r: (r.job,),
        lambda job: requests.DriverHeartbeat(fields.text("job", job)),
        _as_it_is,
        _as_it_is,
    ),
    requests.Order: WireCall(
        "order",
        lambda r: (job_codec.order_to_wire(r), r.content),
        job_codec.order_from_wire,
        _as_it_is,
        _ticket,
        is_bulky=True,
    ),
    requests.Push: WireCall(
        "push", lambda r: (job_codec.push_to_wire(r),), job_codec.push_from_wire, _as_it_is, _as_it_is
    ),
    requests.Collect: WireCall(
        "collect",
        lambda r: (r.ticket, round(r.wait_s * 1000), r.packed),
        lambda ticket, wait_ms, packed: requests.Collect(
            _ticket(ticket), fields.count("wait_ms", wait_ms) / 1000, bool(packed)
        ),
        job_codec.progress_to_wire,
        job_codec.progress_from_wire,
        is_bulky=True,
    ),
    requests.Attach: WireCall(
        "attach",
        leaf_codec.attach_to_wire,
        leaf_codec.attach_from_wire,
        leaf_codec.errands_to_wire,
        leaf_codec.errands_from_wire,
        is_bulky=True,
        keeps_connection=True,
    ),
}

# The one call to a node without a target: the caller does not know the node yet.
SAY_HELLO = WireCall("hello", lambda r: (), ring.SayHello, ring_codec.hello_to_wire, ring_codec.hello_from_wire)


def _admit(host: str, port: int, protocol: int) -> ring.Admit:
    fields.address(host, port)
    require_joiner(protocol)
    return ring.Admit(Address(host, port))


SUPERNODE: dict[type[Request[Any]], WireCall] = {
    ring.Admit: WireCall(
        "admit",
        lambda r: (r.address.host, r.address.port, PROTOCOL),
        _admit,
        ring_codec.grant_to_wire,
        ring_codec.grant_from_wire,
        Supernode,
    ),
    ring.Heartbeat: WireCall(
        "report",
        lambda r: (node_to_wire(r.node),),
        lambda node: ring.Heartbeat(member_from_wire(node)),
        ring_codec.lease_to_wire,
        ring_codec.lease_from_wire,
        Supernode,
    ),
    ring.Retire: WireCall(
        "retire",
        lambda r: (node_to_wire(r.node),),
        lambda node: ring.Retire(member_from_wire(node)),
        _as_it_is,
        _as_it_is,
        Supernode,
    ),
    ring.GetMembers: WireCall(
        "members", lambda r: (), ring.GetMembers, ring_codec.members_to_wire, ring_codec.members_from_wire, Supernode
    ),
}

UNTARGETED: dict[type[Request[Any]], WireCall] = {ring.SayHello: SAY_HELLO, **SUPERNODE}
REQUESTS = {call.method: kind.__name__ for kind, call in (COMPUTE_NODE | UNTARGETED).items()}  # names, by method
