"""Ask another process: pooled connections, a deadline on every call, typed errors.

One retry, and only where a pooled connection turns out to have been closed by the other side
while it lay idle; both attempts share the deadline. Everything else is the asker's decision.
"""

from __future__ import annotations

import threading
import time
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


class Line:
    """One connection, with the clients that speak over it."""

    def __init__(self, connection: FramedSocket) -> None:
        messages = protocol(connection)
        self.connection = connection
        self.node = ComputeNode.Client(messages)
        self.supernode = Supernode.Client(messages)
        self.idle_since = 0.0


class Peers:
    """Asks other processes, and keeps a few connections for the next question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, int], list[Line]] = {}  # by host and port, the one used last at the end
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
            fresh = Line(connect(address.host, address.port, min(CONNECT_TIMEOUT_S, deadline - time.monotonic())))
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
            idle, self._idle = [line for lines in self._idle.values() for line in lines], {}
        for line in idle:
            line.connection.close()

    # --- helpers

    def _call(self, line: Line, address: Address, ask: Ask, deadline: float) -> Any:
        connection = line.connection
        connection.timeout_s = deadline - time.monotonic()
        try:
            answer = _converse(line, ask)
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
            self._give_back(address, line)
            raise PeerFault(f"{address} failed inside: {error.message}") from error
        except codec.WIRE_EXCEPTIONS as error:
            self._give_back(address, line)
            raise codec.error_from_wire(error) from error
        except BaseException:
            connection.close()
            raise
        self._give_back(address, line)
        return answer

    def _take(self, address: Address) -> Line | None:
        """An idle connection to there that still looks open."""
        with self._lock:
            mine = self._idle.get((address.host, address.port))
            if not mine:
                return None
            line = mine.pop()
        if time.monotonic() - line.idle_since < IDLE_S and line.connection.isOpen():
            return line
        line.connection.close()
        return None

    def _give_back(self, address: Address, line: Line) -> None:
        surplus: Line | None = None
        line.idle_since = time.monotonic()
        with self._lock:
            mine = self._idle.setdefault((address.host, address.port), [])
            mine.append(line)
            if len(mine) > CONNECTIONS_PER_PEER_MAX:
                surplus = mine.pop(0)
            elif len(mine) == 1 or len(self._idle) > CONNECTIONS_MAX // CONNECTIONS_PER_PEER_MAX:
                surplus = self._too_many()
        if surplus is not None:
            surplus.connection.close()

    def _too_many(self) -> Line | None:
        """The connection that has been idle longest, if more are kept than may be."""
        lines = [line for mine in self._idle.values() for line in mine]
        if len(lines) <= CONNECTIONS_MAX:
            return None
        oldest = min(lines, key=lambda line: line.idle_since)
        for place, mine in list(self._idle.items()):
            if oldest in mine:
                mine.remove(oldest)
            if not mine:
                del self._idle[place]
        return oldest


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


def _converse(line: Line, ask: Ask) -> Any:
    """One call of the service that answers this kind of request."""
    request: Request[Any] = ask.request
    if isinstance(request, SayHello):
        return _answer(SAY_HELLO, line.node.hello())
    call = SUPERNODE.get(type(request))
    if call is not None:
        return _answer(call, getattr(line.supernode, call.method)(*call.arguments(request)))
    assert isinstance(ask.to, NodeRef)
    call = COMPUTE_NODE[type(request)]
    target = Target(codec.id_to_wire(ask.to.id), ask.to.incarnation)
    return _answer(call, getattr(line.node, call.method)(target, *call.arguments(request)))


def _answer(call: Call, raw: Any) -> Any:
    codec.check_complete(raw)
    return call.answer(raw)
