"""A job looked at again and again: at each look only what was not there before is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from roundelay.chord.effects import Procedure, gather
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records
from roundelay.federation.errors import Diverged, NoSuchJob
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.store.items import Item
from roundelay.store.read_path import fetch, find

READ_MAX = 256  # records at one look; the next look reads on


@dataclass(frozen=True)
class JobSnapshot:
    """What has been read of a job so far."""

    spec: JobSpec
    job: str  # its id; a spec would compute it anew each time
    results: tuple[RoundResult, ...] = ()  # the verified chain, from round 0 on
    reports: dict[int, RoundReport] = field(default_factory=dict)  # by round
    end: str = ""  # one of records.ENDS, or nothing
    reason: str = ""  # of a failed job

    @property
    def state(self) -> str:
        """waiting, running, done, failed or cancelled."""
        return self.end or ("running" if self.results else "waiting")

    @property
    def rounds_done(self) -> int:
        return max(0, len(self.results) - 1)

    @property
    def is_read(self) -> bool:
        """It has ended, and there is nothing more to come."""
        return bool(self.end) and (self.end != records.DONE or len(self.results) > self.spec.settings.rounds)


def refresh_snapshot(start: NodeRef, ring: Ring, job: str, known: JobSnapshot | None) -> Procedure[JobSnapshot]:
    """A job as it stands now, from what was known of it. Raises NoSuchJob, Diverged, BadRecord, ChordError."""
    items, nodes = yield from find(start, ring, ring.key(job))
    if known is None:
        known = JobSnapshot((yield from _spec(job, items, nodes)), job)
    results, reports = _of_kind(job, "result-", items), _of_kind(job, "report-", items)
    for item, number in results:
        if number < len(known.results) and known.results[number].digest != item.entry.digest:
            raise Diverged(f"job {job}, round {number}: two results")
    new = [item for item, number in results if number >= len(known.results)][:READ_MAX]
    added = [records.result_from_bytes(content) for content in (yield from _contents(nodes, new))]
    told = [item for item, number in reports if number not in known.reports][:READ_MAX]
    fresh = [records.report_from_bytes(content) for content in (yield from _contents(nodes, told))]
    end = jobs.end_among(job, items)
    reason = known.reason
    if end == records.FAILED and not reason:
        failed = [i for i in items if i.entry.name == records.record_name(job, records.FAILED)]
        reason = "".join([c.decode(errors="replace") for c in (yield from _contents(nodes, failed[:1]))])
    links = _chain(job, known.results, added)
    return JobSnapshot(known.spec, job, links, {**known.reports, **{r.round: r for r in fresh}}, end, reason)


def _spec(job: str, items: tuple[Item, ...], nodes: tuple[NodeRef, ...]) -> Procedure[JobSpec]:
    found = [i for i in items if i.entry.name == records.record_name(job, records.SPEC)]
    contents = yield from _contents(nodes, found[:1])
    if not contents:
        raise NoSuchJob(f"no job {job} on this ring")
    return spec_from_bytes(contents[0])


def _of_kind(job: str, prefix: str, items: tuple[Item, ...]) -> list[tuple[Item, int]]:
    """The records of this kind, with their rounds, in order of those."""
    start = records.record_name(job, prefix)
    numbered = [(i, i.entry.name.removeprefix(start)) for i in items if i.entry.name.startswith(start)]
    return sorted(((i, int(n)) for i, n in numbered if n.isdecimal()), key=lambda pair: (pair[1], pair[0].rank))


def _chain(job: str, links: tuple[RoundResult, ...], added: list[RoundResult]) -> tuple[RoundResult, ...]:
    """The chain grown by what fits on. Raises Diverged when a round has two results."""
    by_round: dict[int, RoundResult] = {}
    for result in added:
        other = by_round.setdefault(result.round, result)
        if other != result:
            raise Diverged(f"job {job}, round {result.round}: two results, {other.digest} and {result.digest}")
    grown = list(links)
    while (following := by_round.get(len(grown))) is not None:
        if following.job != job or following.previous != (grown[-1].digest if grown else ""):
            break
        grown.append(following)
    return tuple(grown)


def _contents(nodes: tuple[NodeRef, ...], items: list[Item]) -> Procedure[list[bytes]]:
    """The contents of these items; one that cannot be read now is read at a later look."""
    outcomes = yield from gather([fetch(nodes, i.entry.digest, i.entry.size_bytes) for i in items])
    return [outcome for outcome in outcomes if isinstance(outcome, bytes)]
