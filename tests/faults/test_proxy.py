"""The proxy injects the faults that it is given, and no others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from roundelay.testing.proxy import Faults, Proxy, proxy

TIMEOUT_S = 20.0
SHORT_S = 0.3  # to see that nothing comes


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """An echo server."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while piece := connection.recv(1 << 16):
                connection.sendall(piece)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(TIMEOUT_S)


@pytest.fixture
def way(echo: tuple[str, int]) -> Iterator[Proxy]:
    with proxy(echo) as made:
        yield made


def call(echo: tuple[str, int]) -> socket.socket:
    return socket.create_connection(("127.0.0.2", echo[1]), TIMEOUT_S)


def there_and_back(connection: socket.socket, content: bytes) -> bytes:
    connection.sendall(content)
    back = bytearray()
    while len(back) < len(content) and (piece := connection.recv(1 << 16)):
        back += piece
    return bytes(back)


@pytest.mark.parametrize("faults", [Faults(), Faults(latency_s=0.01, jitter_s=0.01), Faults(slice_bytes=7)])
def test_traffic_passes_complete_and_in_order(echo: tuple[str, int], way: Proxy, faults: Faults) -> None:
    way.faults = faults
    content = bytes(range(256)) * 40

    with call(echo) as connection:
        assert there_and_back(connection, content) == content


@pytest.mark.parametrize("faults", [Faults(swallow_requests=True), Faults(swallow_answers=True), Faults(loss=1.0)])
def test_dropped_traffic_is_silence_and_not_an_end_of_stream(echo: tuple[str, int], way: Proxy, faults: Faults) -> None:
    way.faults = faults

    with call(echo) as connection:
        connection.settimeout(SHORT_S)
        with pytest.raises(TimeoutError):
            there_and_back(connection, b"hello")


def test_a_reset_reaches_the_client_as_a_reset(echo: tuple[str, int], way: Proxy) -> None:
    way.faults = Faults(reset=1.0)

    with call(echo) as connection, pytest.raises(ConnectionResetError):
        there_and_back(connection, b"hello")


def test_refused_connections_end_at_once(echo: tuple[str, int], way: Proxy) -> None:
    way.faults = Faults(refuse=True)

    with pytest.raises(ConnectionError), call(echo) as connection:
        assert there_and_back(connection, b"hello") == b"hello"


def test_break_all_resets_open_connections_and_no_later_ones(echo: tuple[str, int], way: Proxy) -> None:
    with call(echo) as connection:
        assert there_and_back(connection, b"before") == b"before"
        way.break_all()
        with suppress(ConnectionError):
            assert there_and_back(connection, b"after") == b""

    with call(echo) as connection:
        assert there_and_back(connection, b"again") == b"again"


def test_the_proxy_ends_with_its_block(echo: tuple[str, int]) -> None:
    with proxy(echo), call(echo) as connection:
        assert there_and_back(connection, b"hello") == b"hello"

    with pytest.raises(ConnectionError):
        call(echo)
    assert not [thread for thread in threading.enumerate() if thread.name == "proxy"]
