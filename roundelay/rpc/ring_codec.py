"""Converts the values of the ring and of the supernode to wire structs and back, and domain errors to wire exceptions.

Everything that arrives is checked here, once: a value that violates the contract raises Malformed, which names the
field, before any handler sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from roundelay.chord import errors
from roundelay.chord.errors import Malformed
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Candidate, Grant, Hello, Hop, LeafStatus, Lease, Members, Neighbourhood, Status
from roundelay.chord.ring import BITS_MAX, SUCCESSORS_MAX, Ring
from roundelay.federation.leaf_host import LEAVES_MAX
from roundelay.rpc import fields
from roundelay.rpc.fields import id_from_wire, id_to_wire
from roundelay.rpc.gen import ttypes as wire
from roundelay.rpc.gen.constants import PROTOCOL
from roundelay.rpc.progress_codec import training_from_wire, training_to_wire
from roundelay.rpc.version import require_ring

NODES_KEPT_MAX = 4096
LEASE_MIN_MS, LEASE_MAX_MS = 100, 3_600_000
RING_NODES_MAX = 1 << 16

# --- the ring


@lru_cache(NODES_KEPT_MAX)
def node_to_wire(node: NodeRef) -> wire.Node:
    return wire.Node(id_to_wire(node.id), node.host, node.port, node.incarnation)


fields.checked_by_its_decoder(wire.Node)


def node_from_wire(raw: wire.Node) -> NodeRef:
    return _node(raw.id, raw.host, raw.port, raw.incarnation)


@lru_cache(NODES_KEPT_MAX)
def _node(identifier: bytes, host: str, port: int, incarnation: int) -> NodeRef:
    """Return the node, cached: the same few nodes arrive again and again, and identical objects compare fast."""
    if None in (identifier, host, port, incarnation):
        raise Malformed("node: a required field is missing")
    if host or port:  # otherwise a placeholder
        fields.address(host, port)
    return NodeRef(id_from_wire(identifier), host, port, fields.version("incarnation", incarnation))


def member_from_wire(raw: wire.Node) -> NodeRef:
    """Return a node that is not a placeholder."""
    node = node_from_wire(raw)
    if not node.host:
        raise Malformed("node: it has no address")
    return node


def nodes_to_wire(nodes: Sequence[NodeRef]) -> list[wire.Node]:
    return [node_to_wire(n) for n in nodes]


def nodes_from_wire(raw: Sequence[wire.Node], most: int = SUCCESSORS_MAX) -> tuple[NodeRef, ...]:
    if not raw:
        return ()
    fields.at_most("nodes", len(raw), most)
    return tuple([node_from_wire(n) for n in raw])


def ring_to_wire(ring: Ring) -> wire.Ring:
    return wire.Ring(ring.bits, ring.successors, ring.replicas, PROTOCOL)


def ring_from_wire(raw: wire.Ring) -> Ring:
    """Return a ring's parameters. Raises Malformed, OtherProtocol."""
    require_ring(raw.protocol)
    try:
        return Ring(raw.bits, raw.successors, raw.replicas)
    except ValueError as error:
        raise Malformed(str(error)) from error


def hello_to_wire(hello: Hello) -> wire.Hello:
    return wire.Hello(node_to_wire(hello.node), ring_to_wire(hello.ring), hello.joined)


def hello_from_wire(raw: wire.Hello) -> Hello:
    return Hello(member_from_wire(raw.node), ring_from_wire(raw.ring), raw.joined)


def hop_to_wire(hop: Hop) -> wire.Hop:
    if hop.found:
        return wire.Hop(owners=wire.Owners(nodes_to_wire(hop.nodes)))
    nearer = [wire.Candidate(node_to_wire(c.node), c.finger) for c in hop.candidates]
    return wire.Hop(nearer=wire.Nearer(nearer))


def hop_from_wire(raw: wire.Hop) -> Hop:
    if raw.owners is not None:
        if not raw.owners.nodes:
            raise Malformed("owners.nodes: empty")
        return Hop(True, nodes=nodes_from_wire(raw.owners.nodes))
    if raw.nearer is None:
        raise Malformed("hop: neither owners nor nearer is set")
    fields.at_most("nearer.candidates", len(raw.nearer.candidates), SUCCESSORS_MAX)
    return Hop(False, candidates=tuple([_candidate(c) for c in raw.nearer.candidates]))


def _candidate(raw: wire.Candidate) -> Candidate:
    if raw.finger is not None:
        fields.in_range("candidate.finger", raw.finger, 0, BITS_MAX - 1)
    return Candidate(node_from_wire(raw.node), raw.finger)


def neighbourhood_to_wire(value: Neighbourhood) -> wire.Neighbourhood:
    return wire.Neighbourhood(node_to_wire(value.predecessor), nodes_to_wire(value.successors))


