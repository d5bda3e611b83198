"""A job as the ring's records show it at one moment: spec, verified results, reports, end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from roundelay.chord.effects import Procedure, gather_or_raise
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records
from roundelay.federation.early_stopping import is_complete, kept_round
from roundelay.federation.errors import NoSuchJob
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.store.items import Item
from roundelay.store.read_path import fetch, find

BuildChain = Callable[[str, tuple[RoundResult, ...], list[bytes]], tuple[RoundResult, ...]]


@dataclass(frozen=True)
class JobSnapshot:
    """A job's records at the time of reading, as drivers, clients and the dashboard see them."""

    spec: JobSpec
    results: tuple[RoundResult, ...] = ()  # the verified chain, from round 0 on
    reports: dict[int, RoundReport] = field(default_factory=dict)  # by round; empty unless they were asked for
    end: str = ""  # one of records.ENDS; empty while the job goes on
    reason: str = ""  # why a failed job failed

    @property
    def job(self) -> str:
        """The job's id."""
        return self.spec.job

    @property
    def state(self) -> str:
        """One of waiting, running, done, failed, cancelled."""
        return self.end or ("running" if self.results else "waiting")

    @property
    def rounds_done(self) -> int:
        """The number of rounds trained; round 0 only stores the initial weights."""
        return max(0, len(self.results) - 1)

    @property
    def is_over(self) -> bool:
        """Whether the job has ended and, if it is done, the whole chain has been read."""
        return bool(self.end) and (self.end != records.DONE or is_complete(self.spec.settings, self.results))

    @property
    def kept(self) -> RoundResult:
        """The round whose model is the job's result, as far as the chain goes; there must be one."""
        return kept_round(self.spec.settings, self.results)


def read_snapshot(
    entry: NodeRef,
    ring: Ring,
    job: str,
    known: JobSnapshot | None = None,
    *,
    with_reports: bool = False,
    build_chain: BuildChain = records.extend_chain,
) -> Procedure[JobSnapshot]:
    """Read a job's records through `entry`; with `known`, an earlier snapshot, read only what is new.

    Raises NoSuchJob, Diverged, BadRecord, ChordError.
    """
    items, nodes = yield from find(entry, ring, ring.key(job))
    if known is None:
        known = JobSnapshot((yield from _read_spec(job, items, nodes)))
    _check_known_results(job, items, known)
    new_results = [item for number, item in numbered(job, "result-", items) if number >= len(known.results)]
    results = build_chain(job, known.results, (yield from _contents(nodes, new_results)))
    reports = known.reports
    if with_reports:
        new_reports = [item for number, item in numbered(job, "report-", items) if number not in reports]
        contents = yield from _contents(nodes, new_reports)
        reports = reports | {report.round: report for report in map(records.report_from_bytes, contents)}
    reason = known.reason or (yield from _read_reason(job, items, nodes))
    return JobSnapshot(known.spec, results, reports, jobs.end_among(job, items), reason)


def _read_spec(job: str, items: tuple[Item, ...], nodes: tuple[NodeRef, ...]) -> Procedure[JobSpec]:
    name = records.record_name(job, records.SPEC)
    specs = [i for i in items if i.entry.name == name and i.entry.digest == job]  # a job's id is its spec's digest
    if not specs:
        raise NoSuchJob(f"no job {job} on this ring")
    contents = yield from _contents(nodes, specs[:1])
    return spec_from_bytes(contents[0])


def _read_reason(job: str, items: tuple[Item, ...], nodes: tuple[NodeRef, ...]) -> Procedure[str]:
    """Return why a job failed; an empty string if it did not."""
    failures = [i for i in items if i.entry.name == records.record_name(job, records.FAILED)]
    contents = yield from _contents(nodes, failures[:1])
    return "".join(content.decode(errors="replace") for content in contents)


def _check_known_results(job: str, items: tuple[Item, ...], known: JobSnapshot) -> None:
    """Raise Diverged if a round that is already known has another result as well."""
    for number, item in numbered(job, "result-", items):
        if number < len(known.results) and known.results[number].digest != item.entry.digest:
            raise records.diverged(number, known.results[number].digest, item.entry.digest)


def numbered(job: str, prefix: str, items: tuple[Item, ...]) -> list[tuple[int, Item]]:
    """Return the records of one kind with their rounds, in order of round and then of writing."""
    start = records.record_name(job, prefix)
    named = [(i.entry.name.removeprefix(start), i) for i in items if i.entry.name.startswith(start)]
    return sorted(((int(n), i) for n, i in named if n.isdecimal()), key=lambda pair: (pair[0], pair[1].rank))


def _contents(nodes: tuple[NodeRef, ...], items: list[Item]) -> Procedure[list[bytes]]:
    """Read the contents of these items. Raises the first error."""
    return (yield from gather_or_raise([fetch(nodes, i.entry.digest, i.entry.size_bytes) for i in items]))
