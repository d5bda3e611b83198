"""Pending tasks run in order, once per name, and their number is bounded."""

from __future__ import annotations

import pytest

from roundelay.chord.effects import Procedure, Sleep
from roundelay.chord.errors import Busy
from roundelay.chord.pending import PendingTasks


def procedure(_: int = 0) -> Procedure[None]:
    yield Sleep(0.0)


def test_tasks_are_popped_in_the_order_in_which_their_names_were_added() -> None:
    pending = PendingTasks()
    for name in ("one", "two", "three"):
        pending.add(name, procedure)

    assert [task[0] for task in iter(pending.pop, None)] == ["one", "two", "three"]
    assert len(pending) == 0


def test_a_later_task_replaces_the_earlier_one_of_its_name_in_its_place() -> None:
    pending = PendingTasks()
    newest = lambda: procedure(2)  # noqa: E731
    pending.add("one", procedure)
    pending.add("two", procedure)
    pending.add("one", newest)

    assert pending.pop() == ("one", newest)
    assert len(pending) == 1


def test_a_full_queue_is_busy_but_accepts_a_name_that_it_holds() -> None:
    pending = PendingTasks(tasks_max=2)
    pending.add("one", procedure)
    pending.add("two", procedure)

    with pytest.raises(Busy, match="2 tasks"):
        pending.add("three", procedure)
    pending.add("two", procedure)
    assert len(pending) == 2
