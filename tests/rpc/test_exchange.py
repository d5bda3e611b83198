"""Every call is measured on both sides: its outcome, and the bytes of its frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from roundelay.chord.effects import Ask, Request
from roundelay.chord.errors import NodeUnreachable, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Nudge
from roundelay.rpc.exchange import MeasuredCall
from roundelay.rpc.handlers import compute_node_processor
from roundelay.rpc.method import message_begin
from roundelay.rpc.peers import Peers
from roundelay.rpc.server import Server
from roundelay.rpc.transport import HEADER, connect
from roundelay.store.items import Read

CONTENT = bytes(1 << 20)
DIGEST = 64 * "a"
MISSING = Read(64 * "b", 0, 1)


class Watched:
    """A node that answers `Read` with CONTENT and has not what is MISSING, and its caller; all calls are kept."""

    def __init__(self) -> None:
        self.sent: list[MeasuredCall] = []
        self.served: list[MeasuredCall] = []
        self.peers = Peers()
        self.peers.observe = self.sent.append
        self.node = NodeRef(7, "127.0.0.1", 0, 3)
        processor = compute_node_processor(lambda: self.node, self._answer)
        processor.observe = self.served.append
        self.server = Server(processor, "127.0.0.1")

    def start(self) -> None:
        self.server.start()
        self.node = NodeRef(self.node.id, *self.server.address, self.node.incarnation)

    def stop(self) -> None:
        """Close both; the server has then told of every call."""
        self.peers.close()
        self.server.stop()

    def ask(self, request: Request[Any]) -> Ask:
        return Ask(self.node, request, timeout_s=20.0)

    def _answer(self, request: Request[Any]) -> Any:
        if request == MISSING:
            raise NotFound("no such content")
        return CONTENT if isinstance(request, Read) else None


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    made.start()
    yield made
    made.stop()


def of_both(watched: Watched) -> list[tuple[MeasuredCall, MeasuredCall]]:
    """Return the calls as both sides saw them, once the server has ended."""
    watched.stop()
    return list(zip(watched.sent, watched.served, strict=True))


def test_both_sides_count_the_same_bytes(watched: Watched) -> None:
    watched.peers.ask(watched.ask(Read(DIGEST, 0, len(CONTENT))))
    watched.peers.ask(watched.ask(Nudge()))

    (read, served), (nudge, _) = both = of_both(watched)
    assert all((sent.sent_bytes, sent.received_bytes) == (s.received_bytes, s.sent_bytes) for sent, s in both)
    assert (read.side, served.side, read.method, read.outcome) == ("sent", "served", "read", "ok")
    assert len(CONTENT) < read.received_bytes < len(CONTENT) + 100 and 0 < read.sent_bytes < 200
    assert 0 < nudge.received_bytes < 100


def test_an_error_that_is_answered_is_the_outcome_on_both_sides(watched: Watched) -> None:
    with pytest.raises(NotFound):
        watched.peers.ask(watched.ask(MISSING))

    ((sent, served),) = of_both(watched)
    assert sent.outcome == served.outcome == "NotFound"
    assert sent.received_bytes == served.sent_bytes > 0


def test_calls_in_one_line_are_measured_one_by_one(watched: Watched) -> None:
    watched.peers.ask_in_line([watched.ask(each) for each in (Nudge(), MISSING, Nudge())])

    both = of_both(watched)
    assert [sent.outcome for sent, _ in both] == ["ok", "NotFound", "ok"]
    assert all((sent.sent_bytes, sent.received_bytes) == (s.received_bytes, s.sent_bytes) for sent, s in both)


@pytest.mark.parametrize(
    "ask", [lambda w, a: w.peers.ask(a), lambda w, a: w.peers.ask_in_line([a, a])], ids=["one", "line"]
)
def test_a_call_to_a_process_that_is_gone_has_failed(watched: Watched, ask: Callable[[Watched, Ask], Any]) -> None:
    watched.server.stop()
    try:
        outcomes = ask(watched, watched.ask(Nudge()))
        assert all(isinstance(each, NodeUnreachable) for each in outcomes)
    except NodeUnreachable:
        pass

    assert Counter((each.outcome, each.received_bytes) for each in watched.sent).keys() == {("NodeUnreachable", 0)}


def test_an_unknown_method_is_counted_without_its_name(watched: Watched) -> None:
    stranger = connect(*watched.server.address, 20.0)
    stranger.write(message_begin("rubbish", 1) + b"\0")
    stranger.flush()
    stranger.receive()
    stranger.close()

    watched.stop()
    (served,) = watched.served
    assert served.method == "unknown" and served.received_bytes == HEADER.size + len(message_begin("rubbish", 1)) + 1
