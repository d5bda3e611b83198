"""How the journal shows messages."""

from __future__ import annotations

from roundelay.chord.errors import NodeUnreachable
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Candidate, Hop, NextHop
from roundelay.sim.journal import EventJournal, brief

NODE = NodeRef(255, "n1", 5000, 2)


def test_a_request_is_shown_by_its_fields() -> None:
    assert brief(NextHop(255, (NODE,))) == "NextHop(ff [n1:5000/2])"


def test_an_answer_is_shown_with_its_fields() -> None:
    assert brief(Hop(False, (), (Candidate(NODE, 7),))) == "Hop(False [] [Candidate(n1:5000/2 7)])"


def test_long_lists_are_cut_and_counted() -> None:
    assert brief((NODE,) * 5) == "[n1:5000/2 n1:5000/2 +3]"


def test_errors_bytes_and_nothing_are_short() -> None:
    assert brief(NodeUnreachable("n1 was silent")) == "NodeUnreachable"
    assert brief(b"abc").startswith("3b")
    assert brief(None) == "None"
    assert brief(Address("n1", 80)) == "n1:80"


def test_different_bytes_are_shown_differently() -> None:
    assert brief(b"abc") == brief(b"abc") != brief(b"abd")


def test_the_digest_changes_with_every_line() -> None:
    journal = EventJournal()
    journal.note(0.0, "one")
    first = journal.digest

    journal.note(0.0, "two")

    assert journal.digest != first
    assert journal.lines == 2
