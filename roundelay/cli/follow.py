"""A job that others drive, followed to its end."""

from __future__ import annotations

import time

from roundelay.cli.connection import Connection
from roundelay.cli.report import JobReport
from roundelay.federation import jobs, records
from roundelay.federation.errors import JobEnded, NoSuchJob
from roundelay.federation.records import RoundReport as RoundReport
from roundelay.federation.records import RoundResult, blank_report
from roundelay.federation.snapshot import JobSnapshot, read_snapshot

LOOK_EVERY_S = 0.5
ABSENT_MAX = 600  # looks in a row that do not find the job


def follow(access: Connection, report: JobReport) -> None:
    """Show every round as it is stored, then fetch the model. Raises JobEnded unless the end is a model."""
    job = report.spec.job
    view = refresh_snapshot(access, job)
    show(access, report, view)
    while not view.is_over:
        time.sleep(LOOK_EVERY_S)
        view = refresh_snapshot(access, job, view)
        show(access, report, view)
    if view.end != records.DONE:
        raise JobEnded(f"job {job} is {view.end}: {view.reason}" if view.reason else f"job {job} is {view.end}")
    report.weights = access.ask(lambda entry: jobs.read_weights(entry.node, entry.ring, view.results[-1]))
    report.moments = bytes.fromhex(view.results[0].moments)


def fill(access: Connection, report: JobReport) -> None:
    """All rounds as the ring has them."""
    report.rounds = []
    for result, done in unseen(report, refresh_snapshot(access, report.spec.job)):
        report.add(result, done)


def look(access: Connection, job: str, known: JobSnapshot | None = None) -> JobSnapshot:
    """Read the job's snapshot, reports included. Raises NoSuchJob, Diverged, BadRecord, ChordError."""
    return access.ask(lambda entry: read_snapshot(entry.node, entry.ring, job, known, with_reports=True))


def refresh_snapshot(access: Connection, job: str, known: JobSnapshot | None = None) -> JobSnapshot:
    """A job that was there: while those who hold its records are away, it is waited for. Raises as `look` does."""
    for _ in range(ABSENT_MAX):
        try:
            return look(access, job, known)
        except NoSuchJob:
            time.sleep(LOOK_EVERY_S)
    return look(access, job, known)


def show(access: Connection, report: JobReport, view: JobSnapshot) -> None:
    """The rounds that have not been shown yet."""
    for result, done in unseen(report, view):
        access.screen.round(report, result, done)


def unseen(report: JobReport, view: JobSnapshot) -> list[tuple[RoundResult, RoundReport]]:
    """The rounds that are not in our report."""
    new, job = view.results[1 + len(report.rounds) :], report.spec.job
    return [(result, view.reports.get(result.round, blank_report(job, result.round))) for result in new]
