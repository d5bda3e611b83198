"""Framed Thrift messages over one TCP socket, with one time budget for a whole call; secure_socket adds TLS.

A message is exactly one frame: a decoder that asks for more than its frame holds fails at once, while Thrift's own
framed transport would wait for the next frame. A large frame is received directly into the buffer that the C decoder
reads. Any socket error closes the connection, because the bytes that follow would be out of step.

Errors: TTransportException says what happened to the connection, TProtocolException that the peer sent bytes that are
not a message. Nothing here retries, pools connections (peers does) or starts a thread.

The kernel ends a transfer that takes too long (SO_RCVTIMEO, SO_SNDTIMEO), so that a transfer is one system call; with
Python's own timeout it is three.
"""

import socket
import struct
import time
import typing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import SEEK_END, BytesIO
from itertools import groupby

from thrift.protocol.TProtocol import TProtocolException
from thrift.transport.TTransport import CReadableTransport, TTransportBase, TTransportException

from roundelay.rpc.resolver import RESOLVER

FRAME_SIZE_MAX = 2 << 20  # bytes; the largest that we send is a chunk of 1 MiB and its envelope
READ_AHEAD = 16 << 10  # bytes; most frames arrive whole in one receive
BUFFER_SIZE_MIN = 128 << 10  # bytes, for a frame that does not
SPARES: deque[BytesIO] = deque(maxlen=4)  # buffers of large frames: fresh memory costs more than receiving
LARGE_SIZE = 32 << 10  # bytes; from here on Thrift's C encoder is slower than its Python one
TLS_BEGINS = b"\x16\x03"  # what a frame of Thrift cannot begin with
UNFRAMED_BEGINS = (b"\x80\x01", b"\x82\x21")  # a message of the binary and of the compact protocol, without a frame
COMPACT_BEGINS = b"\x82"
SLACK_SHARE, SLACK_S = 1 + 1 / 32, 0.01  # how much too late a transfer may end: most use a limit that is set already
NO_LIMIT_S = float("inf")
NOTHING = BytesIO()  # the frame while there is none
HEADER = struct.Struct("!i")
TIMEVAL = struct.Struct("@ll")  # seconds, microseconds
RECEIVING, SENDING = socket.SO_RCVTIMEO, socket.SO_SNDTIMEO
ENDS_EARLY = "the frame ends first"

Argument = typing.TypeVar("Argument")
Transferred = typing.TypeVar("Transferred", int, bytes)


class SpeaksTLS(TProtocolException):  # type: ignore[misc]  # thrift ships no types
    """The peer began a TLS handshake, on a connection without TLS. The connection is still open."""


