"""Virtual time: a heap of events, run in the order of their times and, at equal times, of their setting.

Nothing here waits: time goes from one event to the next. It knows no processes and no network.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

Action = Callable[[], None]


class Event:
    """Something due later, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Action) -> None:
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Clock:
    """The time, in seconds since the world began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Event]] = []
        self._set = 0

    def at(self, time_s: float, action: Action) -> Event:
        """Have this happen then; what lies in the past happens next."""
        event = Event(action)
        heappush(self._heap, (max(time_s, self.now), self._set, event))
        self._set += 1
        return event

    def after(self, delay_s: float, action: Action) -> Event:
        return self.at(self.now + delay_s, action)

    def run(self, until_s: float) -> None:
        """Let everything happen that is due up to then."""
        while self._heap and self._heap[0][0] <= until_s:
            self.now, _, event = heappop(self._heap)
            if event.action is not None:
                event.action()
        self.now = max(self.now, until_s)

    def run_while(self, pending: Callable[[], bool], until_s: float) -> None:
        """Let things happen one by one as long as `pending` says so, at most up to then."""
        while pending() and self._heap and self._heap[0][0] <= until_s:
            self.now, _, event = heappop(self._heap)
            if event.action is not None:
                event.action()

    def __len__(self) -> int:
        """How many events are ahead, cancelled ones included."""
        return len(self._heap)
