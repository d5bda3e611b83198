"""Ask another process: pooled connections, a deadline on every call, typed errors.

There is one retry, and only if the peer has closed a pooled connection while it was idle; both attempts share the
deadline. Any other retry is the caller's decision. The deadline is the request's own limit and what the network is
allowed (chord/round_trips.py), which is measured here.
"""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import TTransportException

from roundelay.chord.effects import Ask
from roundelay.chord.errors import ChordError, Malformed, NodeUnreachable, NotAllowed, PeerFault, PeerNotTrusted
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import BITS_MAX
from roundelay.chord.round_trips import Place, RoundTrips
from roundelay.rpc import fields, ring_codec
from roundelay.rpc.calls import COMPUTE_NODE, UNTARGETED, WireCall
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.method import NOT_ALLOWED
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import FramedSocket, connect

if TYPE_CHECKING:
    from roundelay.rpc.secure_peers import SecurePeers  # loaded only with certificates
    from roundelay.trust.identity import Identity

CONNECTIONS_MAX = 32  # idle ones kept, in all
CONNECTIONS_PER_PEER_MAX = 4  # a poll, a put and a find to one node overlap
IDLE_S = 30.0  # half the server's own limit
CONNECT_TIMEOUT_S = 0.5
FRESH_S = 1.0  # a connection idle for less is used unchecked: if it has been closed, the retry finds out

Arguments = tuple[Any, ...]  # of a call, as wire values


class Line:
    """One pooled connection and its protocol."""

    def __init__(self, connection: FramedSocket) -> None:
        self.connection = connection
        self.messages = BinaryProtocol(connection)
        self.idle_since = 0.0
        self.is_new = True  # no call has used it
        self.peer: Identity | None = None  # the process at the other end, in a ring with certificates


