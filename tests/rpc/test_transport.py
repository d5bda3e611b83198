"""Tests of one connection, seen from both ends: frames, timeouts, limits and the accelerated protocol."""

from __future__ import annotations

import itertools
import random
import socket
import struct
import sys
import threading
import time
import traceback
import types
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thrift.protocol import fastbinary
from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TMessageType, TType
from thrift.transport.TTransport import TTransportException

from roundelay.rpc.fast_binary import write_struct
from roundelay.rpc.protocol import CONTAINER_LENGTH_MAX, BinaryProtocol
from roundelay.rpc.transport import (
    BUFFER_SIZE_MIN,
    FRAME_SIZE_MAX,
    LARGE_SIZE,
    READ_AHEAD,
    SPARES,
    FramedSocket,
    connect,
    host_towards,
)
from tests.rpc.structs import BLOB_SPEC, Blob, Box

TIMEOUT_S = 20.0  # generous: nothing here should come near it
SHORT_S = 0.2
HAS_IPV6 = socket.has_ipv6 and socket.has_dualstack_ipv6()
Ends = tuple[FramedSocket, socket.socket]


class Pieces:
    """A socket that delivers bytes in the pieces it was given, then end of file."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def gettimeout(self) -> None:
        return None

    def setsockopt(self, *_: object) -> None:
        pass

    def recv(self, size: int) -> bytes:
        if not self.pieces:
            return b""
        piece = self.pieces.pop(0)
        if piece[size:]:
            self.pieces.insert(0, piece[size:])
        return piece[:size]

    def recv_into(self, view: memoryview) -> int:
        piece = self.recv(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self.pieces = []


def receiving(*pieces: bytes) -> FramedSocket:
    """Return a transport that receives these pieces."""
    sock: Any = Pieces(*pieces)
    return FramedSocket(sock, TIMEOUT_S)


def next_frame(transport: FramedSocket) -> bytes:
    transport.wait(TIMEOUT_S)
    transport.receive()
    return bytes(transport.frame().getvalue())


@contextmanager
def fails_with(kind: int) -> Iterator[None]:
    """Expect a TTransportException of this type."""
    with pytest.raises(TTransportException) as raised:
        yield
    assert raised.value.type == kind


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Yield a transport, and the bare socket at the other end."""
    mine, other = socket.socketpair()
    with mine, other:
        other.settimeout(TIMEOUT_S)
        yield FramedSocket(mine, TIMEOUT_S), other


def framed(body: bytes) -> bytes:
    return struct.pack("!i", len(body)) + body


def sent_by(transport: FramedSocket, other: socket.socket) -> bytes:
    """Close the transport and return everything that it has sent."""
    transport.close()
    received = b""
    while piece := other.recv(1 << 20):
        received += piece
    return received


def encoded(message: Blob | Box) -> bytes:
    return bytes(fastbinary.encode_binary(message, [type(message), message.thrift_spec]))


def read_blob(messages: BinaryProtocol) -> bytes:
    return bytes(messages.read(Blob, BLOB_SPEC).data)


def test_what_is_written_is_sent_as_one_frame(ends: Ends) -> None:
    transport, other = ends

    transport.write(b"some ")
    transport.write(b"bytes")
    transport.flush()

    assert sent_by(transport, other) == framed(b"some bytes")


@given(
    bodies=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4),
    large=st.integers(READ_AHEAD - 8, READ_AHEAD * 3),
    cuts=st.lists(st.integers(0, READ_AHEAD * 4), max_size=8),
)
def test_frames_arrive_whole_and_in_order_however_the_bytes_are_split(
    bodies: list[bytes], large: int, cuts: list[int]
) -> None:
    bodies = [*bodies, b"x" * large, b"last"]
    stream = b"".join(map(framed, bodies))
    marks = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[start:end] for start, end in itertools.pairwise(marks)]
    transport = receiving(*pieces)

    received = []
    while transport.wait(TIMEOUT_S):
        transport.receive()
        received.append(transport.frame().getvalue())

    assert received == bodies


