"""Virtual time: a heap of events, run in the order of their times and, at equal times, of their creation.

Nothing waits: time jumps from one event to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class Event:
    """An action due later, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Clock:
    """The time, in seconds since the simulation began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Event]] = []
        self._created = 0

    def at(self, time_s: float, action: Action) -> Event:
        """Schedule an action; one in the past runs next."""
        event = Event(action)
        heappush(self._heap, (max(time_s, self.now), self._created, event))
        self._created += 1
        return event

    def after(self, delay_s: float, action: Action) -> Event:
        return self.at(self.now + delay_s, action)

    def run(self, until_s: float) -> None:
        """Run all events up to a time."""
        while self._heap and self._heap[0][0] <= until_s:
            self.now, _, event = heappop(self._heap)
            if event.action is not None:
                event.action()
        self.now = max(self.now, until_s)

    def run_while(self, pending: Callable[[], bool], until_s: float) -> None:
        """Run events while `pending` returns True, at most up to a time."""
        while pending() and self._heap and self._heap[0][0] <= until_s:
            self.now, _, event = heappop(self._heap)
            if event.action is not None:
                event.action()

    def __len__(self) -> int:
        """Return the number of scheduled events, including cancelled ones."""
        return len(self._heap)
