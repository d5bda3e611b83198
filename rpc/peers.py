"""Ask another process: pooled connections, a deadline on every call, typed errors.

One retry, and only where a pooled connection turns out to have been closed by the other side
while it lay idle; both attempts share the deadline. Everything else is the asker's decision.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, TypeVar

from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import TTransportException

from chord.effects import Ask, Request
from chord.errors import ChordError, Malformed, NodeUnreachable, PeerFault
from chord.refs import Address, NodeRef
from chord.requests import SayHello
from rpc import codec
from rpc.calls import COMPUTE_NODE, SAY_HELLO, SUPERNODE, Call
from rpc.gen import ComputeNode, Supernode
from rpc.gen.ttypes import Target
from rpc.protocol import protocol
from rpc.transport import FramedSocket, connect

R = TypeVar("R")

CONNECTIONS_MAX = 32  # idle ones kept, in all
CONNECTIONS_PER_PEER_MAX = 2
IDLE_S = 30.0  # the server's own bound is twice that
CONNECT_TIMEOUT_S = 0.5


class Peers:
    """Asks other processes, and keeps a few connections for the next question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[tuple[Address, float], FramedSocket] = OrderedDict()
        self.calls = 0  # made so far, for whoever counts

    def ask(self, ask: Ask) -> Any:
        """The answer, or a ChordError: NodeUnreachable, PeerFault, or what the other side raised."""
        _check(ask)
        address = ask.to.address if isinstance(ask.to, NodeRef) else ask.to
        deadline = time.monotonic() + ask.timeout_s
        self.calls += 1
        pooled = self._take(address)
        if pooled is not None:
            try:
                return self._call(pooled, address, ask, deadline)
            except _Stale:
                pass
        try:
            fresh = connect(address.host, address.port, min(CONNECT_TIMEOUT_S, deadline - time.monotonic()))
        except TTransportException as error:
            why = error.message.removeprefix(f"{address}: ")
            raise NodeUnreachable(f"{address} does not answer: {why}") from error
        try:
            return self._call(fresh, address, ask, deadline)
        except _Stale as error:
            raise NodeUnreachable(f"{address} closed the connection") from error

    def close(self) -> None:
        """Close what lies idle."""
        with self._lock:
            idle, self._idle = list(self._idle.values()), OrderedDict()
        for connection in idle:
            connection.close()

    # --- helpers

    def _call(self, connection: FramedSocket, address: Address, ask: Ask, deadline: float) -> Any:
        connection.timeout_s = deadline - time.monotonic()
        try:
            answer = _converse(connection, ask)
        except TTransportException as error:
            connection.close()
            if error.type == TTransportException.END_OF_FILE:
                raise _Stale from error
            if error.type == TTransportException.SIZE_LIMIT:
                raise Malformed(str(error.message)) from error
            raise NodeUnreachable(f"{address} did not answer within {ask.timeout_s:g} s") from error
        except (TProtocolException, UnicodeDecodeError, AttributeError, TypeError, Malformed) as error:
            connection.close()
            raise PeerFault(f"{address} answered with what is no answer: {error}") from error
        except TApplicationException as error:
            self._give_back(address, connection)
            raise PeerFault(f"{address} failed inside: {error.message}") from error
        except codec.WIRE_EXCEPTIONS as error:
            self._give_back(address, connection)
            raise codec.error_from_wire(error) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(address, connection)
        return answer

    def _take(self, address: Address) -> FramedSocket | None:
        """An idle connection to there that still looks open."""
        with self._lock:
            mine = [key for key in self._idle if key[0] == address]
            connections = [(key[1], self._idle.pop(key)) for key in mine[-1:]]
        for since, connection in connections:
            if time.monotonic() - since < IDLE_S and connection.isOpen():
                return connection
            connection.close()
        return None

    def _give_back(self, address: Address, connection: FramedSocket) -> None:
        surplus: list[FramedSocket] = []
        with self._lock:
            mine = [key for key in self._idle if key[0] == address]
            if len(mine) >= CONNECTIONS_PER_PEER_MAX:
                surplus.append(self._idle.pop(mine[0]))
            elif len(self._idle) >= CONNECTIONS_MAX:
                surplus.append(self._idle.popitem(last=False)[1])
            self._idle[address, time.monotonic()] = connection
        for old in surplus:
            old.close()


class _Stale(ChordError):
    """The other side had closed the connection."""


def _check(ask: Ask) -> None:
    """Raises Malformed for a question that no call carries."""
    request = ask.request
    if isinstance(request, SayHello) or type(request) in SUPERNODE:
        return
    if type(request) not in COMPUTE_NODE:
        raise Malformed(f"{type(request).__name__} is for a process itself, not for the wire")
    if not isinstance(ask.to, NodeRef):
        raise Malformed(f"{type(request).__name__} must name the node that it means, not {ask.to}")


def _converse(connection: FramedSocket, ask: Ask) -> Any:
    """One call of the service that answers this kind of request."""
    request: Request[Any] = ask.request
    if isinstance(request, SayHello):
        return _answer(SAY_HELLO, ComputeNode.Client(protocol(connection)).hello())
    if type(request) in SUPERNODE:
        call, client = SUPERNODE[type(request)], Supernode.Client(protocol(connection))
        return _answer(call, getattr(client, call.method)(*call.arguments(request)))
    assert isinstance(ask.to, NodeRef)
    call, client = COMPUTE_NODE[type(request)], ComputeNode.Client(protocol(connection))
    target = Target(codec.id_to_wire(ask.to.id), ask.to.incarnation)
    return _answer(call, getattr(client, call.method)(target, *call.arguments(request)))


def _answer(call: Call, raw: Any) -> Any:
    codec.check_complete(raw)
    return call.answer(raw)
