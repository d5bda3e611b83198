"""Mutual TLS from a kit: contexts made once and reused, sessions resumed, signatures, and what is revoked.

TLS proves that the peer holds the key of a certificate of this ring's authority, and that it is at one of its hosts.
Validity and revocation are checked here, for each connection and each call: a resumed session verifies nothing anew,
and the refusal can say who is refused and why. A kit that is replaced on the disk is read again, so that certificates
rotate while the process runs.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING

from roundelay.federation.record_rules import signed_text
from roundelay.rpc.access import Caller
from roundelay.rpc.secure_context import LoadedKit, certified_identity, load
from roundelay.rpc.secure_socket import SecureSocket
from roundelay.rpc.server import Refused
from roundelay.store.items import Item
from roundelay.trust.errors import KitError, NotTrusted
from roundelay.trust.identity import Identity, check_time, shown
from roundelay.trust.revocation import Revocations

if TYPE_CHECKING:
    from roundelay.trust.signatures import Signatures

log = logging.getLogger(__name__)

RELOAD_INTERVAL_S = 1.0  # between two looks at the kit's file
SESSIONS_MAX = 256  # kept, one for each place
WARN_BEFORE_S = 30 * 24 * 3600.0  # the end of a certificate, or a fifth of its life if that is less
WRONG_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH

Place = tuple[str, int]  # host and port


class SecureChannel:
    """One process's membership of a secured ring. Raises KitError if its kit cannot be used."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = _stamp(path)
        self._look_at = time.monotonic() + RELOAD_INTERVAL_S
        self._loaded = self._load()
        self._sessions: OrderedDict[Place, tuple[ssl.SSLContext, ssl.SSLSession]] = OrderedDict()
        self._revocations = Revocations()

    @property
    def identity(self) -> Identity:
        """The owner of the kit as it is now on the disk; of the last usable one while that is not usable."""
        return self._current().identity

    # --- connections

    def accept(self, sock: socket, timeout_s: float, handshake_timeout_s: float) -> tuple[SecureSocket, Caller]:
        """Shake hands as the server; return the connection and who is at its other end. Raises Refused, OSError."""
        secured = SecureSocket(sock, timeout_s, self._current().server)
        try:
            secured.shake_hands(handshake_timeout_s)
            return secured, Caller(peer_of(secured), str(sock.getpeername()[0]))
        except ssl.SSLError as error:
            raise Refused(f"it {explain(error)}") from error
        except NotTrusted as error:
            raise Refused(str(error)) from error

    def connect(self, sock: socket, place: Place, timeout_s: float, handshake_timeout_s: float) -> SecureSocket:
        """Shake hands with a server. Raises NotTrusted, OSError."""
        loaded = self._current()
        with self._lock:
            context, session = self._sessions.get(place, (None, None))
        if context is not loaded.client:
            session = None  # of a kit that was replaced
        try:
            secured = SecureSocket(sock, timeout_s, loaded.client, place[0], session)
            secured.shake_hands(handshake_timeout_s)
        except ssl.SSLError as error:
            sock.close()
            raise NotTrusted(f"{place[0]}:{place[1]} {explain(error)}") from error
        except BaseException:
            sock.close()
            raise
        return secured

    def keep_session(self, place: Place, secured: SecureSocket) -> None:
        """Keep what TLS needs to resume a connection that was used, for the next one to this place."""
        if secured.tls.session is not None:
            with self._lock:
                self._sessions[place] = secured.tls.context, secured.tls.session
                self._sessions.move_to_end(place)
                while len(self._sessions) > SESSIONS_MAX:
                    self._sessions.popitem(last=False)

    def check(self, peer: Identity) -> None:
        """Raise NotTrusted if a certificate is not valid now, or is revoked."""
        check_time(peer, self._clock())
        since = self._revocations.since.get(peer.serial)
        if since is not None:
            raise NotTrusted(f"the certificate of {peer} was revoked at {shown(since)}: ask the operator for a new kit")

    # --- records

    @cached_property
    def _signatures(self) -> Signatures:
        from roundelay.trust.signatures import Signatures

        return Signatures(lambda: self._current().kit)

    def sign(self, item: Item) -> Item:
        """Return an item with this process's signature."""
        return replace(item, signature=self._signatures.sign(signed_text(item)))

    def signer_of(self, item: Item) -> Identity:
        """Return the identity that has signed an item. Raises NotTrusted."""
        return self._signatures.signer_of(item.signature, signed_text(item))

    def revoked_since(self, serial: int) -> float | None:
        """Return when a certificate was revoked; None if it is not."""
        return self._revocations.since.get(serial)

    # --- revocation and expiry

    @property
    def revocations(self) -> Revocations:
        return self._revocations

    def revoke(self, content: bytes) -> bool:
        """Take over a revocation list if it is a later one; return whether it is. Raises NotTrusted."""
        from roundelay.trust.signatures import read_revocations

        found = read_revocations(content, self._current().kit.authorities)
        is_later = found.number > self._revocations.number
        if is_later:
            self._revocations = found
        return is_later

    def warning(self) -> str:
        """Return a line if this kit expires soon, or an empty string."""
        mine, now = self.identity, self._clock()
        early = min(WARN_BEFORE_S, (mine.not_after - mine.not_before) / 5)
        if now < mine.not_after - early:
            return ""
        return (
            f"the certificate of {mine} expires at {shown(mine.not_after)}: replace {self._path}, no restart is needed"
        )

    # --- helpers

    def _current(self) -> LoadedKit:
        """Return the kit in use, after reading its file again if that has changed."""
        if time.monotonic() < self._look_at:
            return self._loaded
        with self._lock:
            self._look_at = time.monotonic() + RELOAD_INTERVAL_S
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._loaded = self._load(self._loaded.identity)
                    log.warning("%s was replaced: using the certificate of %s", self._path, self._loaded.identity)
                except KitError as error:
                    log.warning("%s; going on with the kit that was read before", error)
        return self._loaded

    def _load(self, before: Identity | None = None) -> LoadedKit:
        """Read the kit. Raises KitError."""
        loaded = load(self._path)
        if before is not None and loaded.identity.uri != before.uri:
            raise KitError(f"{self._path} is now the kit of {loaded.identity}, not of {before}")
        try:
            check_time(loaded.identity, self._clock())
        except NotTrusted as error:
            raise KitError(f"{self._path}: {error}") from error
        return loaded


def peer_of(secured: SecureSocket) -> Identity:
    """Return who is at the other end of a connection. Raises NotTrusted if its certificate names no member."""
    return certified_identity(secured.tls.getpeercert())


def explain(error: ssl.SSLError) -> str:
    """Return what a failed handshake means, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in WRONG_HOST:
            return f"has a kit for another host ({error.verify_message}): issue it with --host"
        return f"has no certificate of this ring's authority ({error.verify_message}): is it a kit of another ring?"
    reason = str(error.reason or error)
    if "ALERT_PROTOCOL_VERSION" in reason or "WRONG_VERSION_NUMBER" in reason:
        return "does not use TLS: it runs without --kit"
    if "UNKNOWN_CA" in reason or "BAD_CERTIFICATE" in reason or "CERTIFICATE_UNKNOWN" in reason:
        return "does not accept this kit: is it a kit of another ring?"
    if "CERTIFICATE_REQUIRED" in reason or "PEER_DID_NOT_RETURN" in reason:
        return "shows no certificate: it needs --kit"
    return f"cannot agree on TLS 1.3: {reason}"


def _stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file is replaced."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_ino
