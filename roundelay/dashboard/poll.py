"""Poll a ring for the dashboard: its members, as the supernode lists them, and its latest jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from roundelay.chord.effects import Procedure, ask, gather
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers
from roundelay.chord.ring import Ring
from roundelay.federation import jobs
from roundelay.federation.snapshot import JobSnapshot, read_snapshot

ANSWER_TIMEOUT_S = 0.8  # a node answers from memory
JOBS_MAX = 64  # the latest


def members(supernode: Address) -> Procedure[tuple[NodeRef, ...] | None]:
    """Return the members that the supernode counts as alive; None if it does not answer."""
    try:
        found = yield from ask(supernode, GetMembers(), ANSWER_TIMEOUT_S)
    except ChordError:
        return None
    return found.nodes


def look_at_jobs(start: NodeRef, ring: Ring, known: Sequence[JobSnapshot]) -> Procedure[tuple[JobSnapshot, ...]]:
    """Read the latest jobs, each before those that replace it. Raises ChordError.

    One whose records cannot be read now is kept as it was.
    """
    found = {snapshot.job: snapshot for snapshot in known}
    listed = (yield from jobs.list_jobs(start, ring))[-JOBS_MAX:]
    wave = listed
    for _ in range(jobs.SUCCESSORS_MAX + 1):
        yield from _look_at(start, ring, wave, found)
        wave = list(filter(None, [found[job].successor for job in wave if job in found]))
        if not wave:
            break
    lineages = [job for first in listed for job in _lineage(first, found)]
    return tuple(found[job] for job in dict.fromkeys(lineages))


def _look_at(start: NodeRef, ring: Ring, wave: Sequence[str], found: dict[str, JobSnapshot]) -> Procedure[None]:
    """Read those of the jobs that are not known to be over."""
    unread = [job for job in wave if job not in found or not found[job].is_over]
    looks = [read_snapshot(start, ring, job, found.get(job), with_reports=True) for job in unread]
    outcomes = yield from gather(looks)
    found |= {job: thrifty(o) for job, o in zip(unread, outcomes, strict=True) if isinstance(o, JobSnapshot)}


def _lineage(job: str, found: Mapping[str, JobSnapshot]) -> list[str]:
    """Return a job and those that replace it, as far as they are found."""
    lineage = list[str]()
    while job in found and job not in lineage:
        lineage.append(job)
        job = found[job].successor
    return lineage


def thrifty(snapshot: JobSnapshot) -> JobSnapshot:
    """Drop the placement of all rounds but the last: it is most of a long job's memory."""
    last = max(snapshot.reports, default=0)
    return replace(
        snapshot,
        reports={
            number: report if number == last or not report.placement else replace(report, placement={})
            for number, report in snapshot.reports.items()
        },
    )
