"""Measure finished jobs: how well their models do on the validation rows, class by class."""

from __future__ import annotations

import time
from collections.abc import Callable

from nicegui import run

from roundelay.dashboard import metrics_view
from roundelay.dashboard.actions import ActionRefused
from roundelay.dashboard.site import Site
from roundelay.federation.snapshot import JobSnapshot

MEASURE_AGAIN_S = 5.0


class Measurement:
    """Measures the jobs that one page shows. refresh: shows what has changed."""

    def __init__(self, site: Site, refresh: Callable[[], None]) -> None:
        self.complaints: dict[str, str] = {}  # jobs that could not be measured, and why
        self.measuring = ""  # the job whose metrics are awaited
        self._site = site
        self._refresh = refresh
        self._measure_at = 0.0  # not before: the ring may have been too busy to answer

    async def measure(self, job: str, snapshot: JobSnapshot | None) -> None:
        """Measure a job once it is done; all pages then have its metrics."""
        if not metrics_view.is_measurable(snapshot):
            return
        if job in self._site.metrics or time.monotonic() < self._measure_at:
            return
        self.measuring = job
        self._refresh()
        try:
            metrics = await run.io_bound(lambda: self._site.actions.metrics(job))
            self._site.remember(job, metrics)
            self.complaints.pop(job, None)
        except ActionRefused as refused:
            self.complaints[job] = str(refused)
        self.measuring = ""
        self._measure_at = time.monotonic() + (MEASURE_AGAIN_S if job in self.complaints else 0.0)
        self._refresh()

    def try_now(self) -> None:
        """Measure at the next occasion, even if the last attempt has just failed."""
        self._measure_at = 0.0
