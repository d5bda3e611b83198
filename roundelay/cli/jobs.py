"""client.py jobs: the jobs of the ring, with state, round, error and driver."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from roundelay.chord.errors import ChordError
from roundelay.cli import exits, options
from roundelay.cli.entry import RingEntry, client_runtime, enter
from roundelay.federation import jobs
from roundelay.federation.errors import Diverged, FederationError
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.node.console import console
from roundelay.node.runtime import Runtime

SHOWN_MAX = 20


@dataclass(frozen=True)
class JobRow:
    """One job, as it is shown."""

    job: str
    state: str
    round: int
    rounds: int
    validation_error: float | None
    driver: str
    reason: str


def run(chosen: options.Namespace) -> int:
    runtime = client_runtime()
    entry = enter(runtime, chosen)
    try:
        ids = runtime.run(jobs.list_jobs(entry.node, entry.ring))[-SHOWN_MAX:]
    except ChordError as error:
        raise exits.Exit(exits.UNAVAILABLE, f"the jobs could not be read: {error}") from error
    rows = [look(runtime, entry, job) for job in ids]
    if chosen.json:
        print(json.dumps({"jobs": [vars(row) for row in rows]}))
    else:
        console().print(table(rows))
    return 0


def look(runtime: Runtime, entry: RingEntry, job: str) -> JobRow:
    """A job's row; one whose records cannot be read says why."""
    try:
        view = runtime.run(read_snapshot(entry.node, entry.ring, job, with_reports=True))
    except Diverged as error:
        return JobRow(job, "diverged", 0, 0, None, "", str(error))
    except (ChordError, FederationError) as error:
        return JobRow(job, "unreadable", 0, 0, None, "", str(error))
    return row_of(view)


def row_of(view: JobSnapshot) -> JobRow:
    last = view.results[-1] if view.results else None
    done = last is not None and last.round > 0
    driver = view.reports[last.round].driver if last is not None and last.round in view.reports else ""
    return JobRow(
        view.spec.job,
        view.state,
        last.round if last else 0,
        view.spec.settings.rounds,
        round(last.error, 6) if last is not None and done else None,
        driver,
        view.reason,
    )


def table(rows: Sequence[JobRow]) -> Table:
    made = Table(title=f"{len(rows)} job{'s' * (len(rows) != 1)}", title_justify="left")
    for heading in ("job", "state", "round", "error", "driver", "why"):
        made.add_column(heading, overflow="fold")
    for row in rows:
        error = "" if row.validation_error is None else f"{row.validation_error:.4f}"
        made.add_row(row.job, row.state, f"{row.round} of {row.rounds}", error, escape(row.driver), escape(row.reason))
    return made
