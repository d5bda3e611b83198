"""Pending tasks: the procedures that handlers leave to be run later.

A handler must not wait for another node, so it adds what has to follow from its answer here.
The node's stabilize loop runs the tasks in order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import Busy

Start = Callable[[], Procedure[Any]]


TASKS_MAX = 128


class PendingTasks:
    """A bounded queue with one task per name: a later one replaces an earlier one in its place."""

    def __init__(self, tasks_max: int = TASKS_MAX) -> None:
        self._tasks_max = tasks_max
        self._tasks: OrderedDict[str, Start] = OrderedDict()

    def add(self, name: str, start: Start) -> None:
        """Queue a procedure. Raises Busy when the queue is full."""
        if name not in self._tasks and len(self._tasks) >= self._tasks_max:
            raise Busy(f"{len(self._tasks)} tasks are pending already")
        self._tasks[name] = start

    def pop(self) -> tuple[str, Start] | None:
        """Remove and return the oldest task, if there is one."""
        return self._tasks.popitem(last=False) if self._tasks else None

    def __len__(self) -> int:
        return len(self._tasks)
