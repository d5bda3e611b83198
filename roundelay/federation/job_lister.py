"""A node's side of a listing: what its records of a job say, in one answer of a few hundred bytes.

Of the records it reads only what is shown: the spec, the last RESULT and its REPORT, the reason of an end. Where a job
keeps its best round, that one is among those whose weights are here (`early_stopping.superseded_rounds`). A record
never changes, so that what was read once is remembered.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast

from roundelay.chord.errors import NotFound
from roundelay.chord.ring import Ring
from roundelay.federation import records
from roundelay.federation.early_stopping import best_round
from roundelay.federation.errors import BadRecord
from roundelay.federation.jobs import end_among, is_pause, pause_among
from roundelay.federation.listed_job import DIVERGED, LINES_MAX, MALFORMED, SITES_MAX, TWO_RESULTS, ListedJob
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import ListJob
from roundelay.federation.snapshot import MalformedRecord, numbered, replaced_by, replacements
from roundelay.federation.spec import spec_from_bytes
from roundelay.federation.strict_json import RECORD_BYTES_MAX
from roundelay.store.blobs import verify_digest
from roundelay.store.items import CHUNK_BYTES, Entry, Item
from roundelay.store.store import Store

REMEMBERED_MAX = 512  # records; the least recently used is forgotten

T = TypeVar("T")
Items = tuple[Item, ...]


@dataclass(frozen=True)
class _Spec:
    rounds: int
    keeps_best: bool
    forgets: str
    pinned: str
    excluded: tuple[str, ...]
    is_repeatable: bool  # else two drivers may have stored a round at the same moment


@dataclass(frozen=True)
class _Report:
    driver: str
    liars: tuple[str, ...]
    trained_by: tuple[str, ...]


class JobLister:
    """Answers ListJob from a node's store."""

    def __init__(self, ring: Ring, store: Store) -> None:
        self._ring = ring
        self._store = store
        self._remembered: OrderedDict[tuple[str, str], object] = OrderedDict()  # by name and digest of a record

    def answer(self, request: ListJob) -> ListedJob:
        """Return what the records here say of a job. Raises NotFound, NotYet, Corrupt."""
        job = request.job
        items = tuple(item for item in self._store.find(self._ring.key(job)) if not item.deleted)
        spec = next((i for i in _named(items, job, records.SPEC) if i.entry.digest == job), None)
        if spec is None:
            raise NotFound(f"job {job[:8]} is not stored here")
        read = self._read(spec, _spec_from)
        if isinstance(read, MalformedRecord):
            return ListedJob(job, MALFORMED, reason=read.why)
        return self._listed(job, read, items)

    def _listed(self, job: str, spec: _Spec, items: Items) -> ListedJob:
        read, malformed = self._results(job, spec, items)
        results = [result for _, result in read]
        last, digest = (results[0], read[0][0]) if read else (None, "")
        kept = best_round(results) if results and spec.keeps_best else last
        report, unread = self._report(job, last, items)
        is_diverged = spec.is_repeatable and len({result.round for result in results}) < len(results)
        unended = "paused" if is_pause(pause_among(job, items)) else "running" if last else "waiting"
        return ListedJob(
            job,
            DIVERGED if is_diverged else end_among(job, items) or unended,
            last.round if last else 0,
            spec.rounds,
            kept.error if kept and kept.round else None,
            digest,
            report.driver if report else "",
            TWO_RESULTS if is_diverged else self._reason(job, items),
            spec.forgets,
            spec.pinned,
            tuple(map(str, [*malformed, *unread][:LINES_MAX])),
            (report.liars if report else spec.excluded)[:LINES_MAX],
            report.trained_by[:SITES_MAX] if report and spec.pinned else (),
        )

    def _results(
        self, job: str, spec: _Spec, items: Items
    ) -> tuple[list[tuple[str, RoundResult]], list[MalformedRecord]]:
        """Return the last RESULT, those of a round that has several, and those that may be the best, with digests.

        The latest comes first.
        """
        found = numbered(job, "result-", items)
        count = Counter(number for number, _ in found)
        stay = {number for number, _ in numbered(job, "weights-", items)} if spec.keeps_best else set()
        results, malformed = list[tuple[str, RoundResult]](), list[MalformedRecord]()
        for number, item in reversed(found):
            if results and count[number] == 1 and number not in stay:
                continue
            result = self._read(item, partial(_result_from, job=job, number=number))
            if isinstance(result, MalformedRecord):
                malformed.append(result)
            else:
                results.append((item.entry.digest, result))
        return results, malformed

    def _report(self, job: str, last: RoundResult | None, items: Items) -> tuple[_Report | None, list[MalformedRecord]]:
        """Return the latest REPORT of the last round, and what cannot be read."""
        found = [item for number, item in numbered(job, "report-", items) if last and number == last.round]
        read = [self._read(item, partial(_report_from, job=job, number=last.round)) for item in found[-1:] if last]
        reports = [each for each in read if isinstance(each, _Report)]
        return reports[0] if reports else None, [each for each in read if isinstance(each, MalformedRecord)]

    def _reason(self, job: str, items: Items) -> str:
        """Return why a job failed, or what replaces it."""
        failures = [self._read(item, records.reason_from_bytes) for item in _named(items, job, records.FAILED)[:1]]
        successors = [self._read(item, records.successor_from_bytes) for item in replacements(job, items)]
        parts = [*failures, *(replaced_by(each) if isinstance(each, str) else each for each in successors)]
        return "".join(map(str, parts))

    def _read(self, item: Item, parse: Callable[[bytes], T]) -> T | MalformedRecord:
        """Return what a record says. Raises NotFound, Corrupt."""
        entry = item.entry
        known = entry.name, entry.digest
        if known not in self._remembered:
            self._remembered[known] = self._parsed(entry, parse)
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(known)
        return cast("T | MalformedRecord", self._remembered[known])

    def _parsed(self, entry: Entry, parse: Callable[[bytes], T]) -> T | MalformedRecord:
        if entry.size_bytes > RECORD_BYTES_MAX:
            return MalformedRecord(entry.name, entry.digest, "it is too large")
        starts = range(0, entry.size_bytes, CHUNK_BYTES)
        content = b"".join(self._store.read(entry.digest, start, CHUNK_BYTES) for start in starts)
        verify_digest(entry.digest, content)
        try:
            return parse(content)
        except BadRecord as error:
            return MalformedRecord(entry.name, entry.digest, str(error))


def _named(items: Items, job: str, what: str) -> Items:
    return tuple(item for item in items if item.entry.name == records.record_name(job, what))


def _spec_from(content: bytes) -> _Spec:
    spec = spec_from_bytes(content)
    settings = spec.settings
    excluded, is_repeatable = tuple(map(str, spec.excluded)), spec.repro == "bits"
    return _Spec(settings.rounds, settings.keep == "best", spec.forgets, spec.pinned, excluded, is_repeatable)


def _result_from(content: bytes, job: str, number: int) -> RoundResult:
    return replace(records.result_from_bytes(content, job, number), moments="", left_out=(), taken=())  # may be long


def _report_from(content: bytes, job: str, number: int) -> _Report:
    report = records.report_from_bytes(content, job, number)
    return _Report(report.driver, tuple(map(str, report.liars)), tuple(sorted(set(report.placement.values()))))
