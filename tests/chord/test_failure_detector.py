"""Two consecutive timeouts make a suspect, three a dead peer; one reply clears everything."""

from __future__ import annotations

import pytest

from roundelay.chord.errors import Busy, ChordError, NodeUnreachable, NotYet, PeerFault, WrongIncarnation
from roundelay.chord.failure_detector import DEAD_MAX, SUSPECTS_MAX, FailureDetector
from roundelay.chord.refs import NodeRef, vacant
from roundelay.chord.states import PEER_TRANSITIONS

PEER = NodeRef(7, "host", 7)
AGAIN = NodeRef(7, "host", 7, incarnation=2)


def peer(identifier: int) -> NodeRef:
    return NodeRef(identifier, "host", identifier)


def test_the_second_timeout_makes_a_suspect_and_the_third_a_dead_peer() -> None:
    detector = FailureDetector()

    seen, told = [], list[NodeRef]()
    detector.on_death = told.append
    for _ in range(3):
        dead = detector.record_timeout(PEER)
        seen.append((detector.is_suspect(PEER), detector.is_dead(PEER), dead))
    assert seen == [(False, False, False), (True, False, False), (True, True, True)]
    assert detector.dead == (PEER,) and told == [PEER]


def test_an_unknown_peer_is_neither_suspect_nor_dead() -> None:
    detector = FailureDetector()

    assert not detector.is_suspect(PEER) and not detector.is_dead(PEER) and not detector.any_dead


def test_a_reply_resets_the_count() -> None:
    detector = FailureDetector()
    for outcome in (NodeUnreachable(""), NodeUnreachable(""), "an answer", NodeUnreachable(""), NodeUnreachable("")):
        detector.observe(PEER, outcome)

    assert not detector.is_dead(PEER)
    detector.observe(PEER, PeerFault("broken"))
    assert detector.is_dead(PEER)


def test_requests_that_wait_at_the_same_time_count_as_one_timeout() -> None:
    detector, silent = FailureDetector(), NodeUnreachable("silent")
    sent_at = detector.time

    for _ in range(5):
        detector.observe(PEER, silent, sent_at)
    assert not detector.is_suspect(PEER), "one silence"

    detector.observe(PEER, silent, detector.time)
    detector.observe(PEER, silent, detector.time)
    assert detector.is_dead(PEER)


def test_the_timeout_of_one_peer_does_not_hide_that_of_another() -> None:
    detector = FailureDetector()
    for _ in range(3):
        sent_at = detector.time
        detector.observe(peer(1), NodeUnreachable(""), sent_at)
        detector.observe(peer(2), NodeUnreachable(""), sent_at)

    assert detector.dead == (peer(1), peer(2))


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
def test_each_error_marks_the_peer_dead_or_alive_or_neither(error: ChordError, dead: bool, alive: bool) -> None:
    fresh = FailureDetector()
    fresh.observe(PEER, error)
    assert fresh.is_dead(PEER) == dead

    with_dead_peer = FailureDetector()
    with_dead_peer.mark_dead(PEER)
    with_dead_peer.observe(PEER, error)
    assert with_dead_peer.is_dead(PEER) != alive


def test_the_death_of_one_incarnation_is_not_that_of_the_next() -> None:
    detector = FailureDetector()
    detector.mark_dead(PEER)

    assert not detector.is_dead(AGAIN)


def test_a_peer_that_was_marked_dead_while_it_was_a_suspect_starts_anew_when_it_is_alive() -> None:
    detector = FailureDetector()
    detector.record_timeout(PEER)
    detector.record_timeout(PEER)
    detector.mark_dead(PEER)
    assert detector.any_dead

    detector.mark_alive(PEER)

    assert not detector.any_dead and not detector.is_suspect(PEER)
    detector.record_timeout(PEER)
    assert not detector.is_suspect(PEER)


def test_the_timeouts_of_a_dead_peer_leave_no_suspicion_behind() -> None:
    """Otherwise the peers marked dead would fill up the table of suspects."""
    detector = FailureDetector()
    detector.record_timeout(peer(0))
    for i in range(1, SUSPECTS_MAX + 1):
        detector.record_timeout(peer(i))
        detector.mark_dead(peer(i))

    detector.record_timeout(peer(0))

    assert detector.is_suspect(peer(0)), "its first timeout was forgotten"


def test_a_placeholder_is_dead() -> None:
    assert FailureDetector().is_dead(vacant(3))
    assert FailureDetector().is_suspect(vacant(3))


def test_the_latest_256_suspects_are_remembered() -> None:
    detector = FailureDetector()
    assert SUSPECTS_MAX == 256
    for i in range(SUSPECTS_MAX):
        detector.record_timeout(peer(i))
    detector.record_timeout(peer(0))
    assert detector.is_suspect(peer(0)), "the table is full, and nothing is forgotten yet"

    detector.record_timeout(peer(1000))

    assert not detector.is_suspect(peer(0))
    detector.record_timeout(peer(1))
    assert detector.is_suspect(peer(1)), "only the oldest is forgotten"


def test_the_latest_256_dead_peers_are_remembered() -> None:
    detector = FailureDetector()
    assert DEAD_MAX == 256
    for i in range(DEAD_MAX + 1):
        detector.mark_dead(peer(i))

    assert detector.dead == tuple(peer(i) for i in range(1, DEAD_MAX + 1))


def test_a_peer_passes_through_the_states_of_the_table_and_no_others() -> None:
    """Every event is tried in every state; what changes the state is in the table, and all of the table occurs."""
    to_state = {"alive": 0, "suspect": 2, "dead": 3}
    outcomes = {
        "reply": "an answer",
        "timeout": NodeUnreachable("silent"),
        "WrongIncarnation or Leaving": WrongIncarnation(AGAIN),
        "NotYet": NotYet("not joined"),
    }
    timeouts = {"alive": "second timeout in a row", "suspect": "third timeout in a row"}
    seen = set()
    for source, count in to_state.items():
        for event, outcome in outcomes.items():
            detector = FailureDetector()
            for _ in range(count):
                detector.record_timeout(PEER)
            if source == "alive" and event == "timeout":
                detector.record_timeout(PEER)
            assert state(detector) == source
            detector.observe(PEER, outcome)
            if state(detector) != source:
                seen.add((source, timeouts[source] if event == "timeout" else event, state(detector)))

    assert seen == {(each.source, each.event, each.target) for each in PEER_TRANSITIONS}


def state(detector: FailureDetector) -> str:
    return "dead" if detector.is_dead(PEER) else "suspect" if detector.is_suspect(PEER) else "alive"
