"""Tests of the server against silent, slow, malformed and too many callers, over real sockets."""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
import resource
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from thrift.Thrift import TApplicationException, TMessageType, TType

from roundelay.chord.errors import PeerNotTrusted
from roundelay.rpc.admission import LARGE_PER_HOST_MAX, WORKERS_MAX
from roundelay.rpc.protocol import BinaryProtocol
from roundelay.rpc.secure_channel import SecureChannel
from roundelay.rpc.secure_peers import SecurePeers
from roundelay.rpc.server import ACCEPT_BACKOFF_S, Limits, PortInUse, Server, _survives_silence
from roundelay.rpc.transport import FRAME_SIZE_MAX, FramedSocket, connect
from roundelay.trust.authority import init
from tests.rpc.structs import BLOB_SPEC, Blob

TIMEOUT_S = 20.0  # generous: nothing here should come near it
SHORT_S = 0.2
PAGE = resource.getpagesize()
GROWTH_MAX = 64 << 20  # bytes
Channels = tuple[SecureChannel, SecureChannel]


class Methods:
    """A service whose methods take a binary and return one; every other method is unknown, as in generated code."""

    def __init__(self, **methods: Callable[[bytes], Any]) -> None:
        self.methods: dict[str, Callable[[bytes], Any]] = {"echo": lambda data: data, **methods}

    def process(self, messages: BinaryProtocol) -> None:
        name, _, seqid = messages.readMessageBegin()
        kind, result = TMessageType.REPLY, Blob()
        if name in self.methods:
            argument = messages.read(Blob, BLOB_SPEC)
            messages.readMessageEnd()
            result.data = self.methods[name](argument.data)
        else:
            messages.skip(TType.STRUCT)
            messages.readMessageEnd()
            kind = TMessageType.EXCEPTION
            result = TApplicationException(TApplicationException.UNKNOWN_METHOD, "unknown")
        messages.writeMessageBegin(name, kind, seqid)
        result.write(messages)
        messages.writeMessageEnd()
        messages.trans.flush()


def call(transport: FramedSocket, data: bytes, name: str = "echo") -> bytes:
    messages = BinaryProtocol(transport)
    messages.writeMessageBegin(name, TMessageType.CALL, 7)
    Blob(data).write(messages)
    transport.flush()
    answered, kind, seqid = messages.readMessageBegin()
    assert (answered, seqid) == (name, 7)
    answer = TApplicationException() if kind == TMessageType.EXCEPTION else Blob()
    answer.read(messages)
    if isinstance(answer, TApplicationException):
        raise answer
    return answer.data


@contextlib.contextmanager
def caller(server: Server, channel: SecureChannel | None = None) -> Iterator[FramedSocket]:
    secure = SecurePeers(channel).secure(server.address) if channel is not None else None
    with contextlib.closing(connect(*server.address, TIMEOUT_S, secure)) as transport:
        yield transport


def is_answered(server: Server, channel: SecureChannel | None = None) -> bool:
    with caller(server, channel) as transport:
        return call(transport, b"well?") == b"well?"


@contextlib.contextmanager
def plain(server: Server, *sent: bytes) -> Iterator[socket.socket]:
    """Open a bare connection that sends these bytes and then stays silent."""
    with socket.create_connection(server.address, TIMEOUT_S) as sock:
        for each in sent:
            with contextlib.suppress(ConnectionError):  # refused before everything was sent
                sock.sendall(each)
        yield sock


def is_closed(sock: socket.socket) -> bool:
    """Wait until the server closes this connection; return whether it sent nothing first."""
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


def until(condition: Callable[[], bool]) -> bool:
    """Wait until the condition holds; return False at the deadline."""
    deadline, pace = time.monotonic() + TIMEOUT_S, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pace.wait(0.005)
    return True


def is_served(sock: socket.socket) -> bool:
    """Return whether one of the server's threads serves this connection."""
    peer = f"port {sock.getsockname()[1]}"
    return any(thread.name.endswith(peer) for thread in threading.enumerate())


def framed(body: bytes) -> bytes:
    return struct.pack("!i", len(body)) + body


