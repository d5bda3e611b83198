"""Ask another process: pooled connections, a deadline on every call, typed errors.

There is one retry, and only if the peer has closed a pooled connection while it was idle; both attempts share the
deadline. Any other retry is the caller's decision. The deadline is the request's own limit and what the network is
allowed (chord/round_trips.py), which is measured here. Several small requests to one peer go out one behind the other,
over one connection: a connection more would cost a round trip.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import TTransportException

from roundelay.chord.effects import Ask
from roundelay.chord.errors import (
    ChordError,
    Malformed,
    NodeUnreachable,
    NotAllowed,
    OtherProtocol,
    PeerFault,
    PeerNotTrusted,
)
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.ring import BITS_MAX
from roundelay.chord.round_trips import Place, RoundTrips
from roundelay.rpc import fields, ring_codec
from roundelay.rpc.calls import COMPUTE_NODE, UNTARGETED, WireCall
from roundelay.rpc.exchange import SENT, Exchange, Observer
from roundelay.rpc.gen.ttypes import Target
from roundelay.rpc.lines import CONNECTIONS_PER_PEER_MAX, CONNECTIONS_PER_RELAY_MAX, Line, Lines
from roundelay.rpc.method import NOT_ALLOWED
from roundelay.rpc.transport import connect

if TYPE_CHECKING:
    from roundelay.rpc.secure_peers import SecurePeers  # loaded only with certificates

CONNECT_TIMEOUT_S = 0.5
SAMPLE_INTERVAL_S = 0.05  # between two samples of one connection: as with TCP, one for each call would tell no more

Arguments = tuple[Any, ...]  # of a call, as wire values
Outgoing = tuple[WireCall, Arguments]


class Peers:
    """A client for all other processes, with a small pool of connections.

    security: how connections are secured and peers are verified, in a ring with certificates. observe: is told of every
    call.
    """

    observe: Observer | None = None

    def __init__(self, security: SecurePeers | None = None) -> None:
        self.security = security
        self._lines = Lines()
        self._lock = threading.Lock()
        self._round_trips = RoundTrips()  # recorded under the lock; reading an estimate needs none
        self.calls = 0  # made so far, for statistics
        self.bits = BITS_MAX  # of the ring, once it is known: no identifier in an answer may be longer

    def ask(self, ask: Ask) -> Any:
        """Return the answer. Raises NodeUnreachable, PeerFault, or the ChordError that the peer answered with."""
        call, arguments = _wire_call(ask)
        self.calls += 1
        if self.observe is None:
            return self._ask(ask, call, arguments, None)
        with Exchange(self.observe, SENT, call.method) as measured:
            return self._ask(ask, call, arguments, measured)

    def ask_in_line(self, asks: Sequence[Ask]) -> list[Any]:
        """Ask one peer several small things over one connection. Return the answers, a ChordError for a missing one."""
        try:
            calls = [_wire_call(ask) for ask in asks]
        except ChordError as error:
            return [error] * len(asks)
        self.calls += len(asks)
        observe = self.observe
        exchanges = [Exchange(observe, SENT, call.method) if observe is not None else None for call, _ in calls]
        outcomes = self._ask_in_line(asks, calls, exchanges)
        for measured, outcome in zip(exchanges, outcomes, strict=True):
            if measured is not None:
                measured.end(outcome if isinstance(outcome, ChordError) else None)
        return outcomes

    def allowance_s(self, place: Place) -> float:
        """Return how long the network to a peer may take, besides what the peer takes."""
        return self._round_trips[place].allowance_s

    def round_trip_s(self, peer: Address) -> float | None:
        """Return the smoothed round trip to a peer; None if it has answered no request that measures it."""
        return self._round_trips[peer.host, peer.port].smoothed_s

    def close(self) -> None:
        """Close the idle connections now, and every other connection when its call ends."""
        self._lines.close()

    # --- helpers

    def _ask(self, ask: Ask, call: WireCall, arguments: Arguments, measured: Exchange | None) -> Any:
        at = ask.at
        place = at.host, at.port
        timeout_s = ask.timeout_s + self._round_trips[place].allowance_s
        deadline = time.monotonic() + timeout_s
        pooled = self._lines.take(place, call.method)
        if pooled is not None:
            try:
                return self._call(pooled, ask, call, arguments, timeout_s, measured)
            except _Stale:
                pass
        line = self._connect(place, deadline)
        try:
            return self._call(line, ask, call, arguments, deadline - time.monotonic(), measured)
        except _Stale as error:
            raise _closed(place) from error

    def _ask_in_line(
        self, asks: Sequence[Ask], calls: Sequence[Outgoing], exchanges: Sequence[Exchange | None]
    ) -> list[Any]:
        place = asks[0].at.host, asks[0].at.port
        timeout_s = max(ask.timeout_s for ask in asks) + self._round_trips[place].allowance_s
        deadline = time.monotonic() + timeout_s
        try:
            pooled = self._lines.take(place, "")
            if pooled is not None:
                try:
                    return self._call_in_line(pooled, asks, calls, timeout_s, exchanges)
                except _Stale:
                    pass
            line = self._connect(place, deadline)
            return self._call_in_line(line, asks, calls, deadline - time.monotonic(), exchanges)
        except _Stale:
            return [_closed(place)] * len(asks)
        except ChordError as error:
            return [error] * len(asks)

    def _connect(self, place: Place, deadline: float) -> Line:
        """Open a connection. Raises NodeUnreachable."""
        limit_s = CONNECT_TIMEOUT_S + self.allowance_s(place)
        secure = self.security.secure(place) if self.security is not None else None
        try:
            return Line(connect(*place, min(limit_s, deadline - time.monotonic()), secure))
        except TTransportException as error:
            if isinstance(error.inner, TimeoutError):
                self._record_timeout(place)
            why = str(error.message).removeprefix(f"{place[0]}:{place[1]}: ")
            raise NodeUnreachable(f"{Address(*place)} does not answer: {why}") from error

    def _call_in_line(
        self,
        line: Line,
        asks: Sequence[Ask],
        calls: Sequence[Outgoing],
        timeout_s: float,
        exchanges: Sequence[Exchange | None],
    ) -> list[Any]:
        """Send all requests, then read their answers. Raises _Stale if the peer has closed the connection before."""
        line.connection.timeout_s = timeout_s
        try:
            for ask, (call, arguments), measured in zip(asks, calls, exchanges, strict=True):
                if self.security is not None:
                    self.security.check_peer(line, ask)
                sent = line.connection.sent_bytes
                line.messages.ask(call.thrift, arguments)
                if measured is not None:
                    measured.moved(line.connection.sent_bytes - sent, 0)
        except TTransportException as error:
            line.connection.close()
            raise _typed(error, Address(asks[0].at.host, asks[0].at.port), timeout_s) from error
        except BaseException:
            line.connection.close()
            raise
        line.unanswered = len(asks)
        outcomes: list[Any] = []
        for ask, (call, arguments), measured in zip(asks, calls, exchanges, strict=True):
            try:
                outcomes.append(self._call(line, ask, call, arguments, timeout_s, measured))
                if measured is not None:
                    measured.answered()
            except _Stale:
                if not outcomes:
                    raise
                outcomes.append(_closed((ask.at.host, ask.at.port)))
            except ChordError as error:
                outcomes.append(error)
        return outcomes

    def _call(
        self, line: Line, ask: Ask, call: WireCall, arguments: Arguments, timeout_s: float, measured: Exchange | None
    ) -> Any:
        """Make a call, or read its answer if it has been sent in line with others; return the answer."""
        at, connection = ask.at, line.connection
        connection.timeout_s = timeout_s
        sent, received = connection.sent_bytes, connection.received_bytes
        place = at.host, at.port
        try:
            answer, round_trip_s = self._exchange(line, ask, call, arguments)
        except ring_codec.WIRE_EXCEPTIONS as error:
            self._give_back(place, line, call)
            raise ring_codec.error_from_wire(error) from error
        except TApplicationException as error:
            self._give_back(place, line, call)
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
        except OtherProtocol as error:
            line.connection.close()
            raise OtherProtocol(f"{Address(*place)} {error}") from error
        except BaseException:
            line.connection.close()
            raise
        finally:
            if measured is not None:
                measured.moved(line.connection.sent_bytes - sent, line.connection.received_bytes - received)
        self._give_back(place, line, call, round_trip_s, ask.via is not None)
        return answer

    def _exchange(self, line: Line, ask: Ask, call: WireCall, arguments: Arguments) -> tuple[Any, float | None]:
        """Send a call, if it has not been sent, and read its answer. Return it, and the round trip if it was timed."""
        round_trip_s: float | None = None
        if self.security is not None:
            self.security.check_peer(line, ask)
        if line.unanswered:
            line.unanswered -= 1
            raw = line.messages.answer(call.thrift)
        else:
            raw = line.messages.call(call.thrift, arguments)
        if ask.request.answers_at_once:
            answered_at = time.monotonic()
            if answered_at - line.measured_at > SAMPLE_INTERVAL_S:
                line.measured_at, round_trip_s = answered_at, answered_at - line.connection.began
        fields.check_complete(raw)
        if self.bits < BITS_MAX:
            fields.check_identifiers(raw, self.bits)
        answer = call.answer(raw)
        if self.security is not None:
            answer = self.security.checked_answer(line, ask, answer)
        return answer, round_trip_s

    def _give_back(
        self, place: Place, line: Line, call: WireCall, round_trip_s: float | None = None, is_relay: bool = False
    ) -> None:
        """Keep a connection for the next call, and record how long this call took, if that is a round trip."""
        if round_trip_s is not None:
            with self._lock:
                self._round_trips.record_answer(place, round_trip_s)
        if line.unanswered:
            return
        line.record(call.method)
        if self.security is not None and line.is_new:
            self.security.keep_session(line, place)
            line.is_new = False
        self._lines.give_back(place, line, CONNECTIONS_PER_RELAY_MAX if is_relay else CONNECTIONS_PER_PEER_MAX)

    def _record_timeout(self, place: Place) -> None:
        with self._lock:
            self._round_trips.record_timeout(place)


class _Stale(ChordError):
    """The peer has closed the connection."""


# Errors that end a call and its connection: silence, closing, and malformed answers.
_CONNECTION_ERRORS = (TTransportException, TProtocolException, UnicodeDecodeError, AttributeError, TypeError, Malformed)


def _closed(place: Place) -> NodeUnreachable:
    return NodeUnreachable(f"{Address(*place)} closed the connection")


def _wire_call(ask: Ask) -> Outgoing:
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
