"""A caller's side of a secured ring: connections by TLS, and the verification of the process that answers."""

from __future__ import annotations

import ssl
import time
from dataclasses import replace
from socket import socket
from typing import Any

from roundelay.chord.effects import Ask
from roundelay.chord.errors import PeerNotTrusted
from roundelay.chord.requests import Hello
from roundelay.chord.ring import Ring
from roundelay.federation.record_rules import RecordRules
from roundelay.rpc.access import check_hello, check_peer
from roundelay.rpc.lines import Line
from roundelay.rpc.secure_channel import SecureChannel, explain, peer_of
from roundelay.rpc.secure_socket import SecureSocket
from roundelay.rpc.transport import Secure
from roundelay.store.items import Find, ListRange, Put
from roundelay.trust.errors import NotTrusted

Place = tuple[str, int]
READS = (Find, ListRange)  # their answers hold records


class SecurePeers:
    """What `peers` needs to know of certificates."""

    def __init__(self, channel: SecureChannel) -> None:
        self.channel = channel
        self._rules = RecordRules(Ring(), channel.signer_of, time.time_ns, channel.revoked_since)

    def signed(self, ask: Ask) -> Ask:
        """Return a request as it leaves this process: the records that it has made are signed.

        One to this process itself does not show who has sent it, so that is filled in.
        """
        request = ask.request
        if not isinstance(request, Put):
            return ask
        parcels = [p if p.item.signature else replace(p, item=self.channel.sign(p.item)) for p in request.parcels]
        return replace(ask, request=replace(request, parcels=tuple(parcels), caller=self.channel.identity.node_id))

    def secure(self, place: Place) -> Secure:
        """Return what secures a new connection to a place. It raises PeerNotTrusted."""

        def secure(sock: socket, timeout_s: float, handshake_timeout_s: float) -> SecureSocket:
            try:
                return self.channel.connect(sock, place, timeout_s, handshake_timeout_s)
            except NotTrusted as error:
                raise PeerNotTrusted(str(error)) from error

        return secure

    def check_peer(self, line: Line, ask: Ask) -> None:
        """Raise PeerNotTrusted unless a valid certificate shows that a request goes where it is meant to go."""
        try:
            if line.peer is None:
                line.peer = peer_of(_secured(line))
            self.channel.check(line.peer)
        except NotTrusted as error:
            raise PeerNotTrusted(f"{ask.at.host}:{ask.at.port}: {error}") from error
        check_peer(line.peer, ask.at, ask.request)

    def keep_session(self, line: Line, place: Place) -> None:
        """Keep what TLS needs to resume a connection that was used for the first time."""
        self.channel.keep_session(place, _secured(line))

    def checked_answer(self, line: Line, ask: Ask, answer: Any) -> Any:
        """Return an answer without records that the rules forbid.

        Raises PeerNotTrusted if it claims what its sender's certificate does not state.
        """
        if isinstance(answer, Hello) and line.peer is not None:
            check_hello(line.peer, answer)
        if isinstance(ask.request, READS):
            return self._rules.keep_valid(answer)
        return answer

    def explain(self, error: Exception) -> str:
        """Return what an error of TLS within a call means, or an empty string for any other error."""
        inner = getattr(error, "inner", None)
        return explain(inner) if isinstance(inner, ssl.SSLError) else ""


def _secured(line: Line) -> SecureSocket:
    assert isinstance(line.connection, SecureSocket)
    return line.connection
