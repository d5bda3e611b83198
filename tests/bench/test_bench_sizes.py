"""The simulator counts as many bytes as a socket carries."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

import pytest

from bench.wire_sizes import WireSizes
from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import ChordError, NodeUnreachable, NotFound, WrongIncarnation
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours, SayHello
from roundelay.federation.requests import Collect
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import Server
from roundelay.store.items import Entry, Find, Item, Parcel, Put, Receipt, Write

DIGEST = "ab" * 32
ITEM = Item(Entry(7, "name", DIGEST, 5), 1)
ME = NodeRef(1, "127.0.0.1", 1, 1)


class Tap:
    """A forwarder in front of a server that counts the bytes of one connection in both directions."""

    def __init__(self, behind: tuple[str, int]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.bytes = [0, 0]  # there, back
        self._server = socket.create_connection(behind)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        self._caller, _ = self._listener.accept()
        there = threading.Thread(target=self._carry, args=(self._caller, self._server, 0), daemon=True)
        there.start()
        self._carry(self._server, self._caller, 1)
        there.join()

    def _carry(self, source: socket.socket, to: socket.socket, way: int) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.bytes[way] += len(data)
                to.sendall(data)

    def close(self) -> None:
        for end in (self._server, self._caller):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for end in (self._server, self._caller, self._listener):
            end.close()


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (Write(DIGEST, 100_000, 0, bytes(100_000)), Receipt(True, 100_000)),
        (Put((Parcel(ITEM, bytes(ITEM.entry.size_bytes)), Parcel(ITEM)), True), (Receipt(True, 7), Receipt(False, 3))),
        (Find(7), (ITEM, ITEM)),
        (Find(7), ()),
        (Collect("ticket", 1.0), NotFound("no order here")),
        (GetNeighbours(), WrongIncarnation(ME)),
    ],
)
def test_a_request_and_its_reply_have_as_many_bytes_as_a_socket_carries(asked: Request[Any], reply: Any) -> None:
    def answer(_: Request[Any]) -> Any:
        if isinstance(reply, ChordError):
            raise reply
        return reply

    with Server(compute_node_processor(lambda: ME, answer), "127.0.0.1", 0) as server:
        tap, peers = Tap(server.address), Peers()
        ask = Ask(NodeRef(1, "127.0.0.1", tap.port, 1), asked, 10.0)
        with suppress(NotFound, WrongIncarnation):
            peers.ask(ask)
        peers.close()
        tap.close()

    assert [WireSizes().question(ask), WireSizes().answer(ask, reply)] == tap.bytes


def test_an_error_that_no_reply_carries_has_no_bytes() -> None:
    assert WireSizes().answer(Ask(ME.address, SayHello()), NodeUnreachable("refused")) == 0