class FramedSocket(TTransportBase, CReadableTransport):  # type: ignore[misc]  # thrift ships no types
    """One end of a connection: `flush` sends a frame, reading after it receives the answering frame.

    From `flush` to the last byte of the answer a call may take `timeout_s`, which may be changed before each call. Only
    the error TTransportException.SIZE_LIMIT is definite: the message was too large and nothing was sent.
    """

    cstringio_buf: BytesIO = NOTHING  # replaces thrift's property, which is slower

    def __init__(self, sock: socket.socket, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.unsent: list[bytes] = []  # parts of the message being written
        self.reserve: Callable[[int], None] = lambda size_bytes: None  # waits for memory for a large frame
        self._sock = sock
        self.began = 0.0  # when the frame being sent or received was begun
        self.moved_bytes = 0  # of it, in transfers that did not end it
        self.frame_bytes = 0  # of the frame that was received last
        self.sent_bytes = self.received_bytes = 0  # of all whole frames, headers included
        self.is_waiting = False  # for the peer, in the middle of a frame
        self._deadline = 0.0
        self._limits_s = {RECEIVING: NO_LIMIT_S, SENDING: NO_LIMIT_S}  # of one transfer, as the kernel was told
        self._ahead = b""  # received, and not yet part of a frame
        self._is_spare = False  # whether the frame's buffer is worth keeping
        self.cstringio_buf = NOTHING  # the frame; the C decoder requires exactly a BytesIO
        self._answer_due = False

    @property
    def sock(self) -> socket.socket:
        return self._sock

    def write(self, data: bytes) -> None:
        self.unsent.append(data)

    def flush(self) -> None:
        """Send what was written as one frame. The call's time starts here."""
        size = sum(map(len, self.unsent))
        if size > FRAME_SIZE_MAX:
            raise TTransportException(
                TTransportException.SIZE_LIMIT, f"message of {size} bytes, a frame holds {FRAME_SIZE_MAX}"
            )
        parts, self.unsent = [HEADER.pack(size), *self.unsent], []
        self._answer_due = True
        self.began = began = time.monotonic()
        self._deadline, self.moved_bytes = began + self.timeout_s, 0
        for part in self._outgoing(parts, size):
            sent = self._in_time(SENDING, self._sock.send, part)
            self.moved_bytes += sent
            while sent < len(part):
                more = self._in_time(SENDING, self._sock.send, memoryview(part)[sent:])
                sent, self.moved_bytes = sent + more, self.moved_bytes + more
        self.sent_bytes += HEADER.size + size

    def wait(self, idle_timeout_s: float) -> bool:
        """Wait for a frame to begin. Return True if it has (`receive` then has timeout_s), False if none will come."""
        if not self._ahead:
            try:
                self._ahead = self._begin(idle_timeout_s)
            except OSError:  # silence for too long, or the peer went away between frames
                return False
        self.began = began = time.monotonic()
        self._deadline, self.moved_bytes = began + self.timeout_s, 0
        return bool(self._ahead)

    def receive(self) -> None:
        """Receive one whole frame, and set it to its beginning."""
        self._answer_due = False
        while len(self._ahead) < HEADER.size:
            self._ahead += self._receive()
        data = self._ahead
        (size,) = HEADER.unpack_from(data)
        if not 0 < size <= FRAME_SIZE_MAX:
            if data.startswith(TLS_BEGINS):
                raise SpeaksTLS(TProtocolException.INVALID_DATA, "the peer uses TLS")
            self.close()
            raise no_message(f"a frame of {size} bytes, 1 to {FRAME_SIZE_MAX} are allowed")
        self.frame_bytes = size
        end = HEADER.size + size
        self._ahead = data[end:]
        self._is_spare = end > len(data)
        if self._is_spare:
            self.is_waiting = True
            self.reserve(size)
            self.is_waiting = False
        self.cstringio_buf = self._rest(data, size) if self._is_spare else BytesIO(data[HEADER.size : end])
        self.received_bytes += end

    @property
    def other_dialect(self) -> str:
        """How the last message, which could not be decoded, differs from ours; empty if it was not Thrift."""
        if self._ahead.startswith(UNFRAMED_BEGINS):
            return "it speaks Thrift without frames; use TFramedTransport"
        if self.cstringio_buf.getvalue()[:1] == COMPACT_BEGINS:
            return "it speaks Thrift's compact protocol; use TBinaryProtocol"
        return ""

    def _rest(self, data: bytes, size: int) -> BytesIO:
        """Receive the rest of a frame of `size` bytes; `data` is its header and its beginning.

        A new buffer is at most twice as large as what has arrived: declaring a large frame takes no memory.
        """
        frame, have = _spare(), len(data) - HEADER.size
        room = frame.seek(0, SEEK_END)
        frame.seek(0)
        frame.write(data[HEADER.size :])
        while have < size:
            room = min(size, max(room, 2 * have, BUFFER_SIZE_MIN))
            frame.seek(room - 1)
            frame.write(b"\0")
            with frame.getbuffer() as body:
                while have < room:
                    with body[have:room] as rest:  # released also on an error, whose traceback keeps it
                        have += self._receive_into(rest)
                    self.moved_bytes = have
        frame.truncate(size)
        frame.seek(0)
        return frame

    def frame(self) -> BytesIO:
        """Return the frame being read. After a `flush` that is the answer, which is received here."""
        if self._answer_due:
            self.receive()
        return self.cstringio_buf

    def let_go(self) -> None:
        """Drop the frame when its message has been read, so that an idle connection holds no memory."""
        if self._is_spare:
            SPARES.append(self.cstringio_buf)
            self._is_spare = False
        self.cstringio_buf = NOTHING

    def readAll(self, size: int) -> bytes:  # noqa: N802 - thrift's name
        data = self.frame().read(size)
        if len(data) < size:
            raise no_message(ENDS_EARLY)
        return data

    def cstringio_refill(self, partial: bytes, size: int) -> BytesIO:
        """Refuse: the C decoder calls this when it needs more than the frame holds."""
        raise no_message(ENDS_EARLY)

    def isOpen(self) -> bool:  # noqa: N802 - thrift's name
        """Return whether an idle connection can carry another call: its peer has neither closed it nor sent a byte."""
        try:
            self._sock.settimeout(0)
            self._limits_s.update({RECEIVING: NO_LIMIT_S, SENDING: NO_LIMIT_S})  # set anew before it blocks again
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return not self._ahead
        except OSError:
            return False
        return False

    def close(self) -> None:
        self._sock.close()

    # --- transfers, which TLS makes differently

    def _outgoing(self, parts: list[bytes], size: int) -> Iterable[bytes]:
        """Return the bytes of a message as they are handed to the kernel, in few pieces."""
        return (b"".join(parts),) if size < LARGE_SIZE else _joined(parts)

    def _begin(self, idle_timeout_s: float) -> bytes:
        """Return the first bytes of a frame; none if the peer closes the connection. Raises OSError."""
        if self._limits_s[RECEIVING] != idle_timeout_s:
            self._limit(RECEIVING, idle_timeout_s)
        return self._sock.recv(READ_AHEAD)

    def _receive(self) -> bytes:
        """Return the next bytes of a frame."""
        return self._in_time(RECEIVING, self._sock.recv, READ_AHEAD)

    def _receive_into(self, rest: memoryview) -> int:
        """Receive bytes into the rest of a frame, and return how many."""
        return self._in_time(RECEIVING, self._sock.recv_into, rest)

    def _in_time(self, way: int, transfer: Callable[[Argument], Transferred], argument: Argument) -> Transferred:
        """Send or receive some bytes in what is left of the call's time."""
        left_s = self._deadline - time.monotonic()
        try:
            if not left_s <= self._limits_s[way] <= left_s * SLACK_SHARE + SLACK_S:
                self._limit(way, left_s * SLACK_SHARE if left_s > 0 else left_s)
            self.is_waiting = True
            done = transfer(argument)
            self.is_waiting = False
        except OSError as error:
            self.close()
            raise typed(error) from error
        if not done:
            self.close()
            raise TTransportException(TTransportException.END_OF_FILE, "the peer closed the connection")
        return done

    def _limit(self, way: int, seconds: float) -> None:
        """Limit the time of each following transfer in one direction. Raises TimeoutError if no time is left."""
        if seconds <= 0:
            raise TimeoutError("timed out")
        if self._sock.gettimeout() is not None:
            self._sock.settimeout(None)
        whole, part = divmod(round(1e6 * seconds) or 1, 1_000_000)  # 0 would mean no limit
        self._sock.setsockopt(socket.SOL_SOCKET, way, TIMEVAL.pack(whole, part))
        self._limits_s[way] = seconds


# Shakes hands over a connection whose calls have the first timeout, within the second one.
Secure = Callable[[socket.socket, float, float], FramedSocket]


def connect(host: str, port: int, timeout_s: float, secure: Secure | None = None) -> FramedSocket:
    """Connect to a name or an IPv4 or IPv6 address within timeout_s; its calls have the same timeout.

    Raises TTransportException NOT_OPEN, which is definite: nothing was sent.
    """
    deadline = time.monotonic() + timeout_s
    try:
        sock = _connected(host, port, deadline)
        if secure is not None:
            return secure(sock, timeout_s, _left_s(deadline))
    except (OSError, ValueError, OverflowError) as error:  # the latter two: an impossible name or port
        why = getattr(error, "strerror", None) or error  # without the system's number
        raise TTransportException(TTransportException.NOT_OPEN, f"{host}:{port}: {why}", error) from error
    return FramedSocket(sock, timeout_s)


def _joined(parts: list[bytes]) -> Iterator[bytes]:
    """Yield the parts of a message, with adjacent small parts joined."""
    for large, run in groupby(parts, lambda part: len(part) >= LARGE_SIZE):
        if large:
            yield from run
        else:
            yield b"".join(run)


def _spare() -> BytesIO:
    try:
        return SPARES.pop()
    except IndexError:
        return BytesIO()


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first of the host's addresses that accepts; each gets its share of the time left."""
    found = RESOLVER.resolve(host, port, _left_s(deadline))
    failure = OSError("no address")
    for tried, (family, kind, number, _, address) in enumerate(found):
        sock = socket.socket(family, kind, number)
        try:
            sock.settimeout(_left_s(deadline) / (len(found) - tried))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _left_s(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


def shut_down(sock: socket.socket) -> None:
    """End both directions of a connection, and so the waits of the thread that uses it."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def typed(error: OSError) -> TTransportException:
    """Return what an error of a socket means for its connection."""
    late = isinstance(error, TimeoutError | BlockingIOError)  # the kernel's limit raises the second
    kind = TTransportException.TIMED_OUT if late else TTransportException.END_OF_FILE
    return TTransportException(kind, str(error), error)


def no_message(why: str) -> TProtocolException:
    """Return the error for bytes that are not a message."""
    return TProtocolException(TProtocolException.INVALID_DATA, f"no message: {why}")


def addresses_of(host: str) -> frozenset[str]:
    """Return the addresses that this machine has for a host; none if it knows no such host."""
    try:
        return frozenset(str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return frozenset()


def machine_name() -> str:
    """Return the name of this machine."""
    return socket.gethostname()


def host_towards(host: str, port: int) -> str:
    """Return the local address of the route to a host; nothing is sent. Raises OSError."""
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, number) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])
