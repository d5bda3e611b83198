"""What has happened between two sights of a ring, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from roundelay.chord.refs import NodeRef
from roundelay.dashboard.model import NodeState, RingState
from roundelay.federation.snapshot import JobSnapshot

NAMED_MAX = 3  # of many that join at once


@dataclass(frozen=True)
class Event:
    """One line of the log. kind: joined, silent, back, gone, left, job, round, healed, takeover, ended, supernode."""

    kind: str
    text: str


def changes(before: RingState, after: RingState) -> list[Event]:
    """What is new, in the order in which it is best read."""
    return [*_supernode(before, after), *_nodes(before, after), *_jobs(before, after)]


def _supernode(before: RingState, after: RingState) -> Iterator[Event]:
    if before.ring is None or before.supernode_answers == after.supernode_answers:
        return
    word = "answers again" if after.supernode_answers else "is silent: the ring goes on, but nobody new can join"
    yield Event("supernode", f"the supernode at {after.supernode} {word}")


def _nodes(before: RingState, after: RingState) -> Iterator[Event]:
    old, new = ({sight.ref: sight for sight in picture.nodes} for picture in (before, after))
    joined = [sight for ref, sight in new.items() if ref not in old]
    if len(joined) > NAMED_MAX and not before.nodes:
        yield Event("joined", f"a ring of {len(after.nodes)} nodes")
    else:
        for sight in joined:
            yield Event("joined", f"{_name(sight)} has joined{_behind(after, sight)}")
    for ref, sight in new.items():
        if ref in old and old[ref].answers != sight.answers:
            yield (
                Event("back", f"{_name(sight)} answers again")
                if sight.answers
                else Event("silent", f"{_name(sight)} does not answer")
            )
    for ref, sight in old.items():
        if ref not in new:
            yield _gone(after, sight)


def _gone(after: RingState, sight: NodeState) -> Event:
    heir = _heir(after, sight.ref)
    arc = f"; {_name(heir)} owns its keys now" if heir is not None else ""
    if sight.answers:
        return Event("left", f"{_name(sight)} has left{arc}")
    return Event("gone", f"{_name(sight)} is gone{arc}")


def _heir(after: RingState, ref: NodeRef) -> NodeState | None:
    """The first living node clockwise."""
    living = [sight for sight in after.nodes if sight.answers]
    if after.ring is None or not living:
        return None
    ring = after.ring
    return min(living, key=lambda sight: ring.distance(ref.id, sight.ref.id))


def _behind(after: RingState, sight: NodeState) -> str:
    """Whose keys it has taken."""
    following = next((other for other in after.nodes if other.ref == sight.successors[0]), None)
    return f", in front of {_name(following)}" if following is not None and following.ref != sight.ref else ""


def _jobs(before: RingState, after: RingState) -> Iterator[Event]:
    old = {sighting.job: sighting for sighting in before.jobs}
    for sighting in after.jobs:
        known = old.get(sighting.job)
        if known is None and not sighting.end:
            files = len(sighting.spec.files)
            yield Event(
                "job",
                f"job {sighting.job[:8]}: {files} file{'s' * (files != 1)}, {sighting.spec.settings.rounds} rounds",
            )
        if known is not None or not sighting.end:
            yield from _progress(known or JobSnapshot(sighting.spec), sighting)


def _progress(known: JobSnapshot, now: JobSnapshot) -> Iterator[Event]:
    driver = known.reports[max(known.reports)].driver if known.reports else ""
    for number in sorted(now.reports.keys() - known.reports.keys()):
        report = now.reports[number]
        if driver and report.driver and report.driver != driver:
            yield Event("takeover", f"job {now.job[:8]}, round {number}: {report.driver} drives on, after {driver}")
        driver = report.driver or driver
        for line in report.disturbances:
            yield Event("healed", f"job {now.job[:8]}, round {number}: {line}")
    if now.end and not known.end:
        error = f", validation error {now.results[-1].error:.4f}" if now.rounds_done else ""
        reason = f": {now.reason}" if now.reason else ""
        yield Event("ended", f"job {now.job[:8]} is {now.end}{error}{reason}")


def _name(sight: NodeState) -> str:
    return f"{sight.name} ({sight.ref.address})"