def begun(name: str) -> bytes:
    return struct.pack("!iI", -2147418112 | TMessageType.CALL, len(name)) + name.encode() + bytes(4)


def resident() -> int:
    """Return the resident memory in bytes of this process, which includes the server."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Methods(), "127.0.0.1") as running:
        yield running


def test_one_connection_carries_many_calls(server: Server) -> None:
    with caller(server) as transport:
        assert [call(transport, bytes([n])) for n in range(100)] == [bytes([n]) for n in range(100)]


def test_a_mebibyte_is_returned_unchanged(server: Server) -> None:
    data = random.Random(1).randbytes(1 << 20)

    with caller(server) as transport:
        assert call(transport, data) == data


def test_an_unknown_method_is_answered_with_an_exception(server: Server) -> None:
    with caller(server) as transport:
        with pytest.raises(TApplicationException, match="unknown"):
            call(transport, b"", "nonesuch")

        assert call(transport, b"next") == b"next"


@pytest.mark.parametrize("host", ["localhost", "::1", "::", "0.0.0.0"])
def test_the_server_listens_on_names_and_on_ipv4_and_ipv6_addresses(host: str) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with Server(Methods(), host) as running:
        assert running.address[0] == host
        assert running.address[1] > 0
        assert is_answered(running)


def test_a_server_on_localhost_is_reachable_at_127_0_0_1(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"::1": socket.AF_INET6, "127.0.0.1": socket.AF_INET}
    found = [(kind, socket.SOCK_STREAM, 0, "", (address, 0)) for address, kind in kinds.items()]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with Server(Methods(), "localhost") as running, socket.socket() as sock:
        sock.connect(("127.0.0.1", running.address[1]))


def test_the_error_for_a_port_in_use_names_the_address(server: Server) -> None:
    host, port = server.address

    with pytest.raises(PortInUse, match=f"{host}:{port}"):
        Server(Methods(), host, port).start()


def test_70_silent_connections_do_not_keep_the_71st_caller_out() -> None:
    limits = Limits(silent_s=0)  # all are accepted
    with Server(Methods(), "127.0.0.1", limits=limits) as running, contextlib.ExitStack() as stack:
        for _ in range(WORKERS_MAX + 6):
            stack.enter_context(plain(running))

        assert is_answered(running)


def test_more_silent_connections_than_the_kernels_queue_holds_do_not_keep_a_caller_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("roundelay.rpc.server.BACKLOG", 64)
    with Server(Methods(), "127.0.0.1") as running, contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(plain(running))

        assert is_answered(running)


@pytest.mark.parametrize("setting", ["0\n", "", None], ids=["off", "unreadable", "missing"])
def test_without_syn_cookies_silent_connections_are_accepted(
    setting: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full queue in the kernel would keep all callers out."""
    if setting is not None:
        (tmp_path / "cookies").write_text(setting)
    monkeypatch.setattr("roundelay.rpc.server.SYN_COOKIES", tmp_path / "cookies")
    with Server(Methods(), "127.0.0.1") as running, plain(running) as silent:
        assert until(lambda: is_served(silent))


@pytest.mark.skipif(not _survives_silence(), reason="only Linux waits for the first bytes, if SYN cookies are on")
def test_a_connection_takes_no_thread_before_its_first_bytes(server: Server) -> None:
    with plain(server) as late:
        assert is_answered(server)
        assert not is_served(late)

        late.sendall(b"\0")

        assert until(lambda: is_served(late))


def test_a_caller_waits_until_the_half_frame_in_its_way_has_stalled() -> None:
    running = Server(Methods(), "127.0.0.1", limits=Limits(workers_max=1))
    with running, plain(running, struct.pack("!i", 1000) + b"begun") as begun:
        assert until(lambda: any(each.working for each in running._connections))

        assert is_answered(running)

        assert is_closed(begun)


def test_when_full_the_longest_idle_connection_is_closed() -> None:
    running = Server(Methods(), "127.0.0.1", limits=Limits(workers_max=2))
    with running, caller(running) as first, caller(running) as second:
        for transport in (first, second, first):
            call(transport, b"")
            assert until(lambda: not any(each.working for each in running._connections))

        assert is_answered(running)

        assert until(lambda: not second.isOpen())
        assert call(first, b"still here") == b"still here"


