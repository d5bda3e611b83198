"""The size of a message on the wire, in bytes: its Thrift encoding and its frame.

For the simulator, which passes values and encodes nothing. An error that no reply carries, as a refused connection,
has no size.
"""

from __future__ import annotations

from typing import Any

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TMessageType
from thrift.transport.TTransport import TMemoryBuffer

from roundelay.chord.effects import Ask
from roundelay.chord.errors import ChordError, NodeUnreachable, PeerFault
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import SayHello
from roundelay.rpc import fields, ring_codec
from roundelay.rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE, WireCall
from roundelay.rpc.gen import ComputeNode, Supernode
from roundelay.rpc.gen.ttypes import Target

FRAME_BYTES = 4  # the frame's length field
FIELD_BYTES, STOP_BYTES = 3, 1  # around the one field of a result
INDEFINITE = NodeUnreachable, PeerFault  # errors that no reply carries


class WireSizes:
    """The sizes of requests and replies, as roundelay.sim.links needs them."""

    def question(self, ask: Ask) -> int:
        call, service = _call(ask)
        target = (Target(fields.id_to_wire(ask.to.id), ask.to.incarnation),) if isinstance(ask.to, NodeRef) else ()
        arguments = getattr(service, f"{call.method}_args")(*target, *call.arguments(ask.request))
        return _message_bytes(call, TMessageType.CALL, arguments)

    def answer(self, ask: Ask, outcome: Any) -> int:
        """Return the size of a reply: a value or an error."""
        if isinstance(outcome, INDEFINITE):
            return 0
        call, service = _call(ask)
        if isinstance(outcome, ChordError):
            error = ring_codec.error_to_wire(outcome)  # it has one field
            return _message_bytes(call, TMessageType.REPLY, error) + FIELD_BYTES + STOP_BYTES
        answer = {} if outcome is None else {"success": call.reply(outcome)}
        return _message_bytes(call, TMessageType.REPLY, getattr(service, f"{call.method}_result")(**answer))


def _call(ask: Ask) -> tuple[WireCall, Any]:
    """Return how a request is carried, and the module of its service."""
    kind = type(ask.request)
    if kind in COMPUTE_NODE:
        return COMPUTE_NODE[kind], ComputeNode
    return (SAY_HELLO, ComputeNode) if kind is SayHello else (SUPERNODE[kind], Supernode)


def _message_bytes(call: WireCall, kind: int, body: Any) -> int:
    buffer = TMemoryBuffer()
    protocol = TBinaryProtocolAccelerated(buffer)
    protocol.writeMessageBegin(call.method, kind, 0)
    body.write(protocol)
    protocol.writeMessageEnd()
    return FRAME_BYTES + len(buffer.getvalue())
