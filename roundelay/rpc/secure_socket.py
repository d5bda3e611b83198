"""Frames over TLS. Records are sealed and opened in memory, so that a transfer is one system call, as without TLS.

Python's own TLS socket makes five of them for a small answer: it reads the header and the body of each record
separately, asks whether the socket is ready in between, and sets the socket's mode before each transfer.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator

from roundelay.rpc.transport import READ_AHEAD, RECEIVING, FramedSocket, typed

RECORD_BYTES = 16 << 10  # that a record holds: RFC 8446, section 5.1
SEALED_BYTES = 64 << 10  # of records that are sent, or received, at once
CLOSED = "the peer closed the connection"


class SecureSocket(FramedSocket):
    """A connection whose frames travel in TLS records. It can be used after `shake_hands`."""

    def __init__(
        self,
        sock: socket.socket,
        timeout_s: float,
        context: ssl.SSLContext,
        server: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        """server: the host whose certificate the other end has to show; None if this end is the server."""
        super().__init__(sock, timeout_s)
        self._received, self._sealed = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._has_more = False  # received, and not opened: an earlier buffer was too small
        self.tls = context.wrap_bio(
            self._received, self._sealed, server_side=server is None, server_hostname=server, session=session
        )

    def shake_hands(self, timeout_s: float) -> None:
        """Agree with the other end. The last part of it travels with the first message. Raises OSError."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.tls.do_handshake()
                self._ahead = self._open(b"")  # the first message may have come with the handshake
                return
            except ssl.SSLWantReadError:
                self._exchange(deadline)
            except ssl.SSLError:
                self._sock.sendall(self._sealed.read())  # the alert, which says what is wrong
                raise

    def _exchange(self, deadline: float) -> None:
        """Send what the handshake has for the other end, and receive what it has for us."""
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left_s)
        self._sock.sendall(self._sealed.read())
        received = self._sock.recv(READ_AHEAD)
        if not received:
            raise ConnectionAbortedError(CLOSED)
        self._received.write(received)

    def isOpen(self) -> bool:  # noqa: N802 - thrift's name
        return not self._has_more and super().isOpen()

    # --- transfers

    def _outgoing(self, parts: list[bytes], size: int) -> Iterable[bytes]:
        if size >= RECORD_BYTES:
            return self._records(super()._outgoing(parts, size))
        self.tls.write(b"".join(parts))
        return (self._sealed.read(),)

    def _records(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the records of a large message, some at a time."""
        for part in parts:
            rest = memoryview(part)
            while rest:
                while rest and self._sealed.pending < SEALED_BYTES:
                    rest = rest[self.tls.write(rest) :]
                yield self._sealed.read()

    def _begin(self, idle_timeout_s: float) -> bytes:
        deadline = time.monotonic() + idle_timeout_s
        opened = self._open(b"") if self._has_more else b""
        while not opened and time.monotonic() < deadline and (received := super()._begin(idle_timeout_s)):
            opened = self._open(received)
        return opened

    def _receive(self) -> bytes:
        opened = b""
        while not opened:
            received = b"" if self._has_more else self._in_time(RECEIVING, self._sock.recv, READ_AHEAD)
            try:
                opened = self._open(received)
            except OSError as error:
                self.close()
                raise typed(error) from error
        return opened

    def _receive_into(self, rest: memoryview) -> int:
        have = 0
        while not have:
            received = b"" if self._has_more else self._in_time(RECEIVING, self._sock.recv, SEALED_BYTES)
            try:
                have = self._open_into(received, rest)
            except OSError as error:
                self.close()
                raise typed(error) from error
        return have

    def _open(self, received: bytes) -> bytes:
        """Return what is in the records that these bytes complete."""
        self._received.write(received)
        self._has_more, opened = False, b""
        try:
            while True:
                record = self.tls.read(READ_AHEAD)
                if not record:
                    raise ConnectionAbortedError(CLOSED)
                opened += record
                if not self._received.pending:
                    return opened
        except ssl.SSLWantReadError:
            return opened

    def _open_into(self, received: bytes, rest: memoryview) -> int:
        """Do as `_open`, into a buffer; return the bytes in it. `_has_more` says whether it was too small."""
        self._received.write(received)
        self._has_more, have = False, 0
        try:
            while have < len(rest):
                count = self.tls.read(len(rest) - have, rest[have:])
                if not count:
                    raise ConnectionAbortedError(CLOSED)
                have += int(count)
        except ssl.SSLWantReadError:
            return have
        self._has_more = self._received.pending > 0 or self.tls.pending() > 0
        return have