def neighbourhood_from_wire(raw: wire.Neighbourhood) -> Neighbourhood:
    if not raw.successors:
        raise Malformed("neighbourhood.successors: empty")
    return Neighbourhood(node_from_wire(raw.predecessor), nodes_from_wire(raw.successors))


def status_to_wire(status: Status) -> wire.Status:
    return wire.Status(
        node_to_wire(status.node),
        ring_to_wire(status.ring),
        node_to_wire(status.predecessor),
        nodes_to_wire(status.successors),
        nodes_to_wire(status.fingers),
        list(status.names),
        status.stored_bytes,
        training_to_wire(status.training) if status.training else None,
        [_leaf_to_wire(leaf) for leaf in status.leaves] or None,
    )


def status_from_wire(raw: wire.Status) -> Status:
    return Status(
        member_from_wire(raw.node),
        ring_from_wire(raw.ring),
        node_from_wire(raw.predecessor),
        nodes_from_wire(raw.successors),
        nodes_from_wire(raw.fingers),
        tuple([fields.name(each) for each in raw.names]),
        fields.count("status.stored_bytes", raw.stored_bytes),
        training_from_wire(raw.training) if raw.training else None,
        _leaves_from_wire(raw.leaves or ()),
    )


def _leaf_to_wire(leaf: LeafStatus) -> wire.LeafStatus:
    training = training_to_wire(leaf.training) if leaf.training else None
    return wire.LeafStatus(node_to_wire(leaf.node), round(leaf.silent_s * 1000), leaf.orders, training)


def _leaves_from_wire(raw: Sequence[wire.LeafStatus]) -> tuple[LeafStatus, ...]:
    fields.at_most("status.leaves", len(raw), LEAVES_MAX)
    return tuple([_leaf_from_wire(each) for each in raw])


def _leaf_from_wire(raw: wire.LeafStatus) -> LeafStatus:
    return LeafStatus(
        member_from_wire(raw.node),
        fields.count("leaf.silent_ms", raw.silent_ms) / 1000,
        fields.count("leaf.orders", raw.orders),
        training_from_wire(raw.training) if raw.training else None,
    )


# --- the supernode


def grant_to_wire(grant: Grant) -> wire.Grant:
    bootstrap = node_to_wire(grant.bootstrap) if grant.bootstrap else None
    return wire.Grant(node_to_wire(grant.node), ring_to_wire(grant.ring), bootstrap)


def grant_from_wire(raw: wire.Grant) -> Grant:
    bootstrap = member_from_wire(raw.bootstrap) if raw.bootstrap else None
    return Grant(member_from_wire(raw.node), ring_from_wire(raw.ring), bootstrap)


def lease_to_wire(lease: Lease) -> wire.Lease:
    return wire.Lease(round(lease.seconds * 1000), node_to_wire(lease.other) if lease.other else None)


def lease_from_wire(raw: wire.Lease) -> Lease:
    milliseconds = fields.in_range("lease.milliseconds", raw.milliseconds, LEASE_MIN_MS, LEASE_MAX_MS)
    return Lease(milliseconds / 1000, member_from_wire(raw.other) if raw.other else None)


def members_to_wire(members: Members) -> wire.Members:
    return wire.Members(ring_to_wire(members.ring), nodes_to_wire(members.nodes))


def members_from_wire(raw: wire.Members) -> Members:
    return Members(ring_from_wire(raw.ring), nodes_from_wire(raw.nodes, RING_NODES_MAX))


# --- errors

_WIRE_EXCEPTIONS: dict[type[errors.ChordError], Callable[[str], Exception]] = {
    errors.Busy: wire.Busy,
    errors.NotYet: wire.NotYet,
    errors.NotFound: wire.NotFound,
    errors.JoinRefused: wire.Refused,
    errors.StoreFull: wire.StoreFull,
    errors.Corrupt: wire.Corrupt,
    errors.Malformed: wire.Malformed,
}
_DOMAIN_ERRORS = {raw: error for error, raw in _WIRE_EXCEPTIONS.items()}


def error_to_wire(error: errors.ChordError) -> Exception:
    made: Exception
    if isinstance(error, errors.WrongIncarnation):
        made = wire.WrongIncarnation(node_to_wire(error.actual))
    elif isinstance(error, errors.NotOwner):
        made = wire.NotOwner(node_to_wire(error.nearer))
    else:
        made = _WIRE_EXCEPTIONS[type(error)](fields.message(str(error)))
    return made


def error_from_wire(raw: Any) -> errors.ChordError:
    fields.check_complete(raw)
    if isinstance(raw, wire.WrongIncarnation):
        return errors.WrongIncarnation(member_from_wire(raw.actual))
    if isinstance(raw, wire.NotOwner):
        return errors.NotOwner(member_from_wire(raw.nearer))
    return _DOMAIN_ERRORS[type(raw)](fields.message(raw.message))


WIRE_EXCEPTIONS = (wire.WrongIncarnation, wire.NotOwner, *_DOMAIN_ERRORS)
