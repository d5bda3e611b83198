"""client.py ping: who is ready is told in a line; who is not yet, or is not there, is code 69."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from roundelay.chord.errors import NotYet
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, Hello, Members, SayHello
from roundelay.chord.ring import Ring
from roundelay.rpc.handlers import compute_node_processor, supernode_processor
from roundelay.rpc.server import Server
from roundelay.store.items import Find
from tests.processes import client_here

RING = Ring(bits=8, successors=2, replicas=1)


class Process:
    """A node that answers from here; what it is about can be changed."""

    def __init__(self) -> None:
        self.joined = self.settled = True
        self.server = Server(compute_node_processor(lambda: self.me, self.answer), "127.0.0.1")
        self.server.start()
        self.address = Address(*self.server.address)
        self.me = NodeRef(7, *self.server.address)

    def answer(self, request: Any) -> Any:
        if isinstance(request, SayHello):
            return Hello(self.me, RING, self.joined)
        assert isinstance(request, Find)
        assert request.key == self.me.id
        if not self.settled:
            raise NotYet("what this node owns is still being handed over to it")
        return ()


@pytest.fixture
def node() -> Iterator[Process]:
    made = Process()
    yield made
    made.server.stop()


def test_a_node_that_has_joined_and_been_handed_over_to_serves(node: Process) -> None:
    for words in ([str(node.address)], ["--port", str(node.address.port)]):
        outcome = client_here("ping", *words)

        assert (outcome.code, outcome.out) == (0, f"node 7 at {node.address}: joined, and serving what it owns\n")


def test_a_node_that_has_not_joined_does_not_serve_yet(node: Process) -> None:
    node.joined = False

    outcome = client_here("ping", str(node.address))

    assert (outcome.code, outcome.out) == (69, "")
    assert outcome.err == f"{node.address} is not serving: it has not joined the ring yet\n"


def test_a_node_whose_hand_over_is_going_on_does_not_serve_yet(node: Process) -> None:
    node.settled = False

    outcome = client_here("ping", str(node.address))

    assert outcome.code == 69
    assert "still being handed over" in outcome.err


def test_the_port_may_be_configured_as_that_of_the_process_is(node: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUNDELAY_PORT", str(node.address.port))

    assert client_here("ping").code == 0


def test_a_supernode_says_how_many_nodes_it_knows(node: Process) -> None:
    def answer(request: Any) -> Members:
        assert isinstance(request, GetMembers)
        return Members(RING, (node.me,))

    server = Server(supernode_processor(answer), "127.0.0.1")
    server.start()
    try:
        address = Address(*server.address)

        assert client_here("ping", str(address)).out == f"supernode at {address}: 1 node\n"
        assert client_here("ping", "--supernode", str(address)).out.startswith(f"node 7 at {node.address}")
    finally:
        server.stop()


def test_where_nobody_is_nobody_serves(node: Process) -> None:
    node.server.stop()

    outcome = client_here("ping", str(node.address))

    assert outcome.code == 69
    assert outcome.err.startswith(f"{node.address} is not serving: ")
    assert outcome.err.count("\n") == 1