def test_a_connection_that_has_its_answer_yields_to_a_new_one_at_once() -> None:
    with Server(Methods(), "127.0.0.1", limits=Limits(workers_max=1)) as running, contextlib.ExitStack() as stack:
        for n in range(100):
            assert call(stack.enter_context(caller(running)), bytes([n])) == bytes([n])


def test_when_all_workers_are_busy_a_new_connection_is_refused_and_they_finish() -> None:
    gate, inside = threading.Event(), threading.Semaphore(0)

    def slow(data: bytes) -> bytes:
        inside.release()
        assert gate.wait(TIMEOUT_S)
        return data

    answers: list[bytes] = []
    with Server(Methods(slow=slow), "127.0.0.1", limits=Limits(workers_max=2)) as running:

        def ask() -> None:
            with caller(running) as transport:
                answers.append(call(transport, b"slow", "slow"))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert all(inside.acquire(timeout=TIMEOUT_S) for _ in threads)

        with plain(running, b"\0") as newcomer:
            assert is_closed(newcomer)
        gate.set()
        for thread in threads:
            thread.join()

        assert answers == [b"slow", b"slow"]
        assert is_answered(running)


class Held:
    """A method that answers none of its calls before `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.calls = 0
        self._lock = threading.Lock()

    def __call__(self, data: bytes) -> bytes:
        with self._lock:
            self.calls += 1
        self.go.wait(TIMEOUT_S)
        return b"done"


def large_call(size_bytes: int) -> bytes:
    """Return the frame of a call of `hold`."""
    argument = bytes([TType.STRING, 0, 1]) + struct.pack("!i", size_bytes) + bytes(size_bytes) + b"\0"
    return framed(begun("hold") + argument)


def test_large_messages_of_strangers_wait_for_those_before_them_and_a_peers_does_not() -> None:
    held, peers, frame = Held(), set[str](), large_call(FRAME_SIZE_MAX - 100)
    parties = LARGE_PER_HOST_MAX // len(frame)
    running = Server(Methods(hold=held), "127.0.0.1", is_known=peers.__contains__)

    with running as server, contextlib.ExitStack() as stack:
        socks = [stack.enter_context(plain(server, frame)) for _ in range(parties)]
        assert until(lambda: held.calls == parties)
        waiting = stack.enter_context(plain(server, frame[: 1 << 16]))
        assert until(lambda: is_served(waiting))
        assert is_answered(server), "small messages do not wait"

        peers.add("127.0.0.1")
        peer = stack.enter_context(plain(server, frame))
        assert until(lambda: held.calls > parties)
        peers.clear()

        held.go.set()
        waiting.sendall(frame[1 << 16 :])
        assert all(sock.recv(1) for sock in (*socks, peer, waiting))


def test_a_large_message_that_waits_too_long_for_memory_is_dropped() -> None:
    held, frame, limits = Held(), large_call(1 << 20), Limits(frame_timeout_s=1.0)
    parties = LARGE_PER_HOST_MAX // len(frame)
    running = Server(Methods(hold=held), "127.0.0.1", limits=limits, is_known=lambda host: False)

    with running as server, contextlib.ExitStack() as stack:
        for _ in range(parties):
            stack.enter_context(plain(server, frame))
        assert until(lambda: held.calls == parties)

        with plain(server, frame) as late:
            assert is_closed(late)
        assert held.calls == parties and is_answered(server)
        held.go.set()


def test_a_call_may_take_longer_than_a_connection_may_be_idle() -> None:
    gate = threading.Event()

    def slow(data: bytes) -> bytes:
        assert gate.wait(TIMEOUT_S)
        return data

    with Server(Methods(slow=slow), "127.0.0.1", limits=Limits(idle_timeout_s=SHORT_S, silent_s=0)) as running:
        answers: list[bytes] = []
        with caller(running) as transport:
            thread = threading.Thread(target=lambda: answers.append(call(transport, b"done", "slow")))
            thread.start()
            with plain(running) as idle:
                assert is_closed(idle)
            gate.set()
            thread.join()

    assert answers == [b"done"]


def test_a_frame_that_arrives_byte_by_byte_is_cut_off() -> None:
    running = Server(Methods(), "127.0.0.1", limits=Limits(frame_timeout_s=SHORT_S))
    with running, plain(running, struct.pack("!i", 1 << 20)) as sock:
        sock.settimeout(0.01)  # the pace

        def is_cut() -> bool:
            try:
                sock.sendall(b"x")
                return sock.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        assert until(is_cut)


def test_the_server_gives_up_an_answer_that_its_caller_does_not_read() -> None:
    limits = Limits(frame_timeout_s=SHORT_S)
    running = Server(Methods(large=lambda _: bytes(1_000_000)), "127.0.0.1", limits=limits)
    with running, plain(running, *[framed(begun("large") + b"\0")] * 50) as sock:
        assert until(lambda: is_served(sock))
        assert until(lambda: not is_served(sock))


LISTS = bytes([TType.LIST, 0, 2])  # the header of a field 2 of lists
BAD_FRAMES = {
    "frame of 2 GiB": struct.pack("!i", 2**31 - 1),
    "frame over the limit": struct.pack("!i", FRAME_SIZE_MAX + 1),
    "negative frame": struct.pack("!i", -1),
    "empty frame": struct.pack("!i", 0),
    "HTTP": b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
    "name of 4 GiB": framed(struct.pack("!iI", -2147418111, 2**32 - 1)),
    **{
        f"{what}, {name} method": framed(begun(method) + arguments)
        for name, method in (("known", "echo"), ("unknown", "nonesuch"))
        for what, arguments in {
            "no arguments": b"",
            "list of 2^31 - 1": LISTS + struct.pack("!bi", TType.BYTE, 2**31 - 1) + bytes(100),
            "map of 2^31 - 1": bytes([TType.MAP, 0, 2, TType.BYTE, TType.BYTE]) + struct.pack("!i", 2**31 - 1),
            "string of 2 GiB": bytes([TType.STRING, 0, 1]) + struct.pack("!i", 2**31 - 1),
            "5,000 lists deep": LISTS + struct.pack("!bi", TType.LIST, 1) * 5000 + bytes(100),
            "5,000 structs deep": bytes([TType.STRUCT, 0, 2]) * 5000 + bytes(5001),
        }.items()
    },
}


@pytest.mark.parametrize("bad", BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_malformed_frame_closes_its_own_connection_only(
    server: Server, caplog: pytest.LogCaptureFixture, bad: bytes
) -> None:
    caplog.set_level(logging.DEBUG, "roundelay.rpc.server")
    with caller(server) as other:
        call(other, b"before")
        with plain(server, bad) as sock:
            assert is_closed(sock)
            peer = f"{sock.getsockname()[0]} port {sock.getsockname()[1]}"

        assert call(other, b"after") == b"after"
    server.stop()  # and with it all threads that may still log
    (record,) = [record for record in caplog.records if peer in record.getMessage()]
    assert record.levelno == logging.DEBUG


def test_a_truncated_frame_blocks_no_other_caller(server: Server) -> None:
    with plain(server, framed(begun("echo") + bytes(100))[:-50]):
        assert is_answered(server)


def test_the_server_still_answers_after_300_random_frames(server: Server) -> None:
    rng = random.Random(300)
    whole = framed(begun("echo") + bytes([TType.STRING, 0, 1, 0, 0, 0, 4]) + b"data\0")

    for sample in range(300):
        noise = bytearray(rng.randbytes(rng.randint(1, 200)) if sample % 2 else whole)
        for _ in range(rng.randint(1, 4)):
            noise[rng.randrange(len(noise))] = rng.randrange(256)
        with plain(server, bytes(noise)) as sock:
            sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while sock.recv(1 << 16):
                    pass

    assert is_answered(server)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("sent", "advice"),
    [
        (b"\x80\x01\0\x01\0\0\0\x04echo\0\0\0\x07\0", "use TFramedTransport"),
        (b"\x82\x21\x07\x04echo\0", "use TFramedTransport"),
        (b"\0\0\0\x09\x82\x21\x07\x04echo\0", "use TBinaryProtocol"),
    ],
)
def test_a_caller_that_speaks_another_kind_of_thrift_is_told_of_in_one_line(
    server: Server, caplog: pytest.LogCaptureFixture, sent: bytes, advice: str
) -> None:
    with socket.create_connection(server.address, TIMEOUT_S) as sock:
        sock.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b"", "the connection is closed"
    server.stop()  # and with it the thread that may still log

    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert advice in record.getMessage()


def test_a_declared_frame_size_takes_no_memory_before_the_bytes_arrive(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        assert is_answered(server)
        before = resident()
        begun_frame = struct.pack("!i", FRAME_SIZE_MAX) + b"begun"
        socks = [stack.enter_context(plain(server, begun_frame)) for _ in range(WORKERS_MAX - 1)]
        assert until(lambda: all(map(is_served, socks)))

        assert is_answered(server)
        assert resident() - before < GROWTH_MAX


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
@pytest.mark.parametrize("element", [TType.LIST, TType.STRUCT, TType.STRING])
def test_a_frame_full_of_empty_elements_takes_no_memory_and_little_time(server: Server, element: int) -> None:
    empty = {TType.LIST: bytes([TType.BYTE, 0, 0, 0, 0]), TType.STRUCT: b"\0", TType.STRING: bytes(4)}[element]
    lists = LISTS + struct.pack("!bi", element, 1 << 16) + empty * (1 << 16)
    arguments = lists * ((FRAME_SIZE_MAX - 1000) // len(lists)) + b"\0"
    before = resident()

    for method in ("echo", "nonesuch"):
        with plain(server, framed(begun(method) + arguments)) as sock:
            assert is_answered(server)
            sock.recv(1)

    assert resident() - before < GROWTH_MAX


@pytest.mark.parametrize(
    ("method", "fault"),
    [("raises", lambda _: [].pop()), ("mistyped", lambda _: 5), ("too_large", lambda _: bytes(FRAME_SIZE_MAX))],
)
def test_an_internal_error_is_answered_and_logged_with_its_traceback(
    caplog: pytest.LogCaptureFixture, method: str, fault: Callable[[bytes], Any]
) -> None:
    with Server(Methods(**{method: fault}), "127.0.0.1") as running, caller(running) as transport:
        with pytest.raises(TApplicationException) as raised:
            call(transport, b"", method)

        assert raised.value.type == TApplicationException.INTERNAL_ERROR
        assert call(transport, b"next") == b"next"
    (record,) = [record for record in caplog.records if record.name == "roundelay.rpc.server"]
    assert record.exc_info


def test_names_from_the_wire_are_escaped_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    name = "x\n2026 ERROR fake \x1b[2J"
    running = Server(Methods(**{name: lambda _: [].pop()}), "127.0.0.1")
    with running, caller(running) as transport, pytest.raises(TApplicationException):
        call(transport, b"", name)

    (record,) = [record for record in caplog.records if record.name == "roundelay.rpc.server"]
    assert record.getMessage().isprintable()


def test_stop_ends_all_threads_and_frees_the_port() -> None:
    before = set(threading.enumerate())
    running = Server(Methods(), "127.0.0.1")
    running.start()
    with plain(running), plain(running, struct.pack("!i", 1000)) as half, caller(running) as transport:
        call(transport, b"")

        running.stop()

        assert is_closed(half)
        assert not transport.isOpen()
    assert until(lambda: set(threading.enumerate()) <= before)
    with Server(Methods(), *running.address) as again:
        assert is_answered(again)


def test_stop_may_be_called_twice_and_before_start() -> None:
    running = Server(Methods(), "127.0.0.1")
    running.stop()

    other = Server(Methods(), "127.0.0.1")
    other.start()
    other.stop()
    other.stop()


def test_stop_ends_even_while_every_connection_is_opening() -> None:
    running = Server(Methods(), "127.0.0.1", limits=Limits(silent_s=0))
    running.start()
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(plain(running)) for _ in range(20)]

        running.stop()

        assert all(map(is_closed, socks))


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> Channels:
    """Return the channels of a server and of a caller that trust each other."""
    authority = init(tmp_path_factory.mktemp("pki") / "authority")
    return (
        SecureChannel(authority.issue("node", "server", ["127.0.0.1"])),
        SecureChannel(authority.issue("submitter", "caller")),
    )


def test_a_silent_handshake_does_not_block_another_tls_caller(channels: Channels) -> None:
    theirs, ours = channels
    data = random.Random(2).randbytes(1 << 20)

    running = Server(Methods(), "127.0.0.1", channel=theirs)
    with running, plain(running), caller(running, ours) as transport:
        assert call(transport, data) == data
        assert call(transport, b"again") == b"again"
        assert transport.isOpen()


def test_70_silent_handshakes_do_not_keep_the_71st_caller_out(channels: Channels) -> None:
    theirs, ours = channels
    with Server(Methods(), "127.0.0.1", channel=theirs) as running, contextlib.ExitStack() as stack:
        for _ in range(WORKERS_MAX + 6):
            stack.enter_context(plain(running))

        assert is_answered(running, ours)


def test_a_silent_or_malformed_handshake_is_cut_off(channels: Channels) -> None:
    theirs, ours = channels
    limits = Limits(handshake_timeout_s=SHORT_S, silent_s=0)
    with Server(Methods(), "127.0.0.1", channel=theirs, limits=limits) as running:
        with plain(running) as silent, plain(running, b"GET / HTTP/1.1\r\n\r\n") as malformed:
            assert is_closed(silent)
            with contextlib.suppress(ConnectionError):
                while malformed.recv(100):  # an alert
                    pass
        assert is_answered(running, ours)


def test_a_caller_of_another_ring_has_no_connection(channels: Channels, tmp_path: Path) -> None:
    theirs, _ = channels
    stranger = SecureChannel(init(tmp_path / "other").issue("node", "stranger"))
    with (
        Server(Methods(), "127.0.0.1", channel=theirs) as running,
        pytest.raises(PeerNotTrusted, match="is it a kit of another ring"),
    ):
        connect(*running.address, TIMEOUT_S, SecurePeers(stranger).secure(running.address))


def test_a_server_without_descriptors_waits_warns_once_and_answers_when_some_are_free() -> None:
    here = Path(__file__)
    path = f"import sys; sys.path[:0] = [{str(here.parent)!r}, {str(here.parents[2])!r}]; "
    child = subprocess.Popen(
        [sys.executable, "-c", path + "import test_server; test_server.serve_without_descriptors()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None and child.stdout is not None
    with child:
        port = int(child.stdout.readline())
        with contextlib.closing(connect("127.0.0.1", port, TIMEOUT_S)) as transport:
            tries, elapsed_s = child.stdout.readline().split()
            child.stdin.write("release\n")
            child.stdin.flush()

            assert call(transport, b"at last") == b"at last"
        warnings = child.communicate()[0].strip()

    assert (int(tries) - 1) * ACCEPT_BACKOFF_S <= float(elapsed_s) * 1.1
    assert warnings == "1"


def serve_without_descriptors() -> None:
    """In the child: serve, take all descriptors, report how often accept is tried, release them, count warnings."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    warnings: list[str] = []

    class Recorder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warnings.append(record.getMessage())

    logging.getLogger("roundelay.rpc.server").addHandler(Recorder())
    times: list[float] = []
    select = selectors.DefaultSelector.select

    def timed_select(*arguments: Any) -> Any:
        times.append(time.monotonic())
        return select(*arguments)

    with Server(Methods(), "127.0.0.1", limits=Limits(silent_s=0)) as running, contextlib.ExitStack() as taken:
        with contextlib.suppress(OSError):
            for _ in itertools.repeat(None, 100):
                taken.enter_context(open("/dev/null"))  # noqa: PTH123
        setattr(selectors.DefaultSelector, "select", timed_select)  # noqa: B010 - mypy does not let a method be replaced
        print(running.address[1], flush=True)
        assert until(lambda: len(times) >= 5)
        print(len(times), times[-1] - times[0], flush=True)
        sys.stdin.readline()
        taken.close()
        sys.stdin.read()
    print(len(warnings), flush=True)
