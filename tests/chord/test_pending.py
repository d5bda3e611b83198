"""Pending tasks run in order, once per name, and their number is bounded."""

from __future__ import annotations

from functools import partial

import pytest

from roundelay.chord.effects import Procedure, Sleep, run
from roundelay.chord.errors import Busy
from roundelay.chord.maintenance import PENDING_AT_ONCE, run_pending
from roundelay.chord.node import ChordNode
from roundelay.chord.pending import PendingTasks
from roundelay.chord.quarantine import UNCONTAINED
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring


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


def test_a_few_of_many_pending_tasks_run_between_two_stabilizations() -> None:
    node = ChordNode(NodeRef(1, "a", 1), Ring())
    ran: list[int] = []

    def task(number: int) -> Procedure[None]:
        ran.append(number)
        yield Sleep(0.0)

    for number in range(3 * PENDING_AT_ONCE):
        node.pending.add(str(number), partial(task, number))

    run(run_pending(node, UNCONTAINED), lambda effect: None)
    assert ran == list(range(PENDING_AT_ONCE))
    assert len(node.pending) == 2 * PENDING_AT_ONCE
