"""What handlers have set in motion waits in order, once under each name, and not without bound."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import Busy
from roundelay.chord.pending import Agenda


def procedure(_: int = 0) -> Procedure[None]:
    yield Sleep(0.0)


def test_notes_are_taken_in_the_order_in_which_their_names_came() -> None:
    agenda = Agenda()
    for name in ("one", "two", "three"):
        agenda.note(name, procedure)

    assert [note[0] for note in iter(agenda.take, None)] == ["one", "two", "three"]
    assert len(agenda) == 0


def test_a_later_note_replaces_the_earlier_one_in_its_place() -> None:
    agenda = Agenda()
    newest = lambda: procedure(2)  # noqa: E731
    agenda.note("one", procedure)
    agenda.note("two", procedure)
    agenda.note("one", newest)

    assert agenda.take() == ("one", newest)
    assert len(agenda) == 1


def test_a_full_agenda_is_busy_but_takes_what_it_has_a_name_for() -> None:
    agenda = Agenda(items_max=2)
    agenda.note("one", procedure)
    agenda.note("two", procedure)

    with pytest.raises(Busy, match="2 procedures"):
        agenda.note("three", procedure)
    agenda.note("two", procedure)
    assert len(agenda) == 2
