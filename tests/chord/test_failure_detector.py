"""Two misses make a suspect, three a death; one answer clears everything."""

from __future__ import annotations

import pytest

from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotYet, PeerFault, WrongIncarnation
from roundelay.chord.failure_detector import DEAD_MAX, SUSPECTS_MAX, FailureDetector
from roundelay.chord.refs import NodeRef, vacant

PEER = NodeRef(7, "host", 7)
AGAIN = NodeRef(7, "host", 7, incarnation=2)


def test_suspicion_comes_with_the_second_miss_and_death_with_the_third() -> None:
    suspects = FailureDetector()

    seen = []
    for _ in range(3):
        dead = suspects.record_timeout(PEER)
        seen.append((suspects.is_suspect(PEER), suspects.is_dead(PEER), dead))
    assert seen == [(False, False, False), (True, False, False), (True, True, True)]
    assert suspects.dead == (PEER,)


def test_an_answer_in_between_starts_the_count_anew() -> None:
    suspects = FailureDetector()
    for outcome in (NodeUnreachable(""), NodeUnreachable(""), "an answer", NodeUnreachable(""), NodeUnreachable("")):
        suspects.observe(PEER, outcome)

    assert not suspects.is_dead(PEER)
    suspects.observe(PEER, PeerFault("broken"))
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
    fresh = FailureDetector()
    fresh.observe(PEER, error)
    assert fresh.is_dead(PEER) == dead

    buried = FailureDetector()
    buried.mark_dead(PEER)
    buried.observe(PEER, error)
    assert buried.is_dead(PEER) != alive


def test_the_death_of_one_life_is_not_that_of_the_next() -> None:
    suspects = FailureDetector()
    suspects.mark_dead(PEER)

    assert not suspects.is_dead(AGAIN)


def test_a_placeholder_is_nobody() -> None:
    assert FailureDetector().is_dead(vacant(3))
    assert FailureDetector().is_suspect(vacant(3))


def test_what_is_remembered_has_a_bound_and_the_oldest_is_forgotten() -> None:
    suspects = FailureDetector()
    for i in range(DEAD_MAX + 1):
        suspects.mark_dead(NodeRef(i, "host", i))
    for i in range(1000, 1000 + SUSPECTS_MAX + 1):
        suspects.record_timeout(NodeRef(i, "host", i))

    assert len(suspects.dead) == DEAD_MAX
    assert not suspects.is_dead(NodeRef(0, "host", 0))
    suspects.record_timeout(NodeRef(1000, "host", 1000))
    assert not suspects.is_suspect(NodeRef(1000, "host", 1000)), "its first miss was forgotten"
