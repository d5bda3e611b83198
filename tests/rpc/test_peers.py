"""Tests of Peers: a stale connection costs one retry, silence ends at the deadline, every failure has its type."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from roundelay.chord import requests
from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import Malformed, NodeUnreachable, NotYet, PeerFault
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetNeighbours, Hop, Neighbourhood, Nudge
from roundelay.chord.round_trips import INITIAL_S
from roundelay.node.runtime import Runtime
from roundelay.rpc import peers as peers_module
from roundelay.rpc.gen import ttypes
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.lines import CONNECTIONS_PER_PEER_MAX
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import Server
from roundelay.rpc.transport import FRAME_SIZE_MAX
from roundelay.rpc.transport import connect as real_connect
from roundelay.store.blobs import digest_of
from roundelay.store.items import PIECE_BYTES, Read, Write
from roundelay.store.transfer import PIECES_IN_FLIGHT, fetch_from

PATIENCE_S = 20.0  # generous: nothing that works comes near it
SHORT_S = 0.2


class Gate:
    """A proxy in front of a server that forwards frames and closes a connection at a chosen frame."""

    def __init__(self, behind: tuple[str, int]) -> None:
        self._behind = behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.close_at: list[int] = []  # of each next connection: the number of the frame that it does not live to
        self.connections = 0
        self._open = ExitStack()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self._open.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            frames = self.close_at.pop(0) if self.close_at else 1 << 30
            self._open.enter_context(caller)
            threading.Thread(target=self._carry, args=(caller, frames), daemon=True).start()

    def _carry(self, caller: socket.socket, frames: int) -> None:
        with caller, socket.create_connection(self._behind) as server:
            for number in range(1, frames + 1):
                frame = receive_frame(caller)
                if not frame or number == frames:
                    return
                server.sendall(frame)
                caller.sendall(receive_frame(server))


def receive_frame(sock: socket.socket) -> bytes:
    """Receive one frame with its length; return no bytes at end of file."""
    frame, size = b"", 4
    while len(frame) < size:
        try:
            more = sock.recv(size - len(frame))
        except OSError:
            return b""
        if not more:
            return b""
        frame += more
        if len(frame) == 4:
            size = 4 + struct.unpack("!i", frame)[0]
    return frame


class Node:
    """A compute node whose answers come from a function."""

    def __init__(self, answer: Callable[[Request[Any]], Any]) -> None:
        self.ref = NodeRef(7, "127.0.0.1", 0)
        self.server = Server(compute_node_processor(lambda: self.ref, answer), "127.0.0.1")
        self.server.start()
        self.ref = NodeRef(7, *self.server.address)

    def at(self, port: int) -> NodeRef:
        return NodeRef(self.ref.id, self.ref.host, port, self.ref.incarnation)


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def peers(opened: ExitStack) -> Peers:
    made = Peers()
    opened.callback(made.close)
    return made


def start(opened: ExitStack, answer: Callable[[Request[Any]], Any] = lambda _: None) -> Node:
    node = Node(answer)
    opened.callback(node.server.stop)
    return node


def gate_before(opened: ExitStack, node: Node) -> Gate:
    gate = Gate(node.server.address)
    opened.callback(gate.close)
    return gate


def nudge(peers: Peers, node: NodeRef, timeout_s: float = PATIENCE_S) -> None:
    peers.ask(Ask(node, Nudge(), timeout_s))


# --- connections


def test_the_pieces_of_a_content_go_over_connections_that_are_kept(opened: ExitStack, peers: Peers) -> None:
    content = bytes(range(256)) * (2 * PIECES_IN_FLIGHT * PIECE_BYTES // 256)
    all_are_asked_for = threading.Barrier(PIECES_IN_FLIGHT)

    def answer(request: Request[Any]) -> bytes:
        assert isinstance(request, Read)
        all_are_asked_for.wait(PATIENCE_S)
        return content[request.offset : request.offset + request.length]

    node = start(opened, answer)
    gate = gate_before(opened, node)

    for _ in range(3):
        assert Runtime(peers).run(fetch_from(node.at(gate.port), digest_of(content), len(content))) == content

    assert gate.connections == PIECES_IN_FLIGHT


def test_one_connection_serves_many_calls(opened: ExitStack, peers: Peers) -> None:
    node = start(opened)
    gate = gate_before(opened, node)

    for _ in range(20):
        nudge(peers, node.at(gate.port))

    assert gate.connections == 1


def test_a_call_on_a_pooled_connection_that_closes_is_retried_once(opened: ExitStack, peers: Peers) -> None:
    node = start(opened)
    gate = gate_before(opened, node)
    gate.close_at = [2]
    nudge(peers, node.at(gate.port))

    nudge(peers, node.at(gate.port))

    assert gate.connections == 2


def test_a_call_is_not_retried_twice(opened: ExitStack, peers: Peers) -> None:
    node = start(opened)
    gate = gate_before(opened, node)
    gate.close_at = [2, 1]
    nudge(peers, node.at(gate.port))

    with pytest.raises(NodeUnreachable, match="closed the connection"):
        nudge(peers, node.at(gate.port))

    assert gate.connections == 2


def test_a_fresh_connection_that_closes_is_not_retried(opened: ExitStack, peers: Peers) -> None:
    node = start(opened)
    gate = gate_before(opened, node)
    gate.close_at = [1]

    with pytest.raises(NodeUnreachable):
        nudge(peers, node.at(gate.port))

    assert gate.connections == 1


def test_a_connection_that_closed_while_idle_is_not_reused(opened: ExitStack, peers: Peers) -> None:
    first = start(opened)
    nudge(peers, first.ref)
    first.server.stop()
    second = Server(compute_node_processor(lambda: first.ref, lambda _: None), first.ref.host, first.ref.port)
    second.start()
    opened.callback(second.stop)

    nudge(peers, first.ref)


def test_a_retry_gets_only_the_time_that_remains(
    opened: ExitStack, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start(opened)
    gate = gate_before(opened, node)
    gate.close_at = [2]
    nudge(peers, node.at(gate.port))
    granted: list[float] = []

    def connect(host: str, port: int, timeout_s: float, _: object) -> Any:
        granted.append(timeout_s)
        return real_connect(host, port, timeout_s)

    monkeypatch.setattr(peers_module, "connect", connect)
    monkeypatch.setattr(peers_module, "CONNECT_TIMEOUT_S", 2 * PATIENCE_S)

    nudge(peers, node.at(gate.port), PATIENCE_S)

    assert len(granted) == 1
    assert granted[0] < PATIENCE_S + INITIAL_S


def test_the_pool_keeps_a_bounded_number_of_idle_connections_to_a_peer(opened: ExitStack, peers: Peers) -> None:
    crowd = CONNECTIONS_PER_PEER_MAX + 3
    all_are_in = threading.Barrier(crowd, timeout=PATIENCE_S)
    node = start(opened, lambda _: all_are_in.wait() and None)
    gate = gate_before(opened, node)
    with ThreadPoolExecutor(crowd) as many:
        list(many.map(lambda _: nudge(peers, node.at(gate.port)), range(crowd)))
    assert gate.connections == crowd

    with ThreadPoolExecutor(crowd) as many:
        list(many.map(lambda _: nudge(peers, node.at(gate.port)), range(crowd)))

    assert gate.connections == 2 * crowd - CONNECTIONS_PER_PEER_MAX


# --- in line


def test_several_small_requests_share_one_connection_and_are_answered_in_order(opened: ExitStack, peers: Peers) -> None:
    def answer(request: Request[Any]) -> Any:
        if isinstance(request, requests.NextHop) and request.key == 1:
            raise NotYet("not joined")
        return Hop(True, (NodeRef(request.key, "owner", 1),)) if isinstance(request, requests.NextHop) else None

    node = start(opened, answer)
    gate = gate_before(opened, node)

    outcomes = peers.ask_in_line([Ask(node.at(gate.port), requests.NextHop(key)) for key in range(4)])

    assert gate.connections == 1
    assert isinstance(outcomes[1], NotYet)
    assert [outcomes[key].nodes[0].id for key in (0, 2, 3)] == [0, 2, 3]


def test_requests_in_line_are_sent_before_the_first_is_answered(opened: ExitStack, peers: Peers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as aside:
        node = NodeRef(7, *listener.getsockname())
        asked = aside.submit(peers.ask_in_line, [Ask(node, Nudge(), PATIENCE_S) for _ in range(3)])
        with listener.accept()[0] as peer:
            frames = [receive_frame(peer) for _ in range(3)]
            assert all(b"nudge" in frame for frame in frames)

        assert all(isinstance(outcome, NodeUnreachable) for outcome in asked.result())


def test_requests_in_line_are_sent_again_if_the_connection_was_closed_while_idle(
    opened: ExitStack, peers: Peers
) -> None:
    node = start(opened)
    gate = gate_before(opened, node)
    gate.close_at = [2]
    nudge(peers, node.at(gate.port))

    assert peers.ask_in_line([Ask(node.at(gate.port), Nudge()) for _ in range(3)]) == [None] * 3
    assert gate.connections == 2


def test_requests_in_line_to_a_peer_that_is_away_are_all_unreachable(peers: Peers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        away = NodeRef(7, *taken.getsockname())

    outcomes = peers.ask_in_line([Ask(away, Nudge()) for _ in range(2)])

    assert all(isinstance(outcome, NodeUnreachable) for outcome in outcomes)


# --- failures


def test_a_port_without_a_listener_is_unreachable(peers: Peers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(NodeUnreachable, match=f"^127.0.0.1:{port} does not answer: Connection refused$"):
        nudge(peers, NodeRef(7, "127.0.0.1", port))


def test_an_unknown_host_is_unreachable(peers: Peers) -> None:
    with pytest.raises(NodeUnreachable):
        nudge(peers, NodeRef(7, "no.such.host.invalid", 1))


def test_a_peer_that_never_answers_is_unreachable(opened: ExitStack, peers: Peers) -> None:
    released = threading.Event()
    node = start(opened, lambda _: released.wait(PATIENCE_S) and None)
    opened.callback(released.set)

    with pytest.raises(NodeUnreachable, match=r"did not answer within 1\.2 s"):
        nudge(peers, node.ref, SHORT_S)


def test_a_late_answer_is_not_taken_for_the_answer_to_the_next_call(opened: ExitStack, peers: Peers) -> None:
    released = threading.Event()
    late, present = NodeRef(1, "late", 1), NodeRef(2, "present", 1)

    def answer(request: Request[Any]) -> Any:
        if isinstance(request, GetNeighbours) and not released.is_set():
            released.wait(PATIENCE_S)
            return Neighbourhood(late, (late,))
        return Neighbourhood(present, (present,))

    node = start(opened, answer)
    with pytest.raises(NodeUnreachable):
        peers.ask(Ask(node.ref, GetNeighbours(), SHORT_S))
    released.set()

    assert peers.ask(Ask(node.ref, GetNeighbours(), PATIENCE_S)).predecessor == present


@pytest.mark.parametrize(
    "answer",
    [
        b"\0\0\0\x02ok",
        b"\xff\xff\xff\xff",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\x10" + bytes(16),
        struct.pack("!i", FRAME_SIZE_MAX + 1),
    ],
)
def test_bytes_that_are_not_an_answer_are_a_peer_fault(answer: bytes, opened: ExitStack, peers: Peers) -> None:
    listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))

    def answer_anything() -> None:
        with listener.accept()[0] as caller:
            receive_frame(caller)
            caller.sendall(answer)
            caller.recv(1)

    threading.Thread(target=answer_anything, daemon=True).start()

    with pytest.raises(PeerFault, match="malformed answer"):
        nudge(peers, NodeRef(7, *listener.getsockname()))


def test_an_answer_with_invalid_values_is_a_peer_fault(
    opened: ExitStack, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    invalid = ttypes.Neighbourhood(ttypes.Node(b"short", "h", 1, 1), [])
    me = NodeRef(1, "h", 1)
    node = start(opened, lambda _: Neighbourhood(me, (me,)))
    monkeypatch.setattr(node.server._processor, "serve", lambda *_: invalid)

    with pytest.raises(PeerFault, match="malformed answer: neighbourhood"):
        peers.ask(Ask(node.ref, GetNeighbours(), PATIENCE_S))


def test_an_answer_without_a_required_field_is_a_peer_fault(
    opened: ExitStack, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start(opened)
    monkeypatch.setattr(node.server._processor, "serve", lambda *_: ttypes.Neighbourhood())

    with pytest.raises(PeerFault, match="predecessor"):
        peers.ask(Ask(node.ref, GetNeighbours(), PATIENCE_S))


def test_an_oversized_message_is_malformed_and_the_next_call_succeeds(opened: ExitStack, peers: Peers) -> None:
    node = start(opened)
    too_large = Write("00" * 32, FRAME_SIZE_MAX + 1, 0, bytes(FRAME_SIZE_MAX + 1))

    with pytest.raises(Malformed):
        peers.ask(Ask(node.ref, too_large, PATIENCE_S))

    nudge(peers, node.ref)


def test_a_process_without_an_identity_answers_not_yet(opened: ExitStack, peers: Peers) -> None:
    def no_identity() -> NodeRef:
        raise NotYet("not been admitted yet")

    server = Server(compute_node_processor(no_identity, lambda _: None), "127.0.0.1")
    server.start()
    opened.callback(server.stop)

    with pytest.raises(NotYet, match="admitted"):
        nudge(peers, NodeRef(7, *server.address))


def test_hello_needs_no_identity_of_its_receiver(opened: ExitStack, peers: Peers) -> None:
    def answer(request: Request[Any]) -> Any:
        raise NotYet(type(request).__name__)

    node = start(opened, answer)

    with pytest.raises(NotYet, match="SayHello"):
        peers.ask(Ask(Address(*node.server.address), requests.SayHello(), PATIENCE_S))


def test_the_round_trip_is_measured_by_requests_that_are_answered_from_memory(opened: ExitStack, peers: Peers) -> None:
    node = start(opened)
    place = node.ref.host, node.ref.port
    assert peers.allowance_s(place) == INITIAL_S and peers.round_trip_s(node.ref.address) is None

    nudge(peers, node.ref)

    measured = peers.round_trip_s(node.ref.address)
    assert measured is not None and measured > 0
    assert peers.allowance_s(place) > measured


def test_a_timeout_doubles_what_the_network_is_allowed_and_a_refusal_does_not(opened: ExitStack, peers: Peers) -> None:
    released = threading.Event()
    node = start(opened, lambda _: released.wait(PATIENCE_S) and None)
    opened.callback(released.set)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    for target in (node.ref, NodeRef(7, "127.0.0.1", port)):
        with pytest.raises(NodeUnreachable):
            nudge(peers, target, 0.01)

    assert peers.allowance_s((node.ref.host, node.ref.port)) == 2 * INITIAL_S
    assert peers.allowance_s(("127.0.0.1", port)) == INITIAL_S
