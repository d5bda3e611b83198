"""Two misses make a suspect, three a death; one answer clears everything."""

from __future__ import annotations

import pytest

from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotYet, PeerFault, WrongIncarnation
from roundelay.chord.failure_detector import DEAD_REMEMBERED_MAX, MISSED_REMEMBERED_MAX, Suspects
from roundelay.chord.refs import NodeRef, vacant

PEER = NodeRef(7, "host", 7)
AGAIN = NodeRef(7, "host", 7, incarnation=2)


def test_suspicion_comes_with_the_second_miss_and_death_with_the_third() -> None:
    suspects = Suspects()

    seen = []
    for _ in range(3):
        dead = suspects.miss(PEER)
        seen.append((suspects.is_suspect(PEER), suspects.is_dead(PEER), dead))
    assert seen == [(False, False, False), (True, False, False), (True, True, True)]
    assert suspects.dead == (PEER,)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    suspects = Suspects()
    for outcome in (NodeUnreachable(""), NodeUnreachable(""), "an answer", NodeUnreachable(""), NodeUnreachable("")):
        suspects.judge(PEER, outcome)

    assert not suspects.is_dead(PEER)
    suspects.judge(PEER, PeerFault("broken"))
    assert suspects.is_dead(PEER)


@pytest.mark.parametrize(
    ("error", "dead", "alive"),
    [
        (WrongIncarnation(AGAIN), True, False),
        (NodeUnreachable("silent"), False, False),
        (PeerFault("broken"), False, False),
        (Busy("full"), False, True),
        (NotYet("not joined"), False, False),
    ],
)
def test_what_each_error_says_about_the_living(error: ChordError, dead: bool, alive: bool) -> None:
    fresh = Suspects()
    fresh.judge(PEER, error)
    assert fresh.is_dead(PEER) == dead

    buried = Suspects()
    buried.bury(PEER)
    buried.judge(PEER, error)
    assert buried.is_dead(PEER) != alive


def test_the_death_of_one_life_is_not_that_of_the_next() -> None:
    suspects = Suspects()
    suspects.bury(PEER)

    assert not suspects.is_dead(AGAIN)


def test_a_placeholder_is_nobody() -> None:
    assert Suspects().is_dead(vacant(3))
    assert Suspects().is_suspect(vacant(3))


def test_what_is_remembered_has_a_bound_and_the_oldest_is_forgotten() -> None:
    suspects = Suspects()
    for i in range(DEAD_REMEMBERED_MAX + 1):
        suspects.bury(NodeRef(i, "host", i))
    for i in range(1000, 1000 + MISSED_REMEMBERED_MAX + 1):
        suspects.miss(NodeRef(i, "host", i))

    assert len(suspects.dead) == DEAD_REMEMBERED_MAX
    assert not suspects.is_dead(NodeRef(0, "host", 0))
    suspects.miss(NodeRef(1000, "host", 1000))
    assert not suspects.is_suspect(NodeRef(1000, "host", 1000)), "its first miss was forgotten"
