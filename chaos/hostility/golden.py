"""A typical message of every call, as its arguments and as its bytes."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TMessageType
from thrift.transport.TTransport import TMemoryBuffer

from roundelay.chord import requests as ring
from roundelay.chord.effects import Request
from roundelay.chord.refs import Address, NodeRef
from roundelay.federation import requests
from roundelay.federation.tasks import EvaluateTask, MixTask, MomentsTask, TrainTask
from roundelay.ml.design import Design
from roundelay.ml.training_plan import TrainConfig, TrainingPlan
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE, WireCall
from roundelay.rpc.fields import id_to_wire
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.transport import HEADER
from roundelay.store import items
from roundelay.store.blobs import digest_of

JOB = "ab" * 32
STRANGER = NodeRef(1 << 150, "127.0.0.1", 9, 1)  # the discard port: nothing listens there
CONTENT = b"a content that nobody needs"
PLAN = TrainingPlan(Design((16, 8, 26)), TrainConfig(class_weights=(1.0,) * 26), 32)
FILE = requests.TrainingFile(0, "0AbCdEfGhI", digest_of(CONTENT), len(CONTENT), 100)
ENTRY = items.Entry(1 << 100, f"{JOB}.result-1", digest_of(CONTENT), len(CONTENT))
SHARES = (requests.Share(STRANGER, (0,)),)

TYPICAL: tuple[Request[Any], ...] = (
    ring.NextHop(1 << 100, (STRANGER,)),
    ring.GetNeighbours(),
    ring.Notify(STRANGER),
    ring.Nudge(),
    ring.Leaving(STRANGER),
    ring.GetStatus(),
    items.Put.of(items.Item(ENTRY, 1)),
    items.Put((items.Parcel(items.Item(ENTRY, 1), CONTENT), items.Parcel(items.Item(ENTRY, 2))), to_owner=True),
    items.Write(digest_of(CONTENT), len(CONTENT), 0, CONTENT),
    items.Read(digest_of(CONTENT), 0, 1 << 16),
    items.Find(1 << 100, (ENTRY.name,)),
    items.GetRangeDigest(1, 1 << 159),
    items.ListRange(1, 1 << 159),
    requests.ListJob(JOB),
    requests.DriverHeartbeat(JOB),
    requests.Order(JOB, 1, (FILE,), MomentsTask(PLAN)),
    requests.Order(JOB, 1, (FILE,), TrainTask(PLAN, b"\0" * 128, 1), digest_of(CONTENT), len(CONTENT)),
    requests.Order(JOB, 1, (FILE,), EvaluateTask(PLAN), digest_of(CONTENT), len(CONTENT)),
    requests.Order(JOB, 1, (FILE,), TrainTask(PLAN), shares=SHARES, limit=1),
    requests.Order(JOB, 1, (), MixTask(3), shares=SHARES, attempt=1),
    requests.Push(JOB, 1, 1, 0, STRANGER, digest_of(CONTENT), len(CONTENT)),
    requests.Collect("cd" * 32, 0.05),
    requests.Attach(STRANGER, 1, (requests.LeafTicket("cd" * 32, requests.Progress("running")),)),
    ring.SayHello(),
)
TYPICAL_OF_SUPERNODE: tuple[Request[Any], ...] = (
    ring.Admit(Address("127.0.0.1", 9)),
    ring.Heartbeat(STRANGER),
    ring.Retire(STRANGER),
    ring.GetMembers(),
)


@dataclass(frozen=True)
class Golden:
    """One call and its arguments, as generated structs that may be changed in a copy."""

    call: WireCall
    arguments: Any

    def copied(self) -> Golden:
        return Golden(self.call, copy.deepcopy(self.arguments))

    def frame(self) -> bytes:
        """Return the bytes on the wire. Raises what the encoder raises for a value that no field can hold."""
        return frame_of(self.call, self.arguments)


def golden(node: NodeRef) -> list[Golden]:
    """Return the typical calls to a compute node."""
    return [golden_of(node, request) for request in TYPICAL]


def golden_of_supernode() -> list[Golden]:
    """Return the typical calls to a supernode."""
    return [golden_of(STRANGER, request) for request in TYPICAL_OF_SUPERNODE]


def golden_of(node: NodeRef, request: Request[Any]) -> Golden:
    """Return a request to a node as its call and arguments."""
    call = COMPUTE_NODE.get(type(request))
    if call is not None:
        target = Target(id_to_wire(node.id), node.incarnation)
        return Golden(call, call.thrift.arguments(target, *call.arguments(request)))
    call = SUPERNODE.get(type(request), SAY_HELLO)
    return Golden(call, call.thrift.arguments(*call.arguments(request)))


def frame_of(call: WireCall, arguments: Any) -> bytes:
    """Return a call with its length as the wire carries it."""
    buffer = TMemoryBuffer()
    protocol = TBinaryProtocolAccelerated(buffer)
    protocol.writeMessageBegin(call.method, TMessageType.CALL, 0)
    arguments.write(protocol)
    protocol.writeMessageEnd()
    raw: bytes = buffer.getvalue()
    return HEADER.pack(len(raw)) + raw
