"""The output of a job: notes and progress on standard error while it runs, results on standard output.

rich is imported only where it has something to draw: bars on a terminal, tables at the end. A job started by a
script does without, and starts sooner.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import TYPE_CHECKING

from roundelay.cli.exits import as_typed_here
from roundelay.client.job import Job
from roundelay.client.progress import ShowDone
from roundelay.client.report import JobReport
from roundelay.federation.records import RoundReport
from roundelay.node import shown

if TYPE_CHECKING:
    from roundelay.cli.bars import Bars

FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")  # variables by which rich treats any output as a terminal


class Screen:
    """Observes a job for a person or a script."""

    def __init__(self, json_only: bool) -> None:
        self._json_only = json_only
        self._bars = _bars()

    def __enter__(self) -> Screen:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def note(self, line: str) -> None:
        """Print a line, above the bars."""
        line = as_typed_here(line)
        if self._bars is not None:
            self._bars.note(shown.line(line))
        else:
            print(shown.line(line), file=sys.stderr, flush=True)

    def bar(self, what: str) -> ShowDone:
        """Show a bar for a task; return what moves it."""
        return self._bars.bar(what) if self._bars is not None else lambda done, total: None

    def watch(self, job: Job) -> None:
        """Show every round as it finishes. Raises JobFailed."""
        total = job.spec.settings.rounds
        show = self._bars.bar("training") if self._bars is not None else lambda done, total, note="": None
        show(0, total, "mean and deviation of each feature" if not job.spec.raw else "")
        for each in job.rounds():
            report, error = (
                each.report,
                f"validation {each.result.error_text}{_among_nodes(each.report)}{_among_sites(each.report)}",
            )
            show(each.number, total, error)
            for line in (*report.disturbances, *report.notices):
                self.note(f"round {each.number}: {line}")
            if self._bars is None:
                self.note(f"round {each.number} of {total}: {error}, {report.seconds:.2f} s")

    def result(self, report: JobReport) -> None:
        """Print the results: one line of JSON, or tables."""
        if self._bars is not None:
            self._bars.stop()
        if self._json_only:
            print(shown.as_json(report.to_json()))
            return
        from roundelay.cli.tables import metrics_tables, placement_table, sites_table
        from roundelay.node.console import console

        out = console()
        out.print(placement_table(report))
        out.print(f"{report.summary()}, {report.seconds:.1f} s\nmodel {report.model.sha256}")
        if report.metrics is not None:
            for table in metrics_tables(report.metrics):
                out.print(table)
        if report.spec.evaluate != "client":
            out.print(sites_table(report))


def _bars() -> Bars | None:
    """Return progress bars if standard error is a terminal."""
    if not (sys.stderr.isatty() or any(name in os.environ for name in FORCED)):
        return None
    from roundelay.cli.bars import Bars

    bars = Bars()
    return bars if bars.is_seen else None


def _among_sites(report: RoundReport) -> str:
    """Return the site with the largest error, where sites evaluate."""
    worst = report.held_out.worst
    return f" (worst site {worst.site}: {worst.error:.4f})" if worst is not None else ""


def _among_nodes(report: RoundReport) -> str:
    """Return the range of the nodes' errors if each node has a model of its own (gossip)."""
    if not report.errors:
        return ""
    errors = report.errors.values()
    return f" (nodes {min(errors):.4f} to {max(errors):.4f}, spread {report.spread:.4f})"
