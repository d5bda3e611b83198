"""A job as the ring's records show it at one moment: spec, verified results, reports, end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from roundelay.chord.effects import Procedure
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records, result_chain
from roundelay.federation.early_stopping import is_complete, kept_round
from roundelay.federation.errors import BadRecord, NoSuchJob
from roundelay.federation.job_keys import ROUND_DIGITS_MAX, find_first, find_later
from roundelay.federation.origin import spec_of
from roundelay.federation.records import PersonalRecord, RoundReport, RoundResult
from roundelay.federation.spec import JobSpec
from roundelay.federation.strict_json import RECORD_BYTES_MAX
from roundelay.store.items import Item
from roundelay.store.read_path import fetch_many

PERSONAL_MAX = 4  # records of sites' own models that are read: the latest
FORGOTTEN_MAX = 16  # jobs without some of its files, that are shown

T = TypeVar("T")
NumberedItem = tuple[int, Item]  # a record of a round
BuildChain = Callable[[str, tuple[RoundResult, ...], list[RoundResult]], tuple[RoundResult, ...]]
Parse = Callable[[bytes, str, int], T]  # content, job, round -> record; raises BadRecord


@dataclass(frozen=True)
class MalformedRecord:
    """A record that cannot be read; it counts as absent, and goes when its lease ends."""

    name: str
    digest: str
    why: str

    def __str__(self) -> str:
        return f"record {self.name} ({self.digest[:8]}) cannot be read and is ignored: {self.why}"


@dataclass(frozen=True)
class JobSnapshot:
    """A job's records at the time of reading, as drivers, clients and the dashboard see them."""

    spec: JobSpec
    results: tuple[RoundResult, ...] = ()  # the verified chain, from round 0 on
    reports: dict[int, RoundReport] = field(default_factory=dict)  # by round; empty unless they were asked for
    end: str = ""  # one of records.ENDS; empty while the job goes on
    reason: str = ""  # why a failed job failed, or what replaces it
    malformed: tuple[MalformedRecord, ...] = ()  # beside the records that count
    last_report: str = ""  # digest of the latest REPORT of the last round
    successor: str = ""  # id of the job that replaces this one
    forgotten_by: tuple[str, ...] = ()  # jobs that are this one without some of its files
    paused: bool = False  # its driver waits before the next round
    personal: PersonalRecord | None = None  # of the sites' own models, where the job makes them after its rounds

    @property
    def job(self) -> str:
        """The job's id."""
        return self.spec.job

    @property
    def state(self) -> str:
        """One of waiting, running, paused, done, failed, cancelled, replaced."""
        return self.end or ("paused" if self.paused else "running" if self.results else "waiting")

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
    spec: JobSpec | None = None,
    nodes: tuple[NodeRef, ...] = (),
    with_reports: bool = False,
    build_chain: BuildChain = result_chain.extend_chain,
) -> Procedure[JobSnapshot]:
    """Read a job's records through `entry`; with `known`, an earlier snapshot, read only what is new.

    spec: the job's, if it is known; else it is read. nodes: those responsible for the job's key, if they are known;
    else they are looked up.
    Raises NoSuchJob, BadRecord, ChordError; Diverged, if a round that anybody can repeat has two results.
    """
    first = yield from find_first(entry, ring, job, len(known.results) if known is not None else 0, nodes)
    if known is None:
        stored = _find_spec(job, first[0])
        known = JobSnapshot(spec or (yield from _read_spec(stored, first[1])))
    items, nodes = yield from find_later(entry, ring, known.spec, first, len(known.results))
    results, malformed = yield from _read_results(known, items, nodes, build_chain)
    reports = {number: report for number, report in known.reports.items() if _belongs(report, results)}
    if with_reports:
        reports, malformed = yield from _read_reports(known, items, nodes, results, reports, malformed)
    successor = known.successor or (yield from jobs.successor_among(job, items, nodes))
    return JobSnapshot(
        known.spec,
        results,
        reports,
        jobs.end_among(job, items),
        known.reason or (yield from _read_reason(job, items, nodes)) or replaced_by(successor),
        tuple(malformed),
        (yield from _find_last_report(known.spec, items, nodes, results)),
        successor,
        (yield from _read_forgotten(job, items, nodes)),
        jobs.is_pause(jobs.pause_among(job, items)),
        (yield from _read_personal_of(known, items, nodes, results)),
    )