class Peers:
    """A client for all other processes, with a small pool of connections.

    security: how connections are secured and peers are verified, in a ring with certificates.
    """

    def __init__(self, security: SecurePeers | None = None) -> None:
        self.security = security
        self._lock = threading.Lock()
        self._idle: dict[Place, list[Line]] = {}  # the most recently used last
        self._closed = False
        self._round_trips = RoundTrips()  # recorded under the lock; reading an estimate needs none
        self.calls = 0  # made so far, for statistics
        self.bits = BITS_MAX  # of the ring, once it is known: no identifier in an answer may be longer

    def ask(self, ask: Ask) -> Any:
        """Return the answer. Raises NodeUnreachable, PeerFault, or the ChordError that the peer answered with."""
        call, arguments = _wire_call(ask)
        place = ask.to.host, ask.to.port
        timeout_s = ask.timeout_s + self._round_trips[place].allowance_s
        deadline = time.monotonic() + timeout_s
        self.calls += 1
        pooled = self._take(place)
        if pooled is None:
            return self._ask_anew(ask, call, arguments, deadline)
        try:
            return self._call(pooled, ask, call, arguments, timeout_s)
        except _Stale:
            return self._ask_anew(ask, call, arguments, deadline)

    def allowance_s(self, place: Place) -> float:
        """Return how long the network to a peer may take, besides what the peer takes."""
        return self._round_trips[place].allowance_s

    def round_trip_s(self, peer: Address) -> float | None:
        """Return the smoothed round trip to a peer; None if it has answered no request that measures it."""
        return self._round_trips[peer.host, peer.port].smoothed_s

    def close(self) -> None:
        """Close the idle connections now, and every other connection when its call ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = [line for lines in self._idle.values() for line in lines], {}
        for line in idle:
            line.connection.close()

    # --- helpers

    def _ask_anew(self, ask: Ask, call: WireCall, arguments: Arguments, deadline: float) -> Any:
        """Make the call over a new connection."""
        place, security = (ask.to.host, ask.to.port), self.security
        limit_s = CONNECT_TIMEOUT_S + self.allowance_s(place)
        secure = security.secure(place) if security is not None else None
        try:
            connection = connect(*place, min(limit_s, deadline - time.monotonic()), secure)
        except TTransportException as error:
            if isinstance(error.inner, TimeoutError):
                self._record_timeout(place)
            why = str(error.message).removeprefix(f"{place[0]}:{place[1]}: ")
            raise NodeUnreachable(f"{Address(*place)} does not answer: {why}") from error
        try:
            return self._call(Line(connection), ask, call, arguments, deadline - time.monotonic())
        except _Stale as error:
            raise NodeUnreachable(f"{Address(*place)} closed the connection") from error

    def _call(self, line: Line, ask: Ask, call: WireCall, arguments: Arguments, timeout_s: float) -> Any:
        line.connection.timeout_s = timeout_s
        place = ask.to.host, ask.to.port
        round_trip_s: float | None = None
        try:
            if self.security is not None:
                self.security.check_peer(line, ask)
            raw = line.messages.call(call.thrift, arguments)
            if ask.request.answers_at_once:
                round_trip_s = time.monotonic() - line.connection.began
            fields.check_complete(raw)
            fields.check_identifiers(raw, self.bits)
            answer = call.answer(raw)
            if self.security is not None:
                answer = self.security.checked_answer(line, ask, answer)
        except ring_codec.WIRE_EXCEPTIONS as error:
            self._give_back(place, line)
            raise ring_codec.error_from_wire(error) from error
        except TApplicationException as error:
            self._give_back(place, line)
            if error.type == NOT_ALLOWED:
                raise NotAllowed(f"{Address(*place)} refuses: {error.message}") from error
            raise PeerFault(f"{Address(*place)} failed inside: {error.message}") from error
        except _CONNECTION_ERRORS as error:
            line.connection.close()
            if isinstance(error, TTransportException) and error.type == TTransportException.TIMED_OUT:
                self._record_timeout(place)
            why = self.security.explain(error) if self.security is not None else ""
            if why:
                raise PeerNotTrusted(f"{Address(*place)} {why}") from error
            raise _typed(error, Address(*place), timeout_s) from error
        except BaseException:
            line.connection.close()
            raise
        self._give_back(place, line, round_trip_s)
        return answer

    def _record_timeout(self, place: Place) -> None:
        with self._lock:
            self._round_trips.record_timeout(place)

    def _take(self, place: Place) -> Line | None:
        """Return an idle connection that still looks open, if there is one."""
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

    def _give_back(self, place: Place, line: Line, round_trip_s: float | None = None) -> None:
        """Keep a connection for the next call, and record how long this call took, if that is a round trip."""
        surplus: Line | None = None
        line.idle_since = time.monotonic()
        if self.security is not None and line.is_new:
            self.security.channel.keep_session(place, line.connection.sock)
            line.is_new = False
        with self._lock:
            if round_trip_s is not None:
                self._round_trips.record_answer(place, round_trip_s)
            mine = [] if self._closed else self._idle.setdefault(place, [])
            mine.append(line)
            if self._closed:
                surplus = line
            elif len(mine) > CONNECTIONS_PER_PEER_MAX:
                surplus = mine.pop(0)
            elif len(self._idle) > CONNECTIONS_MAX // CONNECTIONS_PER_PEER_MAX:
                surplus = self._evict()
        if surplus is not None:
            surplus.connection.close()

    def _evict(self) -> Line | None:
        """Remove and return the connection that has been idle longest, if there are more than CONNECTIONS_MAX."""
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
    """The peer has closed the connection."""


# Errors that end a call and its connection: silence, closing, and malformed answers.
_CONNECTION_ERRORS = (TTransportException, TProtocolException, UnicodeDecodeError, AttributeError, TypeError, Malformed)


def _wire_call(ask: Ask) -> tuple[WireCall, Arguments]:
    """Return the call and wire arguments of a request. Raises Malformed if no call carries it."""
    request, to = ask.request, ask.to
    call = COMPUTE_NODE.get(type(request))
    if call is not None:
        if not isinstance(to, NodeRef):
            raise Malformed(f"{type(request).__name__} needs a node as its target, not {to}")
        return call, (_target(to), *call.arguments(request))
    call = UNTARGETED.get(type(request))
    if call is None:
        raise Malformed(f"{type(request).__name__} is answered only within its own process; it cannot be sent")
    return call, call.arguments(request)


@lru_cache(ring_codec.NODES_KEPT_MAX)
def _target(node: NodeRef) -> Target:
    return Target(fields.id_to_wire(node.id), node.incarnation)


def _typed(error: Exception, address: Address, timeout_s: float) -> ChordError:
    """Return the error of a call whose connection cannot be used again."""
    if not isinstance(error, TTransportException):
        return PeerFault(f"{address} sent a malformed answer: {error}")
    if error.type == TTransportException.END_OF_FILE:
        return _Stale()
    if error.type == TTransportException.SIZE_LIMIT:
        return Malformed(str(error.message))
    return NodeUnreachable(f"{address} did not answer within {timeout_s:.2g} s")
