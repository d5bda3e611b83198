"""A listing of the latest jobs, in three round trips: the directory, the names of the jobs' records, their contents.

It is for people: it asks the responsible nodes among given members instead of looking them up, and reads of each job
only what it shows; a job of many rounds that keeps its best one costs one more round trip. `snapshot` verifies a whole
job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roundelay.chord.effects import CALL_TIMEOUT_S, Procedure, Request, ask_all, gather
from roundelay.chord.errors import ChordError, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetNeighbours
from roundelay.chord.ring import Ring
from roundelay.federation import records
from roundelay.federation.early_stopping import kept_round
from roundelay.federation.errors import BadRecord, NoSuchJob
from roundelay.federation.jobs import end_among, is_pause, pause_among
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.snapshot import (
    MalformedRecord,
    numbered,
    of_fitting_size,
    parse_records,
    read_records,
    replaced_by,
    replacements,
)
from roundelay.federation.spec import JobSpec, spec_from_bytes
from roundelay.store.items import Find, Item
from roundelay.store.read_path import fetch_many, holders_among, latest_items

RESULTS_ALONG_MAX = 24  # of a job, read with its last one: they fit into the first packets of a connection
WARMED_MAX = 64  # members to which connections are opened beside the first question


@dataclass(frozen=True)
class ListedJob:
    """What a listing shows of a job; `error` says why its records cannot be read."""

    job: str
    spec: JobSpec | None = None
    end: str = ""
    result: RoundResult | None = None  # the last one
    kept: RoundResult | None = None  # the round whose model is the job's result, so far
    report: RoundReport | None = None  # of the last round
    reason: str = ""  # why a failed job failed, or what replaces it
    error: str = ""
    diverged: bool = False
    is_malformed: bool = False  # its spec cannot be read, wherever it is read
    malformed: tuple[MalformedRecord, ...] = ()  # records that were ignored
    paused: bool = False


@dataclass(frozen=True)
class _Found:
    """A job's items, and the nodes that were asked for them."""

    job: str
    items: tuple[Item, ...]
    nodes: tuple[NodeRef, ...]


def list_latest(members: Sequence[NodeRef], ring: Ring, count: int) -> Procedure[list[ListedJob]]:
    """Return the latest `count` jobs, the oldest first. Raises NotYet: a responsible node did not answer."""
    directory = holders_among(members, ring, ring.key(records.DIRECTORY))
    others = [node for node in members if node not in directory][:WARMED_MAX]
    asks: list[tuple[NodeRef, Request[object]]] = [
        *((node, Find(ring.key(records.DIRECTORY))) for node in directory),
        *((node, GetNeighbours()) for node in others),  # opens connections, which the next round trip uses
    ]
    answers = (yield from ask_all(asks, deadline_s=CALL_TIMEOUT_S))[: len(directory)]
    items = _items(answers)
    if not items and any(isinstance(answer, ChordError) for answer in answers):
        raise NotYet("the nodes that list the jobs do not answer")
    listed = sorted(items, key=lambda item: (item.version, item.entry.name))
    jobs = [item.entry.name for item in listed if len(item.entry.name) == 64][-count:]
    found = yield from _find_all(members, ring, jobs)
    outcomes = yield from gather([_read(each) for each in found], max(1, len(found)))
    return [
        outcome if isinstance(outcome, ListedJob) else _unreadable(each.job, outcome)
        for each, outcome in zip(found, outcomes, strict=True)
    ]


def _find_all(members: Sequence[NodeRef], ring: Ring, jobs: Sequence[str]) -> Procedure[list[_Found]]:
    """Find the records of all jobs at once."""
    holders = {job: holders_among(members, ring, ring.key(job)) for job in jobs}
    asks = [(node, Find(ring.key(job))) for job in jobs for node in holders[job]]
    answers = iter((yield from ask_all(asks, deadline_s=CALL_TIMEOUT_S)))
    return [_Found(job, _items([next(answers) for _ in holders[job]]), holders[job]) for job in jobs]


def _read(found: _Found) -> Procedure[ListedJob]:
    """Read what a listing shows of one job, all contents at once. Raises NoSuchJob, ChordError, BadRecord."""
    job, spec = found.job, _named(found, records.record_name(found.job, records.SPEC))
    if not spec:
        raise NoSuchJob("its records were not found")
    results, malformed = of_fitting_size(numbered(job, "result-", found.items))
    reports, _ = of_fitting_size(numbered(job, "report-", found.items))
    last, failure = results[-1:], _named(found, records.record_name(job, records.FAILED))
    replaced = replacements(job, found.items)
    report = [pair for pair in reports if last and pair[0] == last[0][0]][-1:]
    along = results[:-1] if len(results) <= RESULTS_ALONG_MAX else []  # it may keep its best round
    content = yield from _fetch(found, [*spec, *failure, *replaced, *(item for _, item in (*last, *report, *along))])
    read = spec_from_bytes(content[spec[0]])
    chain, unread = parse_records(job, last, [content[item] for _, item in last], records.result_from_bytes)
    shown, unshown = parse_records(job, report, [content[item] for _, item in report], records.report_from_bytes)
    malformed += [*unread, *unshown]
    if not chain or read.settings.keep == "best" or len({number for number, _ in results}) < len(results):
        if along:
            earlier, unread = parse_records(job, along, [content[i] for _, i in along], records.result_from_bytes)
        else:
            earlier, unread = yield from read_records(job, found.nodes, results[:-1], records.result_from_bytes)
        chain, malformed = [*earlier, *chain], [*malformed, *unread]
    if len({result.round for result in chain}) < len(chain):
        return ListedJob(job, diverged=True, error="a round has two different results", malformed=tuple(malformed))
    return ListedJob(
        job,
        read,
        end_among(job, found.items),
        chain[-1] if chain else None,
        kept_round(read.settings, chain) if chain else None,
        shown[0] if shown else None,
        "".join(
            [
                *(records.reason_from_bytes(content[item]) for item in failure),
                *(replaced_by(records.successor_from_bytes(content[item])) for item in replaced),
            ]
        ),
        malformed=tuple(malformed),
        paused=is_pause(pause_among(job, found.items)),
    )


def _fetch(found: _Found, items: Sequence[Item]) -> Procedure[dict[Item, bytes]]:
    """Read the contents of items at once."""
    contents = yield from fetch_many(found.nodes, [item.entry for item in items])
    return dict(zip(items, contents, strict=True))


def _unreadable(job: str, error: Exception) -> ListedJob:
    if not isinstance(error, ChordError | BadRecord | NoSuchJob):
        raise error
    return ListedJob(job, error=str(error), is_malformed=isinstance(error, BadRecord))


def _named(found: _Found, name: str) -> list[Item]:
    """Return the item with a name; of a spec the one whose digest is the job's id."""
    is_spec = name == records.record_name(found.job, records.SPEC)
    return [i for i in found.items if i.entry.name == name and (not is_spec or i.entry.digest == found.job)][:1]


def _items(answers: Sequence[object]) -> tuple[Item, ...]:
    return latest_items([item for answer in answers if isinstance(answer, tuple) for item in answer])
