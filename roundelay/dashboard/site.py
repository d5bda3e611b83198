"""What all open pages of one dashboard share."""

from __future__ import annotations

from dataclasses import dataclass, field

from roundelay.dashboard.actions import Actions, LabActions
from roundelay.dashboard.meter import Meter
from roundelay.dashboard.watcher import Watcher
from roundelay.ml.metrics import Metrics

PAGES_MAX = 16  # open at once
MEASURED_MAX = 64  # jobs whose metrics are remembered, the latest


@dataclass
class Site:
    """One dashboard: its watcher, its meter, its actions and its number of open pages."""

    watcher: Watcher
    actions: Actions
    lab: LabActions | None
    meter: Meter
    pages: int = 0
    metrics: dict[str, Metrics] = field(default_factory=dict)  # by finished job

    def remember(self, job: str, metrics: Metrics) -> None:
        self.metrics[job] = metrics
        while len(self.metrics) > MEASURED_MAX:
            del self.metrics[next(iter(self.metrics))]
