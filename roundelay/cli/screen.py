"""What people see of a job: notes and progress on standard error while it runs, results on standard output at its end.

rich is imported where there is something for it to draw: bars on a terminal, tables at the end. A job that a script
watches does without, and starts sooner.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from roundelay.cli.report import JobReport, model_of
from roundelay.federation.records import RoundReport as RoundReport
from roundelay.federation.records import RoundResult

if TYPE_CHECKING:
    from roundelay.cli.progress import Bars

FORCED = ("FORCE_COLOR", "TTY_COMPATIBLE")  # by which rich is told of a terminal that is none


class Screen:
    """Notes and progress on standard error, results on standard output."""

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
        """Something worth knowing, once."""
        if self._bars is not None:
            self._bars.note(line)
        else:
            print(line, file=sys.stderr, flush=True)

    def begin(self, what: str, total: int) -> None:
        """A new bar."""
        if self._bars is not None:
            self._bars.begin(what, total)

    def bar(self, what: str) -> Callable[[int, int], None]:
        """A bar of its own: tell it how much of how much is done."""
        return self._bars.bar(what) if self._bars is not None else lambda done, total: None

    def advance(self, note: str) -> None:
        """One step of the bar that was begun last."""
        if self._bars is not None:
            self._bars.advance(note)

    def round(self, report: JobReport, result: RoundResult, done: RoundReport) -> None:
        """A round has come in."""
        report.add(result, done)
        self.advance(f"validation error {result.error:.4f}{_among_nodes(done)}")
        for disturbance in done.disturbances:
            self.note(f"round {done.round}: {disturbance}")
        if self._bars is None:
            self.note(
                f"round {done.round} of {report.spec.settings.rounds}: validation error "
                f"{result.error:.4f}{_among_nodes(done)}, {done.seconds:.2f} s"
            )

    def result(self, report: JobReport) -> None:
        """The end: one line of JSON, or a table; below the bars, which move no more."""
        if self._bars is not None:
            self._bars.stop()
        if self._json_only:
            print(json.dumps(report.to_json()))
            return
        from roundelay.cli.tables import metrics_table, placement_table
        from roundelay.node.console import console

        out = console()
        out.print(placement_table(report))
        out.print(
            f"validation error {report.validation_error:.4f} after {len(report.rounds)} rounds, "
            f"{report.seconds:.1f} s\nmodel {model_of(report).sha256}"
        )
        if report.metrics is not None:
            out.print(metrics_table(report.metrics))


def _bars() -> Bars | None:
    """Where somebody sees them move."""
    if not (sys.stderr.isatty() or any(name in os.environ for name in FORCED)):
        return None
    from roundelay.cli.progress import Bars

    bars = Bars()
    return bars if bars.is_seen else None


def _among_nodes(done: RoundReport) -> str:
    """Where each node has a model of its own."""
    if not done.errors:
        return ""
    return f" (nodes {min(done.errors.values()):.4f} to {max(done.errors.values()):.4f}, spread {done.spread:.4f})"
