"""Converts domain values to wire structs and back, and domain errors to wire exceptions and back.

Everything that arrives is checked here, once: a length or a range that violates the contract raises Malformed, which
names the field, before any handler sees the value.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast, get_args

from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TType

from roundelay.chord import errors
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import (
    Activity,
    Candidate,
    Grant,
    Hello,
    Hop,
    Lease,
    Members,
    Neighbourhood,
    Status,
    TrainingStatus,
)
from roundelay.chord.ring import Ring
from roundelay.federation.requests import Order, Progress, Push, Share, TrainingFile
from roundelay.federation.states import ORDER_STATES
from roundelay.federation.tasks import EvaluateTask, MixTask, MomentsTask, Task, TrainTask
from roundelay.ml.errors import BadTask
from roundelay.ml.task import Design, TrainConfig, TrainingPlan
from roundelay.rpc.gen import ttypes as wire
from roundelay.store.items import Entry, Item, RangeDigest, Receipt
from roundelay.store.names import check_name

ID_BYTES = 20
DIGEST_BYTES = 32
BITMAP_BYTES_MAX = 1 << 14  # enough for the largest job
HOST_CHARACTERS_MAX = 255
PORT_MAX = 65535
NODES_KEPT_MAX = 4096
JOB_CHARACTERS_MAX = 64  # a digest in hexadecimal
MESSAGE_CHARACTERS_MAX = 4096  # longer messages are cut off before they are sent

# --- identifiers and digests


def id_to_wire(identifier: int) -> bytes:
    return identifier.to_bytes(ID_BYTES)


def id_from_wire(raw: bytes) -> int:
    if len(raw) != ID_BYTES:
        raise errors.Malformed(f"identifier: {len(raw)} bytes, expected {ID_BYTES}")
    return int.from_bytes(raw)


def digest_to_wire(digest: str) -> bytes:
    return bytes.fromhex(digest)


def digest_from_wire(raw: bytes) -> str:
    if len(raw) != DIGEST_BYTES:
        raise errors.Malformed(f"digest: {len(raw)} bytes, expected {DIGEST_BYTES}")
    return raw.hex()


def _at_least(least: int, field: str, number: int) -> int:
    if number < least:
        raise errors.Malformed(f"{field}: {number}, expected {least} or more")
    return number


def _text(field: str, text: str, length_max: int) -> str:
    if len(text) > length_max:
        raise errors.Malformed(f"{field}: {len(text)} characters, at most {length_max}")
    return text


def _finite(field: str, number: float | None) -> float:
    number = number or 0.0
    if not math.isfinite(number):
        raise errors.Malformed(f"{field}: {number}, expected a finite number")
    return number


def check_complete(value: Any) -> None:
    """Raise Malformed if a required field is missing, which Thrift's C decoder does not check."""
    kind = type(value)
    if kind is list or kind is tuple:
        for each in value:
            if type(each) not in _WHOLE:
                check_complete(each)
        return
    required, nested = _PARTS.get(kind) or _parts(kind)
    for name in required:
        if getattr(value, name) is None:
            raise errors.Malformed(f"{kind.__name__}.{name} is missing")
    for name in nested:
        check_complete(getattr(value, name))


_WHOLE = frozenset((bool, bytes, float, int, str))  # these have no fields

# By class, of all that were checked: the required fields, and the fields that hold more structs.
_PARTS: dict[type[Any], tuple[tuple[str, ...], tuple[str, ...]]] = {}


