"""A job that others drive, followed to its end."""

from __future__ import annotations

import time

from roundelay.cli.connection import Access
from roundelay.cli.report import Report
from roundelay.federation import jobs, records
from roundelay.federation.errors import JobEnded, NoSuchJob
from roundelay.federation.jobs import JobView
from roundelay.federation.records import Report as RoundReport
from roundelay.federation.records import Result, blank_report

LOOK_EVERY_S = 0.5
ABSENT_MAX = 600  # looks in a row that do not find the job


def follow(access: Access, report: Report) -> None:
    """Show every round as it is stored, then fetch the model. Raises JobEnded unless the end is a model."""
    job = report.spec.job
    view = look_again(access, job)
    show(access, report, view)
    while not view.is_over:
        time.sleep(LOOK_EVERY_S)
        view = look_again(access, job)
        show(access, report, view)
    if view.end != records.DONE:
        raise JobEnded(f"job {job} is {view.end}: {view.reason}" if view.reason else f"job {job} is {view.end}")
    report.weights = access.ask(lambda entry: jobs.weights_of(entry.node, entry.ring, view.results[-1]))
    report.moments = bytes.fromhex(view.results[0].moments)


def fill(access: Access, report: Report) -> None:
    """All rounds as the ring has them."""
    report.rounds = []
    for result, done in unseen(access, report, look_again(access, report.spec.job)):
        report.add(result, done)


def look(access: Access, job: str) -> JobView:
    """The job as the ring has it now. Raises NoSuchJob, Diverged, BadRecord, ChordError."""
    return access.ask(lambda entry: jobs.look_at(entry.node, entry.ring, job))


def look_again(access: Access, job: str) -> JobView:
    """A job that was there: while those who hold its records are away, it is waited for. Raises as `look` does."""
    for _ in range(ABSENT_MAX):
        try:
            return look(access, job)
        except NoSuchJob:
            time.sleep(LOOK_EVERY_S)
    return look(access, job)


def show(access: Access, report: Report, view: JobView) -> None:
    """The rounds that have not been shown yet."""
    for result, done in unseen(access, report, view):
        access.screen.round(report, result, done)


def unseen(access: Access, report: Report, view: JobView) -> list[tuple[Result, RoundReport]]:
    """The rounds that are not in our report."""
    new, job = view.results[1 + len(report.rounds) :], report.spec.job
    if not new:
        return []
    reports = access.ask(lambda entry: jobs.reports_of(entry.node, entry.ring, job))
    return [(result, reports.get(result.round, blank_report(job, result.round))) for result in new]