def salvage_snapshot(entry: NodeRef, ring: Ring, job: str) -> Procedure[JobSnapshot]:
    """Read a job and its reports, with the longest chain that its records allow. Raises NoSuchJob, ChordError."""
    return (yield from read_snapshot(entry, ring, job, with_reports=True, build_chain=result_chain.salvage_chain))


def _read_results(
    known: JobSnapshot, items: tuple[Item, ...], nodes: tuple[NodeRef, ...], build_chain: BuildChain
) -> Procedure[tuple[tuple[RoundResult, ...], list[MalformedRecord]]]:
    """Read the results that are new. Return the chain with them, and the records that cannot be read."""
    job, seen = known.job, _digests_read(known)
    new = [each for each in numbered(job, "result-", items) if each[1].entry.digest not in seen]
    read, malformed = yield from read_records(job, nodes, new, records.result_from_bytes)
    if known.spec.repro == "recorded":  # two drivers may each have written a chain: all readers follow the same one
        results = result_chain.salvage_chain(job, (), [*known.results, *read])
    else:
        results = build_chain(job, known.results, read)
    return results, [*known.malformed, *malformed]


def _read_reports(
    known: JobSnapshot,
    items: tuple[Item, ...],
    nodes: tuple[NodeRef, ...],
    results: tuple[RoundResult, ...],
    reports: Mapping[int, RoundReport],
    malformed: Sequence[MalformedRecord],
) -> Procedure[tuple[dict[int, RoundReport], list[MalformedRecord]]]:
    """Read the reports that are new. Return all reports, and all records that cannot be read."""
    seen = _digests_read(known)
    new = [
        (number, item)
        for number, item in numbered(known.job, "report-", items)
        if number not in reports and item.entry.digest not in seen
    ]
    found, unread = yield from read_records(known.job, nodes, new, records.report_from_bytes)
    found.sort(key=lambda report: _belongs(report, results))  # of two reports of a round, that of its result counts
    return {**reports, **{report.round: report for report in found}}, [*malformed, *unread]


def _digests_read(known: JobSnapshot) -> set[str]:
    return {bad.digest for bad in known.malformed} | {result.digest for result in known.results}


def _find_last_report(
    spec: JobSpec, items: tuple[Item, ...], nodes: tuple[NodeRef, ...], results: tuple[RoundResult, ...]
) -> Procedure[str]:
    """Return the digest of the last report of the chain; empty if there is none."""
    told = [(number, item) for number, item in numbered(spec.job, "report-", items) if number < len(results)]
    if spec.repro == "recorded":
        told = yield from _of_the_chain(spec.job, nodes, results, told)
    return told[-1][1].entry.digest if told else ""


def _read_personal_of(
    known: JobSnapshot, items: tuple[Item, ...], nodes: tuple[NodeRef, ...], results: tuple[RoundResult, ...]
) -> Procedure[PersonalRecord | None]:
    """Return the record of the sites' own models that were made from the round that the job keeps, if there is one."""
    kept = kept_round(known.spec.settings, results).digest if results else ""
    if known.personal is not None and known.personal.result == kept:
        return known.personal
    return (yield from _read_personal(known.job, kept, items, nodes))


def _belongs(report: RoundReport, results: tuple[RoundResult, ...]) -> bool:
    """Return whether a report is of one of these results, as far as they go."""
    return report.round >= len(results) or report.result in ("", results[report.round].digest)


def read_records(
    job: str, nodes: tuple[NodeRef, ...], numbered_items: Sequence[NumberedItem], parse: Parse[T]
) -> Procedure[tuple[list[T], list[MalformedRecord]]]:
    """Read and parse these records of a job. Return them, and those that cannot be read. Raises ChordError."""
    fitting, malformed = of_fitting_size(numbered_items)
    contents = yield from contents_of(nodes, [item for _, item in fitting])
    read, unread = parse_records(job, fitting, contents, parse)
    return read, [*malformed, *unread]


def of_fitting_size(numbered_items: Sequence[NumberedItem]) -> tuple[list[NumberedItem], list[MalformedRecord]]:
    """Return the records that are small enough to be read, and the others."""
    fitting = [(number, item) for number, item in numbered_items if item.entry.size_bytes <= RECORD_BYTES_MAX]
    large = [item for _, item in numbered_items if item.entry.size_bytes > RECORD_BYTES_MAX]
    return fitting, [_malformed(item, "it is too large") for item in large]


