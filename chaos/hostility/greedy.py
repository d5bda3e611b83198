"""Connections that take a server's threads: they drip, never read, wait, or say nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from chaos.hostility.golden import golden_of
from roundelay.chord.refs import Address, NodeRef
from roundelay.federation.requests import Collect
from roundelay.store.items import Read

CONNECT_TIMEOUT_S = 2.0
DRIP_EVERY_S = 0.5
READS = 64  # of a large content, whose answers nobody takes

Act = Callable[[socket.socket], None]  # what one connection does; it may return at once, or raise OSError


@contextmanager
def connections(address: Address, count: int, act: Act, again: bool = False) -> Iterator[None]:
    """Keep `count` connections open while the block runs, each of which does `act`; `again`: reconnect if closed."""
    ended = threading.Event()

    def one() -> None:
        while not ended.is_set():
            with suppress(OSError), socket.create_connection((address.host, address.port), CONNECT_TIMEOUT_S) as sock:
                act(sock)
                sock.settimeout(0.2)
                while not ended.is_set():
                    try:
                        if not sock.recv(1, socket.MSG_PEEK):
                            break  # the server has hung up
                    except TimeoutError:
                        act(sock) if act is drip else None
                    else:
                        ended.wait(0.2)  # an answer that stays where it is
            if not again:
                ended.wait()

    threads = [threading.Thread(target=one, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def drip(sock: socket.socket) -> None:
    """Send one byte of a frame of 1 MiB."""
    sock.sendall(b"\x00")
    time.sleep(DRIP_EVERY_S)


def say_nothing(sock: socket.socket) -> None:
    """Send nothing."""


def never_read(node: NodeRef, digest: str) -> Act:
    """Return an act that asks for more than the buffers hold, and takes none of it."""
    frame = golden_of(node, Read(digest, 0, 1 << 20)).frame()

    def act(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(frame * READS)

    return act


def wait_for_ticket(node: NodeRef, ticket: str) -> Act:
    """Return an act that polls an order for as long as a node holds a poll."""
    frame = golden_of(node, Collect(ticket, 5.0)).frame()
    return lambda sock: sock.sendall(frame * READS)
