"""A Thrift server with a thread per connection, which silent or malicious clients cannot block.

One silent client can block each of Thrift's own servers. Here the accept thread only accepts; whatever may block (TLS
handshake, frames, answers) happens in the connection's own thread under a timeout. When all threads are in use, a
connection that waits for bytes is closed to make room (roundelay.rpc.admission). Nothing polls. On Linux a connection
is accepted when its first bytes have come, so that some hundred silent ones take no thread and delay no other; when
more of them fill the kernel's queue, it hands them over as they come, and admission makes room again.
"""

import contextlib
import logging
import selectors
import socket
import threading
import time
from dataclasses import dataclass
from errno import EADDRINUSE
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

from thrift.Thrift import TApplicationException, TException, TMessageType
from thrift.transport.TTransport import TTransportException

from roundelay.rpc.admission import WORKERS_MAX, Connection, Connections, IsKnown
from roundelay.rpc.method import NOT_ALLOWED
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.transport import TLS_BEGINS, FramedSocket, SpeaksTLS

if TYPE_CHECKING:
    from roundelay.rpc.access import Caller
    from roundelay.rpc.secure_channel import SecureChannel  # loaded only with certificates

log = logging.getLogger(__name__)

IDLE_TIMEOUT_S = 60.0
FRAME_TIMEOUT_S = 10.0
HANDSHAKE_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 5.0
ROOM_TIMEOUT_S = 0.2  # how long a new connection waits for another to be closed
ROOM_POLL_S = 0.02  # how often it looks if one has stalled by now
ACCEPT_BACKOFF_S = 0.1
BACKLOG = 1024  # a full queue drops the SYN, and the peer tries again after a second
SILENT_S = 10
SYN_COOKIES = Path("/proc/sys/net/ipv4/tcp_syncookies")  # 0: off
WARN_INTERVAL_S = 60.0
WARNED_MAX = 256  # hosts
DRAIN_TIMEOUT_S = 0.5
NO_TLS = bytes.fromhex("15030100020246")  # TLS's alert protocol_version: the answer of a process without certificates


class Processor(Protocol):
    """The service."""

    def process(self, messages: BinaryProtocol) -> None:
        """Read one message and send its answer. Raises TProtocolException for bytes that are not a message."""


class Refused(OSError):
    """A handshake has failed; the message says why, and what to do."""


class PortInUse(OSError):
    """Another process listens there; nothing was bound."""


@dataclass(frozen=True)
class Limits:
    """Limits on one connection, so that all get their share."""

    workers_max: int = WORKERS_MAX
    idle_timeout_s: float = IDLE_TIMEOUT_S  # between two frames
    frame_timeout_s: float = FRAME_TIMEOUT_S  # for a frame that has begun, and for sending its answer
    handshake_timeout_s: float = HANDSHAKE_TIMEOUT_S
    silent_s: int = SILENT_S  # for which a connection is not accepted that says nothing; the kernel may round it up


LIMITS = Limits()