def parse_records(
    job: str, numbered_items: Sequence[NumberedItem], contents: Sequence[bytes], parse: Parse[T]
) -> tuple[list[T], list[MalformedRecord]]:
    """Parse records of a job. Return them, and those that are malformed."""
    read, malformed = list[T](), list[MalformedRecord]()
    for (number, item), content in zip(numbered_items, contents, strict=True):
        try:
            read.append(parse(content, job, number))
        except BadRecord as error:
            malformed.append(_malformed(item, str(error)))
    return read, malformed


def _malformed(item: Item, why: str) -> MalformedRecord:
    return MalformedRecord(item.entry.name, item.entry.digest, why)


def _find_spec(job: str, items: tuple[Item, ...]) -> Item:
    """Return the item of a job's spec. Raises NoSuchJob."""
    name = records.record_name(job, records.SPEC)
    specs = [i for i in items if i.entry.name == name and i.entry.digest == job]  # a job's id is its spec's digest
    if not specs:
        raise NoSuchJob(f"no job {job} on this ring")
    return specs[0]


def _read_spec(item: Item, nodes: tuple[NodeRef, ...]) -> Procedure[JobSpec]:
    contents = yield from contents_of(nodes, [item])
    return spec_of(item, contents[0])


def _of_the_chain(
    job: str, nodes: tuple[NodeRef, ...], results: tuple[RoundResult, ...], told: Sequence[NumberedItem]
) -> Procedure[list[NumberedItem]]:
    """Return these REPORTs without those of the last round that another driver has written for another chain.

    Those of earlier rounds are all kept: only the last one matters to a driver, which names it in its next REPORT.
    """
    last = [(number, item) for number, item in told if number == len(results) - 1]
    if len(last) < 2:
        return list(told)
    read, _ = yield from read_records(job, nodes, last, records.report_from_bytes)
    right = {report.digest for report in read if _belongs(report, results)}
    return [*told[: -len(last)], *(pair for pair in last if pair[1].entry.digest in right)]


def _read_reason(job: str, items: tuple[Item, ...], nodes: tuple[NodeRef, ...]) -> Procedure[str]:
    """Return why a job failed; an empty string if it did not."""
    failures = [i for i in items if i.entry.name == records.record_name(job, records.FAILED)]
    contents = yield from contents_of(nodes, failures[:1])
    return "".join(records.reason_from_bytes(content) for content in contents)


def _read_personal(
    job: str, kept: str, items: tuple[Item, ...], nodes: tuple[NodeRef, ...]
) -> Procedure[PersonalRecord | None]:
    """Return how well the sites' own models do; None if that is not known, or malformed.

    kept: digest of the RESULT whose model the job keeps. What was measured of another one is ignored.
    """
    name = records.record_name(job, records.PERSONAL)
    found = sorted((item for item in items if item.entry.name == name), key=lambda item: item.rank)[-PERSONAL_MAX:]
    fitting, _ = of_fitting_size([(0, item) for item in found])
    contents = yield from contents_of(nodes, [item for _, item in fitting])
    for content in reversed(contents):
        with suppress(BadRecord):
            record = records.personal_from_bytes(content, job)
            if record.result == kept:
                return record
    return None


def replaced_by(successor: str) -> str:
    """Return why a job has ended that another replaces; empty if none does."""
    return f"nodes lied: job {successor[:8]} replaces it" if successor else ""


def _read_forgotten(job: str, items: tuple[Item, ...], nodes: tuple[NodeRef, ...]) -> Procedure[tuple[str, ...]]:
    """Return the ids of the jobs that are this one without some of its files."""
    name = records.record_name(job, records.FORGOTTEN)
    found = [i for i in items if i.entry.name == name and i.entry.size_bytes == records.JOB_ID_BYTES]
    contents = yield from contents_of(nodes, found[:FORGOTTEN_MAX])
    return tuple(filter(None, map(records.successor_from_bytes, contents)))


def numbered(job: str, prefix: str, items: tuple[Item, ...]) -> list[NumberedItem]:
    """Return the records of one kind with their rounds, in order of round and then of writing."""
    start = records.record_name(job, prefix)
    named = [(i.entry.name.removeprefix(start), i) for i in items if i.entry.name.startswith(start)]
    return sorted(
        ((int(n), i) for n, i in named if n.isdecimal() and n.isascii() and len(n) <= ROUND_DIGITS_MAX),
        key=lambda pair: (pair[0], pair[1].rank),
    )


def contents_of(nodes: tuple[NodeRef, ...], items: list[Item]) -> Procedure[list[bytes]]:
    """Read the contents of these items. Raises the first error."""
    return (yield from fetch_many(nodes, [item.entry for item in items]))
