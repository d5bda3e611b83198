"""Ask another process: pooled connections, a deadline on every call, typed errors.

One retry, and only where a pooled connection turns out to have been closed by the other side
while it lay idle; both attempts share the deadline. Everything else is the asker's decision.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import TTransportException

from roundelay.chord.effects import Ask
from roundelay.chord.errors import ChordError, Malformed, NodeUnreachable, PeerFault
from roundelay.chord.refs import Address, NodeRef
from roundelay.rpc import codec
from roundelay.rpc.calls import COMPUTE_NODE, UNTARGETED, WireCall
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import FramedSocket, connect

CONNECTIONS_MAX = 32  # idle ones kept, in all
CONNECTIONS_PER_PEER_MAX = 2
IDLE_S = 30.0  # the server's own bound is twice that
CONNECT_TIMEOUT_S = 0.5
FRESH_S = 1.0  # what has been idle for less is not looked at before it is used: if it has closed, the retry finds out

Place = tuple[str, int]  # host and port
Arguments = tuple[Any, ...]  # of a call, on the wire


class Line:
    """One connection, and what speaks over it."""

    def __init__(self, connection: FramedSocket) -> None:
        self.connection = connection
        self.messages = BinaryProtocol(connection)
        self.idle_since = 0.0


class Peers:
    """Asks other processes, and keeps a few connections for the next question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Place, list[Line]] = {}  # the one used last at the end
        self._closed = False
        self.calls = 0  # made so far, for whoever counts

    def ask(self, ask: Ask) -> Any:
        """The answer, or a ChordError: NodeUnreachable, PeerFault, or what the other side raised."""
        call, arguments = _on_the_wire(ask)
        place = ask.to.host, ask.to.port
        deadline = time.monotonic() + ask.timeout_s
        self.calls += 1
        pooled = self._take(place)
        if pooled is None:
            return self._ask_anew(place, call, arguments, deadline)
        try:
            return self._call(pooled, place, call, arguments, ask.timeout_s)
        except _Stale:
            return self._ask_anew(place, call, arguments, deadline)

    def close(self) -> None:
        """Close the idle connections now, and each other one when its call has ended."""
        with self._lock:
            self._closed = True
            idle, self._idle = [line for lines in self._idle.values() for line in lines], {}
        for line in idle:
            line.connection.close()

    # --- helpers

    def _ask_anew(self, place: Place, call: WireCall, arguments: Arguments, deadline: float) -> Any:
        """Over a new connection."""
        try:
            connection = connect(*place, min(CONNECT_TIMEOUT_S, deadline - time.monotonic()))
        except TTransportException as error:
            why = str(error.message).removeprefix(f"{place[0]}:{place[1]}: ")
            raise NodeUnreachable(f"{Address(*place)} does not answer: {why}") from error
        try:
            return self._call(Line(connection), place, call, arguments, deadline - time.monotonic())
        except _Stale as error:
            raise NodeUnreachable(f"{Address(*place)} closed the connection") from error

    def _call(self, line: Line, place: Place, call: WireCall, arguments: Arguments, timeout_s: float) -> Any:
        line.connection.timeout_s = timeout_s
        try:
            raw = line.messages.call(call.thrift, arguments)
            codec.check_complete(raw)
            answer = call.answer(raw)
        except codec.WIRE_EXCEPTIONS as error:
            self._give_back(place, line)
            raise codec.error_from_wire(error) from error
        except TApplicationException as error:
            self._give_back(place, line)
            raise PeerFault(f"{Address(*place)} failed inside: {error.message}") from error
        except _USELESS as error:
            line.connection.close()
            raise _typed(error, Address(*place), timeout_s) from error
        except BaseException:
            line.connection.close()
            raise
        self._give_back(place, line)
        return answer

    def _take(self, place: Place) -> Line | None:
        """An idle connection to there that still looks open."""
        with self._lock:
            mine = self._idle.get(place)
            if mine is None:
                return None
            line = mine.pop()
            if not mine:
                del self._idle[place]
        idle_s = time.monotonic() - line.idle_since
        if idle_s < FRESH_S or (idle_s < IDLE_S and line.connection.isOpen()):
            return line
        line.connection.close()
        return None

    def _give_back(self, place: Place, line: Line) -> None:
        surplus: Line | None = None
        line.idle_since = time.monotonic()
        with self._lock:
            mine = [] if self._closed else self._idle.setdefault(place, [])
            mine.append(line)
            if self._closed:
                surplus = line
            elif len(mine) > CONNECTIONS_PER_PEER_MAX:
                surplus = mine.pop(0)
            elif len(self._idle) > CONNECTIONS_MAX // CONNECTIONS_PER_PEER_MAX:
                surplus = self._too_many()
        if surplus is not None:
            surplus.connection.close()

    def _too_many(self) -> Line | None:
        """The connection that has been idle longest, if more are kept than may be."""
        lines = [line for mine in self._idle.values() for line in mine]
        if len(lines) <= CONNECTIONS_MAX:
            return None
        oldest = min(lines, key=lambda line: line.idle_since)
        place = next(place for place, mine in self._idle.items() if oldest in mine)
        self._idle[place].remove(oldest)
        if not self._idle[place]:
            del self._idle[place]
        return oldest


class _Stale(ChordError):
    """The other side had closed the connection."""


# What ends a call and its connection: silence and closing, and answers that are none.
_USELESS = (TTransportException, TProtocolException, UnicodeDecodeError, AttributeError, TypeError, Malformed)


def _on_the_wire(ask: Ask) -> tuple[WireCall, Arguments]:
    """How a question travels. Raises Malformed for one that no call carries."""
    request, to = ask.request, ask.to
    call = COMPUTE_NODE.get(type(request))
    if call is not None:
        if not isinstance(to, NodeRef):
            raise Malformed(f"{type(request).__name__} must name the node that it means, not {to}")
        return call, (Target(codec.id_to_wire(to.id), to.incarnation), *call.arguments(request))
    call = UNTARGETED.get(type(request))
    if call is None:
        raise Malformed(f"{type(request).__name__} is for a process itself, not for the wire")
    return call, call.arguments(request)


def _typed(error: Exception, address: Address, timeout_s: float) -> ChordError:
    """What has become of a call whose connection cannot be used again."""
    if not isinstance(error, TTransportException):
        return PeerFault(f"{address} answered with what is no answer: {error}")
    if error.type == TTransportException.END_OF_FILE:
        return _Stale()
    if error.type == TTransportException.SIZE_LIMIT:
        return Malformed(str(error.message))
    return NodeUnreachable(f"{address} did not answer within {timeout_s:.2g} s")
