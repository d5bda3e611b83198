"""What handlers have set in motion waits in order, once under each name, and not without bound."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import Busy
from roundelay.chord.pending import PendingTasks


def procedure(_: int = 0) -> Procedure[None]:
    yield Sleep(0.0)


def test_notes_are_taken_in_the_order_in_which_their_names_came() -> None:
    agenda = PendingTasks()
    for name in ("one", "two", "three"):
        agenda.add(name, procedure)

    assert [note[0] for note in iter(agenda.pop, None)] == ["one", "two", "three"]
    assert len(agenda) == 0


def test_a_later_note_replaces_the_earlier_one_in_its_place() -> None:
    agenda = PendingTasks()
    newest = lambda: procedure(2)  # noqa: E731
    agenda.add("one", procedure)
    agenda.add("two", procedure)
    agenda.add("one", newest)

    assert agenda.pop() == ("one", newest)
    assert len(agenda) == 1


def test_a_full_agenda_is_busy_but_takes_what_it_has_a_name_for() -> None:
    agenda = PendingTasks(items_max=2)
    agenda.add("one", procedure)
    agenda.add("two", procedure)

    with pytest.raises(Busy, match="2 procedures"):
        agenda.add("three", procedure)
    agenda.add("two", procedure)
    assert len(agenda) == 2