@pytest.mark.parametrize("size", [0, 1, 100, LARGE_SIZE, 1 << 20])
def test_the_decoder_in_c_reads_a_binary_argument(ends: Ends, size: int) -> None:
    transport, other = ends
    data = bytes(range(256)) * (size // 256) + b"e" * (size % 256)
    sender = threading.Thread(target=other.sendall, args=(framed(encoded(Blob(data))),))
    sender.start()

    next_frame(transport)
    received = read_blob(BinaryProtocol(transport))

    sender.join()
    assert received == data


def test_a_value_that_was_read_does_not_change_with_the_next_frame(ends: Ends) -> None:
    transport, other = ends
    received = []
    other.sendall(framed(encoded(Blob(b"1" * 1000))) + framed(encoded(Blob(b"2" * 1000))))

    for _ in range(2):
        next_frame(transport)
        received.append(read_blob(BinaryProtocol(transport)))

    assert received == [b"1" * 1000, b"2" * 1000]


def test_a_reused_buffer_does_not_leak_the_previous_frame() -> None:
    rng = random.Random(5)
    bodies = [rng.randbytes(size) for size in (1 << 20, 200_000, BUFFER_SIZE_MIN, 2_000_000, READ_AHEAD + 1)]
    transport = receiving(*map(framed, bodies))
    received = []

    for _ in bodies:
        received.append(next_frame(transport))
        transport.let_go()

    assert received == bodies


def buffer_in(error: types.TracebackType | None) -> BytesIO:
    """Return the buffer into which a frame was being received when this error occurred."""
    found = [frame.f_locals.get("frame") for frame, _ in traceback.walk_tb(error)]
    (buffer,) = [each for each in found if isinstance(each, BytesIO)]
    return buffer


@pytest.mark.parametrize("arrived", [READ_AHEAD, BUFFER_SIZE_MIN + 1])
def test_a_truncated_large_frame_releases_its_buffer(arrived: int) -> None:
    transport = receiving(framed(bytes(1 << 20))[:arrived])
    transport.wait(TIMEOUT_S)

    with pytest.raises(TTransportException) as raised:
        transport.receive()

    buffer_in(raised.tb).truncate(0)  # not allowed while anything refers to its bytes


def test_the_number_of_spare_buffers_is_bounded() -> None:
    body = bytes(1 << 20)
    ends = [receiving(framed(body)) for _ in range(10)]
    for transport in ends:
        next_frame(transport)

    for transport in ends:
        transport.let_go()

    assert sum(spare.getbuffer().nbytes for spare in SPARES) <= 4 * FRAME_SIZE_MAX


def test_a_message_read_to_its_end_holds_no_memory(ends: Ends) -> None:
    transport, other = ends
    other.sendall(framed(encoded(Blob(b"x" * 10_000))))
    next_frame(transport)
    messages = BinaryProtocol(transport)
    read_blob(messages)

    messages.readMessageEnd()

    assert transport.frame().getbuffer().nbytes == 0


def test_a_protocol_is_freed_with_its_last_user_without_a_collection() -> None:
    messages = BinaryProtocol(receiving())
    write_struct(messages, Blob(b"x" * LARGE_SIZE), BLOB_SPEC, True)
    watch = weakref.ref(messages)

    del messages

    assert watch() is None


@pytest.mark.parametrize("sizes", [[1, LARGE_SIZE, 3], [LARGE_SIZE], [9, 9], [LARGE_SIZE - 1, 2], [LARGE_SIZE] * 2])
def test_parts_of_all_sizes_are_sent_in_order(ends: Ends, sizes: list[int]) -> None:
    transport, other = ends
    parts = [bytes([n]) * size for n, size in enumerate(sizes)]
    for part in parts:
        transport.write(part)

    transport.flush()

    assert sent_by(transport, other) == framed(b"".join(parts))


def test_a_peer_that_sends_byte_by_byte_does_not_extend_the_deadline(ends: Ends) -> None:
    transport, other = ends
    cut_off = threading.Event()

    def dribble() -> None:
        other.settimeout(0.01)  # the pace
        other.sendall(struct.pack("!i", 1 << 20))
        for _ in range(2000):
            try:
                other.sendall(b"x")
                if not other.recv(100):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            return
        cut_off.set()

    thread = threading.Thread(target=dribble)
    thread.start()
    transport.timeout_s = SHORT_S
    transport.write(b"question")
    transport.flush()
    with fails_with(TTransportException.TIMED_OUT):
        transport.readAll(1)

    thread.join(TIMEOUT_S)
    assert cut_off.is_set()


def test_sending_to_a_peer_that_does_not_read_times_out(ends: Ends) -> None:
    transport, _ = ends
    transport.timeout_s = SHORT_S

    transport.write(b"x" * FRAME_SIZE_MAX)
    with fails_with(TTransportException.TIMED_OUT):
        transport.flush()


def test_a_timeout_closes_the_connection_because_its_answer_may_still_arrive(ends: Ends) -> None:
    transport, other = ends
    transport.timeout_s = SHORT_S
    transport.write(b"question")
    transport.flush()
    with pytest.raises(TTransportException):
        transport.readAll(1)

    assert not transport.isOpen()
    assert other.recv(100) == framed(b"question")
    assert other.recv(100) == b""


def test_a_connection_closed_by_its_peer_is_end_of_file(ends: Ends) -> None:
    transport, other = ends
    other.close()

    transport.write(b"question")
    with fails_with(TTransportException.END_OF_FILE):
        transport.flush()
        transport.readAll(1)


def test_an_oversized_message_is_not_sent_and_the_connection_stays_open(ends: Ends) -> None:
    transport, other = ends
    messages = BinaryProtocol(transport)
    messages.writeMessageBegin("m", TMessageType.CALL, 1)
    transport.write(b"x" * FRAME_SIZE_MAX)
    with fails_with(TTransportException.SIZE_LIMIT):
        transport.flush()

    messages.writeMessageBegin("m", TMessageType.CALL, 2)
    transport.flush()

    other_end = FramedSocket(other, TIMEOUT_S)
    next_frame(other_end)
    assert BinaryProtocol(other_end).readMessageBegin() == ("m", TMessageType.CALL, 2)


@pytest.mark.parametrize("size", [FRAME_SIZE_MAX + 1, 2**31 - 1, 0, -1, -(2**31)])
def test_a_frame_of_an_invalid_size_is_refused_unread(ends: Ends, size: int) -> None:
    transport, other = ends
    other.sendall(struct.pack("!i", size))
    transport.wait(TIMEOUT_S)

    with pytest.raises(TProtocolException, match=str(size)):
        transport.receive()

    assert other.recv(1) == b""


def test_a_message_longer_than_its_frame_does_not_read_the_next_frame(ends: Ends) -> None:
    transport, other = ends
    whole = encoded(Blob(b"x" * 100))
    other.sendall(framed(whole[:50]) + framed(whole[50:]))
    next_frame(transport)

    with pytest.raises(TProtocolException):
        read_blob(BinaryProtocol(transport))


@pytest.mark.parametrize(
    "body",
    [
        b"\0",
        b"\x80\x01\x00",
        struct.pack("!iI", -2147418111, 3) + b"ech",
        struct.pack("!iI", -2147418111, 2**32 - 1) + b"echo",
        struct.pack("!iI", -2147418111, 1000) + b"n" * 1000 + bytes(4),
        struct.pack("!iI", -2147418111, 2) + b"\xff\xfe" + bytes(4),
        struct.pack("!I", 4) + b"echo" + bytes(5),
        struct.pack("!iI", -2147352575, 4) + b"echo" + bytes(4),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["byte", "cut", "no seqid", "4 GiB name", "long name", "not UTF-8", "no version", "version 2", "HTTP"],
)
def test_a_frame_without_a_valid_message_header_is_refused(ends: Ends, body: bytes) -> None:
    transport, other = ends
    other.sendall(framed(body))
    next_frame(transport)

    with pytest.raises(TProtocolException):
        BinaryProtocol(transport).readMessageBegin()


LISTS = bytes([TType.LIST, 0, 2])  # the header of a field 2 of lists


@pytest.mark.parametrize(
    "arguments",
    [
        LISTS + struct.pack("!bi", TType.BYTE, 2**31 - 1) + bytes(100),
        LISTS + struct.pack("!bi", TType.BYTE, CONTAINER_LENGTH_MAX + 1) + bytes(CONTAINER_LENGTH_MAX + 2),
        LISTS + struct.pack("!bi", TType.LIST, 1) * 5000 + bytes(100),
        bytes([TType.STRUCT, 0, 2]) * 5000 + bytes(5001),
        bytes([TType.STRING, 0, 1]) + struct.pack("!i", 2**31 - 1) + bytes(100),
        bytes([TType.STRING, 0, 1]) + struct.pack("!i", -1) + bytes(100),
        bytes([99, 0, 1]) + bytes(100),
    ],
    ids=["endless list", "long list", "deep lists", "deep structs", "endless string", "negative", "no type"],
)
@pytest.mark.parametrize("how", ["read", "skip"])
def test_arguments_beyond_the_limits_are_refused(ends: Ends, arguments: bytes, how: str) -> None:
    transport, other = ends
    other.sendall(framed(arguments))
    next_frame(transport)
    messages = BinaryProtocol(transport)

    with pytest.raises(TProtocolException):
        read_blob(messages) if how == "read" else messages.skip(TType.STRUCT)


def test_an_idle_connection_is_open_until_its_peer_sends_or_closes(ends: Ends) -> None:
    transport, other = ends

    assert transport.isOpen()
    other.sendall(b"x")
    assert not transport.isOpen()


def test_a_connection_with_bytes_after_its_answer_is_not_open(ends: Ends) -> None:
    transport, other = ends
    other.sendall(framed(b"answer") + b"stray")
    next_frame(transport)

    assert not transport.isOpen()


def test_a_connection_that_its_peer_closed_is_not_open(ends: Ends) -> None:
    transport, other = ends
    other.close()

    assert not transport.isOpen()


@pytest.mark.parametrize(
    ("bound", "asked"), [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost"), ("::1", "::1"), ("::1", "localhost")]
)
def test_connect_takes_names_and_ipv4_and_ipv6_addresses(bound: str, asked: str) -> None:
    if ":" in bound and not HAS_IPV6:
        pytest.skip("no IPv6 here")
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    if family not in {entry[0] for entry in socket.getaddrinfo(asked, 80)}:
        pytest.skip(f"{asked} has no such address here")
    with socket.create_server((bound, 0), family=family) as listener:
        transport = connect(asked, listener.getsockname()[1], TIMEOUT_S)
        accepted, _ = listener.accept()

        transport.write(b"hello")
        transport.flush()

        with accepted:
            assert accepted.recv(100) == framed(b"hello")
            assert transport._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        transport.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full listener refuses")
def test_connect_leaves_time_for_the_next_address_when_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
        socket.create_server(("127.0.0.1", 0)) as good,
    ):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", each.getsockname()) for each in (full, good)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        transport = connect("two.addresses", 1, 2 * SHORT_S)

        assert transport._sock.getpeername() == good.getsockname()
        transport.close()


def test_the_error_of_a_refused_connection_names_the_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(TTransportException, match=f"127.0.0.1:{port}") as raised:
        connect("127.0.0.1", port, TIMEOUT_S)

    assert raised.value.type == TTransportException.NOT_OPEN


@pytest.mark.parametrize(
    ("host", "port", "timeout_s"),
    [("a" * 300, 80, TIMEOUT_S), ("nul\0", 80, TIMEOUT_S), ("127.0.0.1", 70000, TIMEOUT_S), ("127.0.0.1", 80, 0.0)],
)
def test_connecting_to_an_invalid_address_raises_not_open(host: str, port: int, timeout_s: float) -> None:
    with fails_with(TTransportException.NOT_OPEN):
        connect(host, port, timeout_s)


class Failing:
    """A socket whose every transfer fails with the same error."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def gettimeout(self) -> None:
        return None

    def setsockopt(self, *_: object) -> None:
        pass

    def recv(self, size: int) -> bytes:
        raise self.error

    def send(self, data: bytes) -> int:
        raise self.error

    def close(self) -> None:
        pass


def failing(error: OSError) -> FramedSocket:
    sock: Any = Failing(error)
    return FramedSocket(sock, TIMEOUT_S)


def test_a_small_message_is_sent_by_one_system_call() -> None:
    sent: list[bytes] = []

    class Recording(Failing):
        def send(self, data: bytes) -> int:
            sent.append(bytes(data))
            return len(data)

    sock: Any = Recording(OSError())
    transport = FramedSocket(sock, TIMEOUT_S)
    for part in (b"some ", b"small ", b"parts"):
        transport.write(part)
    transport.flush()

    assert sent == [framed(b"some small parts")]


def test_waiting_for_a_silent_peer_ends_after_the_idle_timeout(ends: Ends) -> None:
    transport, other = ends
    rescue = threading.Timer(TIMEOUT_S / 2, other.shutdown, (socket.SHUT_RDWR,))
    rescue.start()
    began = time.monotonic()

    assert not transport.wait(SHORT_S)

    assert time.monotonic() - began < TIMEOUT_S / 2
    rescue.cancel()


@pytest.mark.parametrize("error", [ConnectionResetError(), BlockingIOError(), TimeoutError()], ids=repr)
def test_a_connection_that_fails_between_two_frames_has_no_next_frame(error: OSError) -> None:
    assert not failing(error).wait(TIMEOUT_S)


@pytest.mark.parametrize("error", [BlockingIOError(), TimeoutError()], ids=repr)
def test_a_timeout_of_the_kernel_and_one_of_python_raise_the_same_error(error: OSError) -> None:
    with fails_with(TTransportException.TIMED_OUT):
        failing(error).flush()


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_a_call_without_time_left_times_out_and_sends_nothing(ends: Ends, timeout_s: float) -> None:
    transport, other = ends
    transport.timeout_s = timeout_s
    transport.write(b"question")

    with fails_with(TTransportException.TIMED_OUT):
        transport.flush()

    assert other.recv(1) == b""


def test_the_shortest_timeout_is_not_rounded_to_no_timeout(ends: Ends) -> None:
    transport, other = ends
    rescue = threading.Timer(TIMEOUT_S / 2, other.shutdown, (socket.SHUT_RDWR,))
    rescue.start()
    began = time.monotonic()

    assert not transport.wait(1e-9)

    assert time.monotonic() - began < TIMEOUT_S / 2
    rescue.cancel()


def test_the_timeout_of_a_frame_starts_when_the_frame_starts(ends: Ends) -> None:
    transport, other = ends
    body = bytes(3 * READ_AHEAD)
    other.sendall(framed(body))
    transport.timeout_s = SHORT_S
    next_frame(transport)
    time.sleep(SHORT_S)

    other.sendall(framed(body))

    assert next_frame(transport) == body


def test_a_short_timeout_after_a_long_one_takes_effect(ends: Ends) -> None:
    transport, other = ends
    other.sendall(framed(b"answer"))
    transport.flush()
    assert transport.readAll(6) == b"answer"
    rescue = threading.Timer(TIMEOUT_S / 2, other.shutdown, (socket.SHUT_RDWR,))
    rescue.start()

    transport.timeout_s = SHORT_S
    transport.flush()
    with fails_with(TTransportException.TIMED_OUT):
        transport.frame()

    rescue.cancel()


def test_calls_with_the_same_timeout_set_it_in_the_kernel_once(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    transport, _ = ends
    limits: list[int] = []
    limit = transport._limit

    def record(way: int, seconds: float) -> None:
        limits.append(way)
        limit(way, seconds)

    monkeypatch.setattr(transport, "_limit", record)
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)

    for _ in range(2):
        transport.flush()

    assert limits == [socket.SO_SNDTIMEO]


def test_checking_a_connection_does_not_disturb_its_next_call(ends: Ends) -> None:
    transport, other = ends
    assert transport.isOpen()
    answer = threading.Timer(SHORT_S, other.sendall, (framed(b"late"),))
    answer.start()

    transport.flush()

    assert transport.readAll(4) == b"late"


def test_repeated_access_receives_an_answer_once(ends: Ends) -> None:
    transport, other = ends
    other.sendall(framed(b"answer"))
    transport.flush()

    transport.receive()

    assert transport.frame() is transport.frame()
    assert transport.frame().getvalue() == b"answer"


def test_a_frame_of_the_largest_size_is_received() -> None:
    transport = receiving(framed(bytes(FRAME_SIZE_MAX)))

    assert len(next_frame(transport)) == FRAME_SIZE_MAX


def test_reading_beyond_the_frame_is_refused(ends: Ends) -> None:
    transport, other = ends
    other.sendall(framed(b"four"))
    next_frame(transport)

    with pytest.raises(TProtocolException):
        transport.readAll(5)


@pytest.mark.parametrize("arrived", [READ_AHEAD, BUFFER_SIZE_MIN + 1, 5 * BUFFER_SIZE_MIN])
def test_a_receive_buffer_is_at_most_twice_the_bytes_that_arrived(arrived: int) -> None:
    SPARES.clear()
    transport = receiving(framed(bytes(FRAME_SIZE_MAX))[:arrived])
    transport.wait(TIMEOUT_S)

    with pytest.raises(TTransportException) as raised:
        transport.receive()

    assert BUFFER_SIZE_MIN <= len(buffer_in(raised.tb).getvalue()) <= max(BUFFER_SIZE_MIN, 2 * arrived)


def test_the_buffer_of_a_large_frame_is_reused_and_kept_once() -> None:
    SPARES.clear()
    ends = [receiving(framed(bytes(1 << 20))) for _ in range(2)]
    buffers = []

    for transport in ends:
        next_frame(transport)
        buffers.append(transport.frame())
        transport.let_go()
        transport.let_go()

    assert buffers[0] is buffers[1]
    assert list(SPARES) == buffers[:1]


@pytest.mark.parametrize("size", [1, READ_AHEAD - 4])
def test_the_buffer_of_a_frame_that_arrived_at_once_is_not_kept(size: int) -> None:
    SPARES.clear()
    transport = receiving(framed(bytes(size)))
    next_frame(transport)
    transport.let_go()

    assert not SPARES


def test_every_socket_that_fails_to_connect_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []

    class Refusing(socket.socket):
        def connect(self, address: object) -> None:
            made.append(self)
            raise ConnectionRefusedError("refused")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(TTransportException, match="refused"):
        connect("127.0.0.1", 80, TIMEOUT_S)

    assert made
    assert all(each.fileno() == -1 for each in made)


def test_the_local_address_towards_a_loopback_host_is_loopback() -> None:
    assert host_towards("127.0.0.1", 80) == "127.0.0.1"
