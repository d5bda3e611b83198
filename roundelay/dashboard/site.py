"""What all open pages of one dashboard share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from roundelay.dashboard.actions import Actions, LabActions
from roundelay.dashboard.meter import Meter
from roundelay.dashboard.watcher import Watcher
from roundelay.ml.metrics import Metrics

PAGES_MAX = 16  # open at once
MEASURED_MAX = 64  # jobs whose metrics are remembered, the latest


class OpenPages:
    """The pages that are open. One to which no browser has ever connected makes room for another."""

    def __init__(self) -> None:
        self._awaited: dict[str, Callable[[], None]] = {}  # what drops a page that no browser has connected to, by page
        self._connected = set[str]()

    def open(self, page: str, drop: Callable[[], None]) -> bool:
        """Count a page. Return False if PAGES_MAX are open, and a browser has connected to each of them."""
        if self._count >= PAGES_MAX and self._awaited:
            self._awaited.pop(next(iter(self._awaited)))()
        if self._count >= PAGES_MAX:
            return False
        self._awaited[page] = drop
        return True

    def connect(self, page: str) -> None:
        """Keep a page, because a browser has connected to it."""
        if self._awaited.pop(page, None) is not None:
            self._connected.add(page)

    def close(self, page: str) -> None:
        self._awaited.pop(page, None)
        self._connected.discard(page)

    @property
    def _count(self) -> int:
        return len(self._awaited) + len(self._connected)


@dataclass
class Site:
    """One dashboard: its watcher, its meter, its actions and its open pages."""

    watcher: Watcher
    actions: Actions
    lab: LabActions | None
    meter: Meter
    pages: OpenPages = field(default_factory=OpenPages)
    metrics: dict[str, Metrics] = field(default_factory=dict)  # by finished job

    def remember(self, job: str, metrics: Metrics) -> None:
        self.metrics[job] = metrics
        while len(self.metrics) > MEASURED_MAX:
            del self.metrics[next(iter(self.metrics))]
