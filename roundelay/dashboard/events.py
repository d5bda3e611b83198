"""The events between two states of a ring, as lines of a log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from roundelay.chord.refs import NodeRef
from roundelay.dashboard.model import NodeState, RingState
from roundelay.federation.snapshot import JobSnapshot

NAMED_MAX = 3  # of many that join at once


@dataclass(frozen=True)
class Event:
    """One line of the log.

    kind: joined, silent, back, gone, left, job, round, healed, notice, takeover, ended, supernode.
    """

    kind: str
    text: str


def changes(before: RingState, after: RingState) -> list[Event]:
    """Return the events between two states, in the order of the log."""
    return [*_supernode(before, after), *_nodes(before, after), *_jobs(before, after)]


def _supernode(before: RingState, after: RingState) -> Iterator[Event]:
    if before.ring is None or before.supernode_answers == after.supernode_answers:
        return
    word = "answers again" if after.supernode_answers else "is silent: the ring continues, but no node can join"
    yield Event("supernode", f"the supernode at {after.supernode} {word}")


def _nodes(before: RingState, after: RingState) -> Iterator[Event]:
    old, new = ({member.ref: member for member in ring_state.nodes} for ring_state in (before, after))
    joined = [member for ref, member in new.items() if ref not in old]
    if len(joined) > NAMED_MAX and not before.nodes:
        yield Event("joined", f"a ring of {len(after.nodes)} nodes")
    else:
        for member in joined:
            yield Event("joined", f"{_name(member)} has joined{_behind(after, member)}")
    for ref, member in new.items():
        if ref in old and old[ref].answers != member.answers:
            yield (
                Event("back", f"{_name(member)} answers again")
                if member.answers
                else Event("silent", f"{_name(member)} does not answer")
            )
    for ref, member in old.items():
        if ref not in new:
            yield _gone(after, member)


def _gone(after: RingState, member: NodeState) -> Event:
    heir = _heir(after, member.ref)
    arc = f"; {_name(heir)} owns its keys now" if heir is not None else ""
    if member.answers:
        return Event("left", f"{_name(member)} has left{arc}")
    return Event("gone", f"{_name(member)} is gone{arc}")


def _heir(after: RingState, ref: NodeRef) -> NodeState | None:
    """Return the first living node clockwise."""
    living = [member for member in after.nodes if member.answers]
    if after.ring is None or not living:
        return None
    ring = after.ring
    return min(living, key=lambda member: ring.distance(ref.id, member.ref.id))


def _behind(after: RingState, member: NodeState) -> str:
    """Return the node whose keys it has taken over."""
    following = next((other for other in after.nodes if other.ref == member.successors[0]), None)
    return f", in front of {_name(following)}" if following is not None and following.ref != member.ref else ""


def _jobs(before: RingState, after: RingState) -> Iterator[Event]:
    old = {snapshot.job: snapshot for snapshot in before.jobs}
    for snapshot in after.jobs:
        known = old.get(snapshot.job)
        if known is None and not snapshot.end:
            files = len(snapshot.spec.files)
            yield Event(
                "job",
                f"job {snapshot.job[:8]}: {files} file{'s' * (files != 1)}, {snapshot.spec.settings.rounds} rounds",
            )
        if known is not None or not snapshot.end:
            yield from _progress(known or JobSnapshot(snapshot.spec), snapshot)


def _progress(known: JobSnapshot, now: JobSnapshot) -> Iterator[Event]:
    driver = known.reports[max(known.reports)].driver if known.reports else ""
    for number in sorted(now.reports.keys() - known.reports.keys()):
        report = now.reports[number]
        if driver and report.driver and report.driver != driver:
            yield Event("takeover", f"job {now.job[:8]}, round {number}: {report.driver} takes over from {driver}")
        driver = report.driver or driver
        for line in report.disturbances:
            yield Event("healed", f"job {now.job[:8]}, round {number}: {line}")
        for line in report.notices:
            yield Event("notice", f"job {now.job[:8]}, round {number}: {line}")
    if now.end and not known.end:
        error = f", validation {now.kept.error_text}" if now.rounds_done else ""
        reason = f": {now.reason}" if now.reason else ""
        yield Event("ended", f"job {now.job[:8]} is {now.end}{error}{reason}")


def _name(member: NodeState) -> str:
    return f"{member.name} ({member.ref.address})"