def _parts(kind: type[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a struct's required fields, and those that hold structs. Only its `validate` tells what is required."""
    fields = [field for field in getattr(kind, "thrift_spec", None) or () if field]  # other classes have none
    nested = tuple(name for _, what, name, *_ in fields if what in (TType.STRUCT, TType.LIST))
    required = tuple(name for _, _, name, *_ in fields if not _is_complete_without(kind, name, fields))
    _PARTS[kind] = required, nested
    return required, nested


def _is_complete_without(kind: type[Any], missing: str, fields: list[Any]) -> bool:
    value = kind(**{name: name for _, _, name, *_ in fields if name != missing})  # validate only looks for None
    try:
        value.validate()
    except TProtocolException:
        return False
    return True


# --- the ring


@lru_cache(NODES_KEPT_MAX)
def node_to_wire(node: NodeRef) -> wire.Node:
    return wire.Node(id_to_wire(node.id), node.host, node.port, node.incarnation)


def node_from_wire(raw: wire.Node) -> NodeRef:
    return _node(raw.id, raw.host, raw.port, raw.incarnation)


@lru_cache(NODES_KEPT_MAX)
def _node(identifier: bytes, host: str, port: int, incarnation: int) -> NodeRef:
    """Return the node, cached: the same few nodes arrive again and again, and identical objects compare fast."""
    check_address(host, port, empty_allowed=True)
    return NodeRef(id_from_wire(identifier), host, port, incarnation)


def check_address(host: str, port: int, empty_allowed: bool = False) -> None:
    """Raise Malformed for an impossible address."""
    if len(host) > HOST_CHARACTERS_MAX or not host.isprintable() or (not host and not empty_allowed):
        raise errors.Malformed(f"host {host[:80]!r}: expected 1 to {HOST_CHARACTERS_MAX} printable characters")
    if not 0 <= port <= PORT_MAX:
        raise errors.Malformed(f"port {port}: expected 0 to {PORT_MAX}")


def nodes_to_wire(nodes: Sequence[NodeRef]) -> list[wire.Node]:
    return [node_to_wire(n) for n in nodes]


def nodes_from_wire(raw: Sequence[wire.Node]) -> tuple[NodeRef, ...]:
    return tuple([node_from_wire(n) for n in raw])


def ring_to_wire(ring: Ring) -> wire.Ring:
    return wire.Ring(ring.bits, ring.successors, ring.replicas)


def ring_from_wire(raw: wire.Ring) -> Ring:
    try:
        return Ring(raw.bits, raw.successors, raw.replicas)
    except ValueError as error:
        raise errors.Malformed(str(error)) from error


def hello_to_wire(hello: Hello) -> wire.Hello:
    return wire.Hello(node_to_wire(hello.node), ring_to_wire(hello.ring), hello.joined)


def hello_from_wire(raw: wire.Hello) -> Hello:
    return Hello(node_from_wire(raw.node), ring_from_wire(raw.ring), raw.joined)


def hop_to_wire(hop: Hop) -> wire.Hop:
    if hop.found:
        return wire.Hop(owners=wire.Owners(nodes_to_wire(hop.nodes)))
    nearer = [wire.Candidate(node_to_wire(c.node), c.finger) for c in hop.candidates]
    return wire.Hop(nearer=wire.Nearer(nearer))


def hop_from_wire(raw: wire.Hop) -> Hop:
    if raw.owners is not None:
        if not raw.owners.nodes:
            raise errors.Malformed("owners.nodes: empty")
        return Hop(True, nodes=nodes_from_wire(raw.owners.nodes))
    if raw.nearer is None:
        raise errors.Malformed("hop: neither owners nor nearer is set")
    return Hop(False, candidates=tuple(Candidate(node_from_wire(c.node), c.finger) for c in raw.nearer.candidates))


def neighbourhood_to_wire(value: Neighbourhood) -> wire.Neighbourhood:
    return wire.Neighbourhood(node_to_wire(value.predecessor), nodes_to_wire(value.successors))


def neighbourhood_from_wire(raw: wire.Neighbourhood) -> Neighbourhood:
    if not raw.successors:
        raise errors.Malformed("neighbourhood.successors: empty")
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
    )


def status_from_wire(raw: wire.Status) -> Status:
    return Status(
        node_from_wire(raw.node),
        ring_from_wire(raw.ring),
        node_from_wire(raw.predecessor),
        nodes_from_wire(raw.successors),
        nodes_from_wire(raw.fingers),
        tuple(raw.names),
        raw.stored_bytes,
        training_from_wire(raw.training) if raw.training else None,
    )


def training_to_wire(training: TrainingStatus) -> wire.TrainingStatus:
    return wire.TrainingStatus(
        training.job,
        training.round,
        _ACTIVITIES.index(training.activity),
        training.files,
        training.file or None,
        training.epoch or None,
        training.accuracy or None,
        training.loss or None,
    )


def training_from_wire(raw: wire.TrainingStatus) -> TrainingStatus:
    if not 0 < raw.activity < len(_ACTIVITIES):
        raise errors.Malformed(f"training.activity: {raw.activity} is unknown")
    if raw.file:
        check_name(raw.file)
    return TrainingStatus(
        _text("training.job", raw.job, JOB_CHARACTERS_MAX),
        _at_least(0, "training.round", raw.round),
        cast(Activity, _ACTIVITIES[raw.activity]),
        _at_least(0, "training.files", raw.files),
        raw.file or "",
        _at_least(0, "training.epoch", raw.epoch or 0),
        _finite("training.accuracy", raw.accuracy),
        _finite("training.loss", raw.loss),
    )


_ACTIVITIES = ("", *get_args(Activity))  # in the order of the contract's enumeration, which counts from 1

# --- the supernode


def grant_to_wire(grant: Grant) -> wire.Grant:
    bootstrap = node_to_wire(grant.bootstrap) if grant.bootstrap else None
    return wire.Grant(node_to_wire(grant.node), ring_to_wire(grant.ring), bootstrap)


def grant_from_wire(raw: wire.Grant) -> Grant:
    bootstrap = node_from_wire(raw.bootstrap) if raw.bootstrap else None
    return Grant(node_from_wire(raw.node), ring_from_wire(raw.ring), bootstrap)


def lease_to_wire(lease: Lease) -> wire.Lease:
    return wire.Lease(round(lease.seconds * 1000), node_to_wire(lease.other) if lease.other else None)


def lease_from_wire(raw: wire.Lease) -> Lease:
    return Lease(raw.milliseconds / 1000, node_from_wire(raw.other) if raw.other else None)


def members_to_wire(members: Members) -> wire.Members:
    return wire.Members(ring_to_wire(members.ring), nodes_to_wire(members.nodes))


def members_from_wire(raw: wire.Members) -> Members:
    return Members(ring_from_wire(raw.ring), nodes_from_wire(raw.nodes))


# --- the store


def entry_to_wire(entry: Entry) -> wire.Entry:
    return wire.Entry(id_to_wire(entry.key), entry.name, digest_to_wire(entry.digest), entry.size_bytes)


def entry_from_wire(raw: wire.Entry) -> Entry:
    return Entry(id_from_wire(raw.key), raw.name, digest_from_wire(raw.digest), _at_least(0, "entry.size", raw.size))


def item_to_wire(item: Item) -> wire.Item:
    return wire.Item(entry_to_wire(item.entry), item.version, round(item.lease_s * 1000), item.deleted)


def item_from_wire(raw: wire.Item) -> Item:
    return Item(entry_from_wire(raw.entry), raw.version, raw.lease_ms / 1000, raw.deleted)


def items_to_wire(items: Sequence[Item]) -> list[wire.Item]:
    return [item_to_wire(i) for i in items]


def items_from_wire(raw: Sequence[wire.Item]) -> tuple[Item, ...]:
    return tuple(item_from_wire(i) for i in raw)


def range_digest_to_wire(value: RangeDigest) -> wire.RangeDigest:
    return wire.RangeDigest(value.count, value.digest)


def range_digest_from_wire(raw: wire.RangeDigest) -> RangeDigest:
    return RangeDigest(raw.count, raw.digest)


def receipt_to_wire(receipt: Receipt) -> wire.Receipt:
    return wire.Receipt(receipt.stored, receipt.received_bytes)


def receipt_from_wire(raw: wire.Receipt) -> Receipt:
    return Receipt(raw.stored, raw.received)


# --- the work


def order_to_wire(order: Order) -> wire.Order:
    files = [wire.TrainingFile(f.index, f.name, digest_to_wire(f.digest), f.size_bytes, f.rows) for f in order.files]
    weights = digest_to_wire(order.weights) or None
    shares = [share_to_wire(s) for s in order.shares]
    return wire.Order(
        order.job,
        order.round,
        files,
        task_to_wire(order.task),
        weights,
        order.weights_bytes or None,
        order.may_refuse or None,
        shares or None,
        id_to_wire(order.limit) if shares or order.limit else None,
        order.attempt or None,
    )


def order_from_wire(raw: wire.Order) -> Order:
    files = tuple(_training_file(f) for f in raw.files)
    weights = digest_from_wire(raw.weights) if raw.weights else ""
    return Order(
        _text("order.job", raw.job, JOB_CHARACTERS_MAX),
        _at_least(0, "order.round", raw.round),
        files,
        task_from_wire(raw.task),
        weights,
        _at_least(0, "order.weights_size", raw.weights_size or 0),
        bool(raw.may_refuse),
        tuple(share_from_wire(s) for s in raw.shares or ()),
        id_from_wire(raw.limit) if raw.limit else 0,
        _at_least(0, "order.attempt", raw.attempt or 0),
    )


def task_to_wire(task: Task) -> wire.Task:
    match task:
        case MomentsTask(plan):
            return wire.Task(moments=wire.MomentsTask(plan_to_wire(plan)))
        case TrainTask(plan, moments, seed):
            return wire.Task(train=wire.TrainTask(plan_to_wire(plan), moments, seed))
        case EvaluateTask(plan, moments):
            return wire.Task(evaluate=wire.EvaluateTask(plan_to_wire(plan), moments))
        case MixTask(exchanges):
            return wire.Task(mix=wire.MixTask(exchanges))


def task_from_wire(raw: wire.Task) -> Task:
    """Return the task. Raises Malformed, which names the field that is out of range."""
    try:
        if raw.moments is not None:
            return MomentsTask(plan_from_wire(raw.moments.plan))
        if raw.train is not None:
            return TrainTask(plan_from_wire(raw.train.plan), raw.train.moments, raw.train.seed)
        if raw.evaluate is not None:
            return EvaluateTask(plan_from_wire(raw.evaluate.plan), raw.evaluate.moments)
        if raw.mix is not None:
            return MixTask(raw.mix.exchanges)
    except BadTask as error:
        raise errors.Malformed(f"order.task: {error}") from error
    raise errors.Malformed("order.task: none of moments, train, evaluate and mix is set")


def plan_to_wire(plan: TrainingPlan) -> wire.TrainingPlan:
    design, config = plan.design, plan.config
    return wire.TrainingPlan(
        wire.Design(list(design.sizes), design.model, list(design.shape), design.course),
        wire.TrainConfig(
            config.optimizer,
            config.epochs,
            config.eta,
            config.batch,
            config.momentum,
            config.dropout,
            struct.pack(f"<{len(config.class_weights)}d", *config.class_weights),
            config.mu,
        ),
        plan.fraction_bits,
        digest_to_wire(plan.fingerprint) or None,
    )


def plan_from_wire(raw: wire.TrainingPlan) -> TrainingPlan:
    """Return the plan. Raises BadTask or Malformed."""
    design, config = raw.design, raw.config
    if len(config.class_weights) % 8:
        raise errors.Malformed(f"config.class_weights: {len(config.class_weights)} bytes, expected 8 for each class")
    return TrainingPlan(
        Design(tuple(design.sizes), design.model, tuple(design.shape), design.course),
        TrainConfig(
            config.optimizer,
            config.epochs,
            config.eta,
            config.batch,
            config.momentum,
            config.dropout,
            struct.unpack(f"<{len(config.class_weights) // 8}d", config.class_weights),
            config.mu,
        ),
        raw.fraction_bits,
        digest_from_wire(raw.fingerprint) if raw.fingerprint else "",
    )


def push_to_wire(push: Push) -> wire.Push:
    return wire.Push(
        push.job,
        push.round,
        push.attempt,
        push.number,
        node_to_wire(push.sender),
        digest_to_wire(push.digest),
        push.size_bytes,
    )


def push_from_wire(raw: wire.Push) -> Push:
    return Push(
        raw.job,
        _at_least(0, "push.round", raw.round),
        _at_least(0, "push.attempt", raw.attempt),
        _at_least(0, "push.number", raw.number),
        node_from_wire(raw.sender),
        digest_from_wire(raw.digest),
        _at_least(0, "push.size", raw.size),
    )


def share_to_wire(share: Share) -> wire.Share:
    bits = bytearray(max(share.files, default=-1) // 8 + 1)
    for place in share.files:
        bits[place // 8] |= 1 << place % 8
    return wire.Share(node_to_wire(share.node), bytes(bits))


def share_from_wire(raw: wire.Share) -> Share:
    if len(raw.files) > BITMAP_BYTES_MAX:
        raise errors.Malformed(f"share.files: {len(raw.files)} bytes, at most {BITMAP_BYTES_MAX}")
    files = tuple(8 * at + bit for at, byte in enumerate(raw.files) for bit in range(8) if byte >> bit & 1)
    return Share(node_from_wire(raw.node), files)


def _training_file(raw: wire.TrainingFile) -> TrainingFile:
    check_name(raw.name)
    return TrainingFile(
        _at_least(0, "file.index", raw.index),
        raw.name,
        digest_from_wire(raw.digest),
        _at_least(0, "file.size", raw.size),
        _at_least(1, "file.rows", raw.rows),
    )


def progress_to_wire(progress: Progress) -> wire.Progress:
    result = digest_to_wire(progress.result) if progress.result else None
    return wire.Progress(
        progress.state,
        progress.message[:MESSAGE_CHARACTERS_MAX],
        result,
        progress.size_bytes,
        progress.seconds,
        progress.loss,
        progress.accuracy,
        training_to_wire(progress.training) if progress.training else None,
    )


def progress_from_wire(raw: wire.Progress) -> Progress:
    if raw.state not in ORDER_STATES:
        raise errors.Malformed(f"progress.state: {raw.state[:20]!r}, expected one of {', '.join(ORDER_STATES)}")
    return Progress(
        raw.state,
        _text("progress.message", raw.message, MESSAGE_CHARACTERS_MAX),
        digest_from_wire(raw.result) if raw.result else "",
        _at_least(0, "progress.size", raw.size or 0),
        _finite("progress.seconds", raw.seconds),
        _finite("progress.loss", raw.loss),
        _finite("progress.accuracy", raw.accuracy),
        training_from_wire(raw.training) if raw.training else None,
    )


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
    else:
        made = _WIRE_EXCEPTIONS[type(error)](str(error))
    return made


def error_from_wire(raw: Any) -> errors.ChordError:
    check_complete(raw)
    if isinstance(raw, wire.WrongIncarnation):
        return errors.WrongIncarnation(node_from_wire(raw.actual))
    return _DOMAIN_ERRORS[type(raw)](raw.message)


WIRE_EXCEPTIONS = (wire.WrongIncarnation, *_DOMAIN_ERRORS)
