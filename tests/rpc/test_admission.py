"""Tests of admission: which connection makes room for another, without sockets."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

from roundelay.rpc.admission import (
    BYTES_PER_S_MIN,
    HOST_SHARE,
    KEPT_MAX,
    LARGE_BYTES_MAX,
    LARGE_PER_HOST_MAX,
    STALLED_S,
    Connection,
    Connections,
)


class Line(Connection):
    """A connection that is only told to hang up."""

    def hang_up(self) -> None:
        self.closing = True


def line(host: str = "peer", idle_since: float = 0.0, working: bool = False, transport: Any = None) -> Line:
    return Line(cast(Any, None), host, 1, idle_since, working, transport=transport)


def moving(began: float, moved_bytes: int) -> SimpleNamespace:
    """A transport in the middle of a frame."""
    return SimpleNamespace(began=began, moved_bytes=moved_bytes, is_waiting=True)


def closed_for(newcomer: Line, lines: list[Line], workers_max: int, known: set[str]) -> list[int]:
    """Return the places of those that were closed so that the newcomer can come; [-1] if there was room."""
    connections = Connections(workers_max, known.__contains__)
    for each in lines:
        connections.add(each)
    if connections.has_room_for(newcomer):
        return [-1]
    return [place for place, each in enumerate(lines) if each.closing]


def test_a_frame_that_drips_makes_room_before_an_idle_connection() -> None:
    idle, dripping = line(idle_since=1.0), line(working=True, transport=moving(0.0, 3))

    assert closed_for(line(), [idle, dripping], 2, {"peer"}) == [1]


def test_a_large_frame_that_moves_and_a_call_that_is_answered_are_left_alone() -> None:
    now = time.monotonic()
    large = line(working=True, transport=moving(now - 1.0, 2 * BYTES_PER_S_MIN))
    answered = line(working=True, transport=SimpleNamespace(began=0.0, moved_bytes=0, is_waiting=False))
    fresh = line(working=True, transport=moving(now, 0))

    assert closed_for(line(), [large, answered, fresh], 3, {"peer"}) == []


def test_the_longest_idle_makes_room_and_only_one_at_a_time() -> None:
    lines = [line(idle_since=2.0), line(idle_since=1.0)]

    assert closed_for(line(), lines, 2, {"peer"}) == [1]
    assert closed_for(line(), lines, 2, {"peer"}) == [1], "one is closing already"


def test_a_connection_that_has_just_come_is_not_closed_for_the_next_but_a_silent_one_is() -> None:
    now = time.monotonic()
    fresh, silent, answered = line(idle_since=now), line(idle_since=now - 2 * STALLED_S), line(idle_since=now)
    answered.has_called = True

    assert closed_for(line(), [fresh], 1, {"peer"}) == []
    assert closed_for(line(), [fresh, silent], 2, {"peer"}) == [1]
    assert closed_for(line(), [fresh, answered], 2, {"peer"}) == [1]


def test_one_strange_host_gets_a_part_of_the_threads_and_all_strangers_another() -> None:
    greedy = [line("stranger", float(number)) for number in range(6)]
    peer = line("peer", -1.0)

    assert closed_for(line("stranger"), [*greedy, peer], 8, {"peer"}) == [0], "its own connections"
    assert closed_for(line("peer"), [line("stranger") for _ in range(6)], 8, {"peer"}) == [-1]
    others = [line(f"stranger {number}", float(number)) for number in range(7)]
    assert closed_for(line("one more"), others, 8, {"peer"}) == [0]
    assert closed_for(line("peer"), [line(f"stranger {number}") for number in range(7)], 8, {"peer"}) == [-1]


def test_one_strange_host_gets_a_part_of_the_places_of_leaves() -> None:
    connections = Connections(8, {"peer"}.__contains__)

    def keep(host: str) -> Line:
        one = line(host)
        connections.add(one)
        connections.keep(one, True)
        return one

    greedy = [keep("stranger") for _ in range(KEPT_MAX)]
    assert sum(each.kept for each in greedy) == round(KEPT_MAX * HOST_SHARE)
    assert keep("another leaf's").kept and keep("peer").kept

    connections.discard(greedy[0])
    connections.keep(greedy[1], False)
    connections.keep(greedy[1], False)
    assert [keep("stranger").kept for _ in range(3)] == [True, True, False], "places that were given back"


def test_strangers_share_the_memory_for_large_messages_and_a_peer_always_gets_some() -> None:
    connections, size = Connections(64, {"peer"}.__contains__), LARGE_BYTES_MAX // 16
    greedy, other, peer = [line("stranger") for _ in range(16)], [line(f"other {n}") for n in range(16)], line()

    assert sum(connections.reserve(each, size) for each in greedy) == LARGE_PER_HOST_MAX // size
    assert sum(connections.reserve(each, size) for each in other) == (LARGE_BYTES_MAX - LARGE_PER_HOST_MAX) // size
    assert connections.reserve(peer, size)

    connections.release(greedy[0])
    connections.discard(greedy[1])
    assert not connections.reserve(other[-1], 2 * size), "the peer's message counts, too"
    assert connections.reserve(other[-1], size)


def test_a_stranger_that_drips_is_cut_off_when_the_memory_for_large_messages_is_used_up() -> None:
    now, connections = time.monotonic(), Connections(64, {"peer"}.__contains__)
    dripping = line("stranger", working=True, transport=moving(now - 1.0, 3))
    moves = line("stranger", working=True, transport=moving(now - 1.0, 2 * BYTES_PER_S_MIN))
    peer = line(working=True, transport=moving(now - 1.0, 3))
    for each in (dripping, moves, peer):
        connections.add(each)
        connections.reserve(each, LARGE_PER_HOST_MAX // 2)

    assert not connections.reserve(line("another"), LARGE_BYTES_MAX // 2)
    assert [each.closing for each in (dripping, moves, peer)] == [True, False, False]
