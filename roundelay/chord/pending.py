"""What handlers have set in motion: procedures waiting to be run, each once per name.

A handler must not wait for another node, so it notes here what has to follow from its answer.
Whoever runs the node takes the procedures in order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import Busy

Start = Callable[[], Procedure[Any]]


class PendingTasks:
    """A bounded queue; a later note under the same name replaces the earlier one."""

    def __init__(self, items_max: int = 128) -> None:
        self._items_max = items_max
        self._items: OrderedDict[str, Start] = OrderedDict()

    def add(self, name: str, start: Start) -> None:
        """Have this run soon. Raises Busy when too much is waiting already."""
        if name not in self._items and len(self._items) >= self._items_max:
            raise Busy(f"{len(self._items)} procedures are waiting already")
        self._items[name] = start

    def pop(self) -> tuple[str, Start] | None:
        """The note that has waited longest, if there is one."""
        return self._items.popitem(last=False) if self._items else None

    def __len__(self) -> int:
        return len(self._items)
