"""A node's side of a listing: what its records of a job say, in one answer of a few hundred bytes.

Of the records it reads only what is shown: the spec, the last RESULT and its REPORT, the reason of an end. Where a job
keeps its best round, that one is among those whose weights are here (`early_stopping.superseded_rounds`), so their
RESULTs are read too. Where rounds have several RESULTs, these are read: the chain is the one that a driver follows. A
record never changes, so that what is shown of it is remembered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar, cast

from roundelay.chord.errors import NotFound
from roundelay.chord.ring import Ring
from roundelay.federation import job_keys, records, result_chain
from roundelay.federation.early_stopping import best_round
from roundelay.federation.errors import BadRecord
from roundelay.federation.jobs import end_among, is_pause, pause_among, replacements
from roundelay.federation.listed_job import DIVERGED, LINES_MAX, MALFORMED, SITES_MAX, TWO_RESULTS, ListedJob
from roundelay.federation.origin import spec_of
from roundelay.federation.requests import ListJob
from roundelay.federation.setting_texts import listed_texts
from roundelay.federation.snapshot import MalformedRecord, numbered, replaced_by
from roundelay.federation.states import UNENDED_STATES
from roundelay.federation.strict_json import RECORD_BYTES_MAX
from roundelay.store.blobs import digest_of, verify_digest
from roundelay.store.items import Entry, Item
from roundelay.store.store import Store

REMEMBERED_BYTES_MAX = 16 << 20  # of what is remembered of records; the least recently used is forgotten
ITEM_BYTES = 400  # of a remembered record, beside what it says
REASON_CHARACTERS_MAX = 200  # of why a job waits
REPORTS_MAX = 4  # of one round, the latest: one for each driver that has stored it

T = TypeVar("T")
Items = tuple[Item, ...]
_Known = tuple[str, str, bytes]  # a record: its name, digest and signature, by which a spec is judged


@dataclass(frozen=True)
class _Spec:
    rounds: int
    keeps_best: bool
    forgets: str
    pinned: str
    files: int
    settings: tuple[str, ...]
    excluded: tuple[str, ...]
    is_repeatable: bool  # else two drivers may have stored different RESULTs of a round


@dataclass(frozen=True)
class _Result:
    job: str
    round: int
    previous: str
    digest: str
    error: float


@dataclass(frozen=True)
class _Report:
    result: str
    driver: str
    liars: tuple[str, ...]
    sites: tuple[str, ...]  # that trained private data


class JobLister:
    """Answers ListJob from a node's store, one at a time; it holds the store's lock to find and read, not to parse."""

    def __init__(self, ring: Ring, store: Store, why_waiting: Callable[[str], str] = lambda job: "") -> None:
        """Create a lister. why_waiting: why a job does not go on, if this node knows; else empty."""
        self._ring = ring
        self._why_waiting = why_waiting
        self._store = store
        self._remembered: OrderedDict[_Known, tuple[object, int]] = OrderedDict()
        self._remembered_bytes = 0

    def answer(self, request: ListJob) -> ListedJob:
        """Return what the records here say of a job. Raises NotFound, NotYet, Corrupt."""
        job = request.job
        items = self._items((self._ring.key(job),))
        spec = next((i for i in _named(items, job, records.SPEC) if i.entry.digest == job), None)
        if spec is None:
            raise NotFound(f"job {job[:8]} is not stored here")
        read = self._read(spec, partial(_spec_from, spec))
        if isinstance(read, MalformedRecord):
            return ListedJob(job, MALFORMED, reason=read.why)
        listed = self._listed(job, read, (*items, *self._later_items(job, read)))
        reason = self._why_waiting(job) if listed.state in UNENDED_STATES else ""
        return replace(listed, started_ns=spec.version, reason=listed.reason or reason[:REASON_CHARACTERS_MAX])

    def _items(self, keys: Sequence[int], names: tuple[str, ...] = ()) -> Items:
        """Return the items of keys, only those with one of `names`, if given. Others use the store between two keys."""
        found = dict[Entry, Item]()
        for key in keys:
            with self._store.lock:
                found |= {item.entry: item for item in self._store.find(key, names) if not item.deleted}
        return tuple(found.values())

    def _later_items(self, job: str, spec: _Spec) -> Items:
        """Return the items under a job's later keys that are needed: of the last two, as a chain may fork, all."""
        keys = job_keys.keys_of(self._ring, job, spec.rounds)

        def is_last(place: int) -> bool:
            name = job_keys.last_result(job, place)
            with self._store.lock:
                return not self._store.find(keys[place], (name,))

        last = bisect_left(range(len(keys) - 1), True, key=is_last)
        recent = max(1, last - 1)
        earlier = self._kept_items(job, keys[:recent]) if spec.keeps_best else ()
        return (*earlier, *self._items(keys[recent : last + 1]))

    def _kept_items(self, job: str, keys: Sequence[int]) -> Items:
        """Return the weights that are stored under a job's keys but the first, and the RESULTs of the same rounds."""
        found = list[Item]()
        for place, key in enumerate(keys[1:], 1):
            rounds = job_keys.rounds_under(place)
            weights = self._items((key,), tuple(records.weights_name(job, number) for number in rounds))
            kept = sorted({number for number, _ in numbered(job, "weights-", weights)})
            results = self._items((key,), tuple(records.result_name(job, number) for number in kept)) if kept else ()
            if len({item.entry.name for item in results}) < len(results):
                return self._items(keys[1:])  # a fork: which RESULT counts depends on those after it
            found += (*weights, *results)
        return tuple(found)

    def _listed(self, job: str, spec: _Spec, items: Items) -> ListedJob:
        chain, forks, malformed = self._chain(job, spec, items)
        last = chain[0] if chain else None
        kept = best_round(chain) if chain and spec.keeps_best else last
        report, unread = self._report(job, spec, last, items)
        is_diverged = spec.is_repeatable and forks
        unended = "paused" if is_pause(pause_among(job, items)) else "running" if last else "waiting"
        return ListedJob(
            job,
            DIVERGED if is_diverged else end_among(job, items) or unended,
            last.round if last else 0,
            spec.rounds,
            kept.error if kept and kept.round else None,
            last.digest if last else "",
            report.driver if report else "",
            TWO_RESULTS if is_diverged else self._reason(job, items),
            spec.forgets,
            spec.pinned,
            tuple(map(str, [*malformed, *unread][:LINES_MAX])),
            report.liars if report else spec.excluded,
            report.sites if report else (),
            not spec.is_repeatable,
            files=spec.files,
            settings=spec.settings,
        )

    def _chain(self, job: str, spec: _Spec, items: Items) -> tuple[list[_Result], bool, list[MalformedRecord]]:
        """Return RESULTs of the job's chain: the last, and those that may be the best; the latest first.

        Return also whether a round has several, and what cannot be read. A round with several is followed downwards
        until one has a single RESULT, from which the longest chain goes up again.
        """
        by_round = defaultdict[int, list[Item]](list)
        for number, item in numbered(job, "result-", items):
            by_round[number].append(item)
        forked = {number for number, found in by_round.items() if len(found) > 1}
        wanted = {number for number, _ in numbered(job, "weights-", items)} if spec.keeps_best else set[int]()
        wanted |= forked | {number + 1 for number in forked}
        chain, tail, malformed, forks = list[_Result](), list[_Result](), list[MalformedRecord](), False
        for number in sorted(by_round, reverse=True):
            if chain and number not in wanted:
                continue
            read = [self._read(i, partial(_result_from, job=job, number=number)) for i in by_round[number]]
            malformed += [each for each in read if isinstance(each, MalformedRecord)]
            results = [each for each in read if isinstance(each, _Result)]
            forks |= len(results) > 1
            if chain:
                chain += [each for each in results if len(results) == 1 or each.digest == chain[-1].previous]
                continue
            if len(results) == 1:
                chain = [*reversed(result_chain.chain_after(job, results[0], tail)), *results]
            tail += results
        return chain or [*reversed(result_chain.chain_after(job, None, tail))], forks, malformed

    def _report(
        self, job: str, spec: _Spec, last: _Result | None, items: Items
    ) -> tuple[_Report | None, list[MalformedRecord]]:
        """Return the latest REPORT of the last RESULT, and what cannot be read."""
        unread = list[MalformedRecord]()
        if last is None:
            return None, unread
        parse = partial(_report_from, job=job, number=last.round, with_sites=bool(spec.pinned))
        found = [item for number, item in numbered(job, "report-", items) if number == last.round]
        for item in reversed(found[-REPORTS_MAX:]):
            report = self._read(item, parse)
            if isinstance(report, MalformedRecord):
                unread.append(report)
            elif report.result in ("", last.digest):
                return report, unread
        return None, unread

    def _reason(self, job: str, items: Items) -> str:
        """Return why a job failed, or what replaces it."""
        failures = [self._read(item, records.reason_from_bytes) for item in _named(items, job, records.FAILED)[:1]]
        successors = [self._read(item, records.successor_from_bytes) for item in replacements(job, items)]
        parts = [*failures, *(replaced_by(each) if isinstance(each, str) else each for each in successors)]
        return "".join(map(str, parts))

    def _read(self, item: Item, parse: Callable[[bytes], T]) -> T | MalformedRecord:
        """Return what a record says. Raises NotFound, Corrupt."""
        entry = item.entry
        known = entry.name, entry.digest, item.signature
        if known not in self._remembered:
            said = self._parsed(entry, parse)
            self._remembered[known] = said, ITEM_BYTES + len(item.signature) + len(repr(said))
            self._remembered_bytes += self._remembered[known][1]
        self._remembered.move_to_end(known)
        while self._remembered_bytes > REMEMBERED_BYTES_MAX:
            self._remembered_bytes -= self._remembered.popitem(last=False)[1][1]
        return cast("T | MalformedRecord", self._remembered[known][0])

    def _parsed(self, entry: Entry, parse: Callable[[bytes], T]) -> T | MalformedRecord:
        if entry.size_bytes > RECORD_BYTES_MAX:
            return MalformedRecord(entry.name, entry.digest, "it is too large")
        content = self._store.whole(entry.digest, entry.size_bytes)
        verify_digest(entry.digest, content)
        try:
            return parse(content)
        except BadRecord as error:
            return MalformedRecord(entry.name, entry.digest, str(error))


def _named(items: Items, job: str, what: str) -> Items:
    return tuple(item for item in items if item.entry.name == records.record_name(job, what))


def _spec_from(item: Item, content: bytes) -> _Spec:
    spec = spec_of(item, content)
    settings = spec.settings
    return _Spec(
        settings.rounds,
        settings.keep == "best",
        spec.forgets,
        spec.pinned,
        len(spec.files),
        listed_texts(settings),
        tuple(map(str, spec.excluded[:LINES_MAX])),
        spec.repro == "bits",
    )


def _result_from(content: bytes, job: str, number: int) -> _Result:
    result = records.result_from_bytes(content, job, number)
    return _Result(job, number, result.previous, digest_of(content), result.error)


def _report_from(content: bytes, job: str, number: int, with_sites: bool) -> _Report:
    report = records.report_from_bytes(content, job, number)
    sites = tuple(sorted(set(report.placement.values()))[:SITES_MAX]) if with_sites else ()
    return _Report(report.result, report.driver, tuple(map(str, report.liars[:LINES_MAX])), sites)
