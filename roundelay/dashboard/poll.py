"""Procedures that look at a ring: every node that anybody knows, and every job.

Unlike a walk along the successors it meets a ring that has fallen in two, and asks side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from roundelay.chord.effects import Ask, AskAll, Procedure, ask, gather
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, GetStatus, Status
from roundelay.chord.ring import Ring
from roundelay.federation import jobs
from roundelay.federation.snapshot import JobSnapshot, read_snapshot

ANSWER_TIMEOUT_S = 0.8  # a node answers from memory
DEPTH_MAX = 4  # how often those are asked whom others have named
NODES_MAX = 1024
JOBS_MAX = 64  # the latest


def members(supernode: Address) -> Procedure[tuple[NodeRef, ...] | None]:
    """Whom the supernode holds for alive; None where it does not answer."""
    try:
        found = yield from ask(supernode, GetMembers(), ANSWER_TIMEOUT_S)
    except ChordError:
        return None
    return found.nodes


def look_around(starts: Iterable[NodeRef]) -> Procedure[dict[NodeRef, Status | None]]:
    """The status of these, and of all that they know as neighbours, and so on; None for who does not answer."""
    found: dict[NodeRef, Status | None] = {}
    waiting = list(dict.fromkeys(starts))
    for _ in range(DEPTH_MAX):
        if not waiting or len(found) >= NODES_MAX:
            break
        answers = yield AskAll([Ask(node, GetStatus(), ANSWER_TIMEOUT_S) for node in waiting], None, ANSWER_TIMEOUT_S)
        found.update({n: a if isinstance(a, Status) else None for n, a in zip(waiting, answers, strict=True)})
        found.update((yield from _ask_again([node for node in waiting if found[node] is None])))
        statuses = [status for node in waiting if (status := found[node]) is not None]
        named = [n for status in statuses for n in (status.predecessor, *status.successors)]
        waiting = [n for n in dict.fromkeys(named) if not n.is_vacant and n not in found]
    return found


def _ask_again(silent: Sequence[NodeRef]) -> Procedure[dict[NodeRef, Status | None]]:
    """A second chance: who is dead refuses at once, and who is busy may need another moment."""
    asks = [Ask(node, GetStatus(), ANSWER_TIMEOUT_S) for node in silent]
    answers = (yield AskAll(asks, None, ANSWER_TIMEOUT_S)) if asks else []
    return {n: a if isinstance(a, Status) else None for n, a in zip(silent, answers, strict=True)}


def look_at_jobs(start: NodeRef, ring: Ring, known: Sequence[JobSnapshot]) -> Procedure[tuple[JobSnapshot, ...]]:
    """The latest jobs of the ring; one whose records cannot be read now is shown as it was. Raises ChordError."""
    before = {sighting.job: sighting for sighting in known}
    listed = (yield from jobs.list_jobs(start, ring))[-JOBS_MAX:]
    unread = [job for job in listed if job not in before or not before[job].is_over]
    looks = [read_snapshot(start, ring, job, before.get(job), with_reports=True) for job in unread]
    outcomes = yield from gather(looks)
    fresh = {job: thrifty(o) for job, o in zip(unread, outcomes, strict=True) if isinstance(o, JobSnapshot)}
    return tuple(found for job in listed if (found := fresh.get(job) or before.get(job)))


def thrifty(sighting: JobSnapshot) -> JobSnapshot:
    """Without who trained what in rounds before the last: of a long job that is most of what there is to remember."""
    last = max(sighting.reports, default=0)
    return replace(
        sighting,
        reports={
            number: report if number == last or not report.placement else replace(report, placement={})
            for number, report in sighting.reports.items()
        },
    )