class Server:
    """Serves a processor on host:port (port 0: any free one) from `start` to `stop`; a context manager."""

    def __init__(
        self,
        processor: Processor,
        host: str,
        port: int = 0,
        channel: "SecureChannel | None" = None,
        limits: Limits = LIMITS,
        is_known: IsKnown = lambda host: True,
    ) -> None:
        """is_known: returns whether a host is that of a peer, which other hosts must not keep out."""
        self.address = (host, port)
        self._processor = processor
        self._channel = channel
        self._limits = limits
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)  # a connection has fallen idle or ended
        self._connections = Connections(limits.workers_max, is_known)
        self._warned: dict[str, float] = {}  # by host: when the next warning is due
        self._stopping = threading.Event()
        self._on_stop = contextlib.ExitStack()

    def start(self) -> None:
        """Bind, listen and accept; then `address` has the real port. Raises PortInUse or another OSError."""
        with contextlib.ExitStack() as opened:
            listener = opened.enter_context(_listener(*self.address, self._limits.silent_s))
            ready = opened.enter_context(selectors.DefaultSelector())
            waker, woken = (opened.enter_context(end) for end in socket.socketpair())
            ready.register(listener, selectors.EVENT_READ)
            ready.register(woken, selectors.EVENT_READ)
            self.address = (self.address[0], listener.getsockname()[1])
            acceptor = threading.Thread(target=self._accept, args=(listener, ready), name="accept", daemon=True)
            acceptor.start()
            opened.callback(acceptor.join, STOP_TIMEOUT_S)
            opened.callback(waker.close)
            self._on_stop = opened.pop_all()

    def stop(self) -> None:
        """Close the listener and every connection; wait for their threads, at most STOP_TIMEOUT_S each."""
        self._stopping.set()
        self._on_stop.close()
        with self._lock:
            connections = list(self._connections)
            for connection in connections:
                connection.hang_up()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for connection in connections:
            connection.thread.join(max(0.0, deadline - time.monotonic()))
        busy = sum(connection.thread.is_alive() for connection in connections)
        if busy:
            log.warning("stopped while %d calls were still being handled", busy)

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self, listener: socket.socket, ready: selectors.BaseSelector) -> None:
        """Accept until stopped. After a failure, as without free descriptors, wait before the next attempt."""
        failing = False
        while not self._stopping.is_set():
            ready.select()
            try:
                self._admit(*listener.accept())
                failing = False
            except (BlockingIOError, ConnectionError):
                continue  # woken by stop, or the client has disconnected
            except (OSError, RuntimeError, MemoryError) as error:  # RuntimeError: no thread can be started
                if not failing:
                    log.warning("cannot accept, trying every %g s: %s", ACCEPT_BACKOFF_S, error)
                failing = True
                with self._lock:
                    self._connections.close_one()
                self._stopping.wait(ACCEPT_BACKOFF_S)

    def _admit(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """Give a connection a thread, if need be that of one that waits for bytes; hang up if all are working."""
        connection = Connection(sock, *address[:2])
        connection.thread = threading.Thread(
            target=self._serve, args=(connection,), name=f"serve {connection.peer}", daemon=True
        )
        with contextlib.ExitStack() as refusal, self._lock:
            refusal.callback(sock.close)
            if not self._finds_room(connection):
                log.debug("refused %.200a: %d connections at work", connection.peer, len(self._connections))
                return
            connection.thread.start()
            self._connections.add(connection)
            refusal.pop_all()

    def _finds_room(self, connection: Connection) -> bool:
        """Wait for a free thread, for which others are closed as soon as they have stalled."""
        deadline = time.monotonic() + ROOM_TIMEOUT_S
        while not self._connections.has_room_for(connection):
            if time.monotonic() >= deadline:
                return False
            self._changed.wait(ROOM_POLL_S)
        return True

    def _serve(self, connection: Connection) -> None:
        """Answer one call after the other until either side ends the connection. Runs in its thread."""
        try:
            transport, caller = self._secure(connection)
            transport.reserve = partial(self._reserve, connection)
            connection.transport = transport
            messages = BinaryProtocol(transport)
            messages.caller = caller
            messages.keep_connection = partial(self._keep, connection)
            while transport.wait(self._limits.idle_timeout_s) and self._begin(connection):
                transport.receive()
                self._handle(messages, connection.peer)
                self._end(connection)
        except SpeaksTLS:
            self._warn(connection, "it uses TLS, and this process runs without --kit")
            connection.sock.settimeout(DRAIN_TIMEOUT_S)
            with contextlib.suppress(OSError):
                connection.sock.send(NO_TLS)
            _drain(connection.sock)
        except (TException, OSError, UnicodeDecodeError) as error:
            if isinstance(error, TException) and connection.transport and (why := connection.transport.other_dialect):
                self._warn(connection, why)
            log.debug("dropped %.200a: %.200a", connection.peer, error)
        finally:
            with self._lock:
                connection.sock.close()
                self._connections.discard(connection)
                self._changed.notify_all()

    def _secure(self, connection: Connection) -> "tuple[FramedSocket, Caller | None]":
        """Shake hands, if there are certificates; return the process at the other end too. Raises OSError."""
        sock, timeout_s = connection.sock, self._limits.frame_timeout_s
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._channel is None:
            return FramedSocket(sock, timeout_s), None
        sock.settimeout(self._limits.handshake_timeout_s)
        if sock.recv(1, socket.MSG_PEEK) not in (b"", TLS_BEGINS[:1]):
            self._refuse_plain(connection)
        try:
            return self._channel.accept(sock, timeout_s, self._limits.handshake_timeout_s)
        except Refused as error:
            self._warn(connection, str(error))
            _drain(sock)
            raise

    def _refuse_plain(self, connection: Connection) -> NoReturn:
        """Answer a caller without TLS in its own words. Raises ConnectionAbortedError."""
        messages = BinaryProtocol(FramedSocket(connection.sock, self._limits.handshake_timeout_s))
        messages.trans.reserve = partial(self._reserve, connection)
        if not messages.trans.wait(self._limits.handshake_timeout_s):
            raise ConnectionAbortedError("no message")
        messages.trans.receive()
        name, _, seqid = messages.readMessageBegin()
        self._warn(connection, "it does not use TLS, and this ring needs certificates")
        messages.refuse(name, seqid, NOT_ALLOWED, "this ring needs certificates: give a kit with --kit")
        _drain(connection.sock)
        raise ConnectionAbortedError("no TLS")

    def _warn(self, connection: Connection, why: str) -> None:
        """Log a refused connection, once a minute for each host."""
        host, now = connection.peer.partition(" ")[0], time.monotonic()
        with self._lock:
            is_due = now >= self._warned.get(host, 0.0)
            if is_due:
                if len(self._warned) >= WARNED_MAX:
                    self._warned.clear()
                self._warned[host] = now + WARN_INTERVAL_S
        if is_due:
            log.warning("refused %.200s: %.300s", connection.peer, why)

    def _keep(self, connection: Connection, is_kept: bool) -> None:
        """Count a connection as a leaf's, or no longer."""
        if is_kept != connection.kept:
            with self._lock:
                self._connections.keep(connection, is_kept)
                self._changed.notify_all()

    def _reserve(self, connection: Connection, size_bytes: int) -> None:
        """Wait until there is memory for a large message. Raises TTransportException after the time of a message."""
        deadline = time.monotonic() + self._limits.frame_timeout_s
        with self._lock:
            while not self._connections.reserve(connection, size_bytes):
                if connection.closing or time.monotonic() >= deadline:
                    raise TTransportException(TTransportException.TIMED_OUT, "too many large messages at a time")
                self._changed.wait(ROOM_TIMEOUT_S)

    def _begin(self, connection: Connection) -> bool:
        """Mark the connection as working; return False if it has just been chosen to be closed."""
        with self._lock:
            connection.working = connection.has_called = not connection.closing
            return connection.working

    def _end(self, connection: Connection) -> None:
        with self._lock:
            connection.working = False
            connection.idle_since = time.monotonic()
            if self._connections.release(connection) or self._connections.are_full:  # else nothing waits for it
                self._changed.notify_all()

    def _handle(self, messages: BinaryProtocol, peer: str) -> None:
        """Handle one call. A message that cannot be decoded is its sender's fault; a later error is ours."""
        try:
            self._processor.process(messages)
        except Exception as error:
            theirs = isinstance(error, TException | UnicodeDecodeError) and not messages.trans.unsent
            if messages.message is None or theirs:
                raise
            name, kind, seqid = messages.message
            log.exception("%.200a from %.200a failed", name, peer)
            if kind == TMessageType.CALL:
                messages.refuse(name, seqid, TApplicationException.INTERNAL_ERROR, "Internal error")


def _drain(sock: socket.socket) -> None:
    """Read until the peer has closed: closing with unread bytes would take back the alert that says what is wrong."""
    with contextlib.suppress(OSError):
        sock.settimeout(DRAIN_TIMEOUT_S)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass


def _listener(host: str, port: int, silent_s: int) -> socket.socket:
    """Return a listening socket. For a name with addresses of both kinds, as "localhost", it is the IPv4 one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server(address, family=family, backlog=BACKLOG, dualstack_ipv6=dual)
    except OSError as error:
        if error.errno != EADDRINUSE:
            raise
        raise PortInUse(f"{host}:{port} is in use by another process") from error
    listener.setblocking(False)
    if _survives_silence():
        with contextlib.suppress(OSError):  # this kernel cannot: silent connections are accepted, too
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, silent_s)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # otherwise the first call over TLS takes 44 ms
    return listener


def _survives_silence() -> bool:
    """Return whether the kernel can wait for first bytes, and still takes new connections when its queue is full.

    Without SYN cookies a full queue of silent connections would keep all others out.
    """
    try:
        return hasattr(socket, "TCP_DEFER_ACCEPT") and int(SYN_COOKIES.read_text()) != 0
    except (OSError, ValueError):
        return False
