"""Frames over TLS: whatever the pieces in which records arrive, frames are the same as over a plain connection."""

from __future__ import annotations

import itertools
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thrift.transport.TTransport import TTransportException

from roundelay.rpc.secure_channel import SecureChannel
from roundelay.rpc.secure_socket import RECORD_BYTES, SEALED_BYTES, SecureSocket
from roundelay.rpc.transport import BUFFER_SIZE_MIN, FRAME_SIZE_MAX, READ_AHEAD
from roundelay.testing.kits import Kits
from tests.hypothesis_profiles import machine
from tests.rpc.test_transport import Pieces, fails_with, framed

TIMEOUT_S = 20.0
SIZES = (
    *(1, RECORD_BYTES - 4, RECORD_BYTES, READ_AHEAD + 1, SEALED_BYTES, BUFFER_SIZE_MIN, BUFFER_SIZE_MIN + 1),
    *(3 * BUFFER_SIZE_MIN + 5, FRAME_SIZE_MAX),
)


class Pipe:
    """A socket whose bytes are handed over by the test."""

    def __init__(self) -> None:
        self.sent = b""

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def taken(self) -> bytes:
        taken, self.sent = self.sent, b""
        return taken

    def gettimeout(self) -> None:
        return None

    def setsockopt(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


class Ends:
    """Both ends of a connection that has shaken hands; nothing moves by itself."""

    def __init__(self, server: SecureChannel, client: SecureChannel) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
        with ours, theirs:
            found: list[SecureSocket] = []
            thread = threading.Thread(target=lambda: found.append(server.accept(theirs, TIMEOUT_S, TIMEOUT_S)[0]))
            thread.start()
            self.client = client.connect(ours, ("127.0.0.1", 1), TIMEOUT_S, TIMEOUT_S)
            self.client.write(b"hello")
            self.client.flush()
            thread.join()
            (self.server,) = found
            assert self.server.wait(TIMEOUT_S)
            self.server.receive()
        self.pipe = Pipe()
        self.client._sock = self.pipe  # type: ignore[assignment]

    def records(self, *frames: bytes) -> bytes:
        """Return what the client sends."""
        for frame in frames:
            self.client.write(frame)
            self.client.flush()
        return self.pipe.taken()

    def arrive(self, *pieces: bytes) -> None:
        sock: Any = Pieces(*pieces)
        self.server._sock = sock

    def frame(self) -> bytes:
        assert self.server.wait(TIMEOUT_S)
        self.server.receive()
        return bytes(self.server.frame().getvalue())


@pytest.fixture(scope="module")
def channels(tmp_path_factory: pytest.TempPathFactory) -> tuple[SecureChannel, SecureChannel]:
    kits = Kits(tmp_path_factory.mktemp("kits") / "authority")
    return SecureChannel(kits.issue("node", "n")), SecureChannel(kits.issue("viewer", "v"))


@pytest.fixture(scope="module")
def ends(channels: tuple[SecureChannel, SecureChannel]) -> Iterator[Ends]:
    """Ends that every test leaves in step."""
    yield Ends(*channels)


@machine(examples=40, steps=1)
@given(
    st.lists(st.one_of(st.integers(1, 99), st.sampled_from(SIZES)), min_size=1, max_size=3),
    st.lists(st.integers(1, 3 * SEALED_BYTES), max_size=6),
    st.integers(0, 99),
)
def test_frames_arrive_whatever_the_pieces_of_their_records(
    ends: Ends, sizes: list[int], cuts: list[int], seed: int
) -> None:
    frames = [random.Random(seed).randbytes(size) for size in sizes]
    data = ends.records(*frames)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    ends.arrive(*(data[a:b] for a, b in itertools.pairwise(places)))

    assert [ends.frame() for _ in frames] == frames
    assert not ends.server.wait(TIMEOUT_S), "the peer has closed the connection"


def test_a_small_message_is_sent_and_received_by_one_system_call(ends: Ends) -> None:
    data = ends.records(b"small")
    ends.arrive(data)

    assert ends.frame() == b"small"
    assert data[:3] == b"\x17\x03\x03"
    assert len(data) == len(framed(b"small")) + 5 + 17, "one record: its header and its seal"


def test_a_connection_with_bytes_after_its_frame_is_not_open(channels: tuple[SecureChannel, SecureChannel]) -> None:
    ends = Ends(*channels)
    ends.arrive(ends.records(bytes(BUFFER_SIZE_MIN), b"stray"))
    ends.frame()

    assert not ends.server.isOpen()


@pytest.mark.parametrize("attack", ["changed", "replayed", "left out"])
def test_a_record_that_is_changed_replayed_or_left_out_ends_the_connection(
    channels: tuple[SecureChannel, SecureChannel], attack: str
) -> None:
    ends = Ends(*channels)
    first, second = ends.records(b"first"), ends.records(b"second")
    received = {"changed": [first[:-1] + bytes([first[-1] ^ 1])], "replayed": [first, first], "left out": [second]}
    ends.arrive(*received[attack])
    if attack == "replayed":
        assert ends.frame() == b"first"

    assert not ends.server.wait(TIMEOUT_S)


def test_a_record_that_is_changed_within_a_frame_is_an_error(channels: tuple[SecureChannel, SecureChannel]) -> None:
    ends = Ends(*channels)
    data = ends.records(bytes(FRAME_SIZE_MAX))
    ends.arrive(data[:READ_AHEAD], data[READ_AHEAD:-1], b"?")
    assert ends.server.wait(TIMEOUT_S)

    with fails_with(TTransportException.END_OF_FILE):
        ends.server.receive()
