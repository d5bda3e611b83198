"""Tests of the pool of connections: which of the idle ones the next call gets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from roundelay.rpc.lines import (
    CONNECTIONS_MAX,
    CONNECTIONS_PER_PEER_MAX,
    CONNECTIONS_PER_RELAY_MAX,
    MUCH_BYTES,
    Line,
    Lines,
)
from roundelay.rpc.transport import FramedSocket

PLACE = ("here", 1)
Open = Callable[[], Line]


@pytest.fixture
def opened() -> Iterator[Open]:
    with ExitStack() as stack:

        def open_line() -> Line:
            ours, theirs = socket.socketpair()
            stack.enter_context(ours)
            stack.enter_context(theirs)
            return Line(FramedSocket(ours, 1.0))

        yield open_line


def moved(line: Line, method: str, size: int) -> Line:
    line.connection.moved_bytes = size
    line.record(method)
    return line


def test_the_most_recently_used_connection_is_taken_first(opened: Open) -> None:
    lines, first, second = Lines(), opened(), opened()
    lines.give_back(PLACE, first)
    lines.give_back(PLACE, second)

    assert [lines.take(PLACE, "find"), lines.take(PLACE, "find"), lines.take(PLACE, "find")] == [second, first, None]


def test_a_call_takes_the_connection_that_has_moved_most_for_its_method(opened: Open) -> None:
    lines = Lines()
    warm, other, last = moved(opened(), "order", 9 * MUCH_BYTES), moved(opened(), "order", MUCH_BYTES), opened()
    for line in (warm, other, last):
        lines.give_back(PLACE, line)

    assert lines.take(PLACE, "order") is warm


def test_a_call_that_moves_little_leaves_the_connection_that_moves_much_to_others(opened: Open) -> None:
    lines = Lines()
    small, warm = moved(opened(), "find", MUCH_BYTES - 1), moved(opened(), "collect", MUCH_BYTES)
    for line in (small, warm):
        lines.give_back(PLACE, line)

    assert lines.take(PLACE, "find") is small
    assert lines.take(PLACE, "find") is warm, "rather than a new one"


def test_when_there_are_too_many_the_one_that_has_moved_least_is_closed(opened: Open) -> None:
    lines, warm = Lines(), moved(opened(), "collect", MUCH_BYTES)
    others = [opened() for _ in range(CONNECTIONS_PER_PEER_MAX)]
    for line in (warm, *others):
        lines.give_back(PLACE, line)

    assert others[0].connection.sock.fileno() == -1
    assert warm.connection.sock.fileno() != -1


def test_idle_connections_are_bounded_in_all_also_when_they_lead_to_relays(opened: Open) -> None:
    lines, given = Lines(), [opened() for _ in range(CONNECTIONS_MAX + 8)]
    for number, line in enumerate(given):
        lines.give_back(("relay", number % 12), line, CONNECTIONS_PER_RELAY_MAX)

    closed = [line.connection.sock.fileno() == -1 for line in given]
    assert closed == [True] * 8 + [False] * CONNECTIONS_MAX, "those that have been idle longest"
