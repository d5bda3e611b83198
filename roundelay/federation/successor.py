"""A successor: the job that replaces one in which nodes have lied, from the last round that they have not touched.

Its spec is that of the first job with the liars excluded, so every driver that finds them makes the same one. The
rounds that it takes over have the same results under its own name: its chain is complete, and its model is that of a
job in which the liars never took part. Its driver copies them first, so it does not matter who dies before that.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from roundelay.chord.effects import Procedure, gather_or_raise
from roundelay.chord.ring import Ring
from roundelay.federation import jobs, records, result_chain
from roundelay.federation.contributions import Contributions
from roundelay.federation.errors import BadRecord
from roundelay.federation.job_keys import find_all
from roundelay.federation.job_log import JobLog, RoundModel
from roundelay.federation.records import RoundReport, RoundResult, blank_report
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.snapshot import JobSnapshot, contents_of, numbered, read_snapshot
from roundelay.federation.spec import JobSpec, Liar


def successor_of(spec: JobSpec, inherited: int, liars: Collection[Liar]) -> JobSpec:
    """Return the job that takes over the rounds up to `inherited`, and goes on without the liars."""
    excluded = tuple(sorted(liars, key=lambda liar: (liar.round, liar.address)))
    return replace(spec, replaces=spec.job, inherited=inherited, excluded=excluded)


def replace_job(roster: Roster, log: JobLog, successor: JobSpec, version: int) -> Procedure[None]:
    """Publish the successor, then end the job; the record of that leads to the successor. Raises ChordError."""
    ring = roster.ring
    yield from with_entry_failover(roster, lambda entry: jobs.publish_successor(entry, ring, successor, version))
    yield from log.write(records.REPLACED, successor.job.encode())


def inherit(roster: Roster, log: JobLog, spec: JobSpec, known: int) -> Procedure[JobSnapshot]:
    """Write the rounds that a job takes over, from round `known` on; return its records as they are then.

    Raises NoSuchJob, BadRecord, ChordError.
    """
    ring = roster.ring
    first: JobSnapshot = yield from with_entry_failover(
        roster,
        lambda entry: read_snapshot(
            entry, ring, spec.replaces, with_reports=True, build_chain=result_chain.salvage_chain
        ),
    )
    if len(first.results) <= spec.inherited:
        raise BadRecord(f"job {spec.replaces[:8]} has no round {spec.inherited}, which job {spec.job[:8]} continues")
    taken = first.results[: spec.inherited + 1]
    written = [first.reports.get(result.round) or blank_report(spec.job, result.round) for result in taken]
    contributions = Contributions(written)
    for number in sorted({spec.inherited, *contributions.models_needed(spec.settings, taken)}):
        model = yield from _read_model(roster, ring, taken[number])
        yield from log.store_model(model)
    results, reports = renamed(taken, written, spec.job)
    proven = yield from _read_receipts(roster, ring, first.spec, spec.inherited)
    yield from log.adopt(results[known:], reports[known:], proven)
    by_round = {report.round: report for report in reports}
    return JobSnapshot(spec, results, by_round, last_report=reports[-1].digest)


def renamed(
    results: Sequence[RoundResult], reports: Sequence[RoundReport], job: str
) -> tuple[tuple[RoundResult, ...], tuple[RoundReport, ...]]:
    """Return the same results and reports as the chains of another job."""
    chain, told = list[RoundResult](), list[RoundReport]()
    for result, report in zip(results, reports, strict=True):
        chain.append(replace(result, job=job, previous=chain[-1].digest if chain else ""))
        before = told[-1].digest if told else ""
        told.append(replace(report, job=job, previous=before, result=chain[-1].digest))
    return tuple(chain), tuple(told)


def _read_receipts(roster: Roster, ring: Ring, spec: JobSpec, last: int) -> Procedure[dict[int, bytes]]:
    """Read the receipts of a job's rounds up to the last one that another job takes over."""
    items, nodes = yield from with_entry_failover(roster, lambda entry: find_all(entry, ring, spec))
    taken = [pair for pair in numbered(spec.job, "receipts-", items) if pair[0] <= last]
    contents = yield from contents_of(nodes, [item for _, item in taken])
    return {number: content for (number, _), content in zip(taken, contents, strict=True)}


def _read_model(roster: Roster, ring: Ring, result: RoundResult) -> Procedure[RoundModel]:
    weights, state = yield from gather_or_raise(
        [
            with_entry_failover(roster, lambda entry: jobs.read_weights(entry, ring, result)),
            with_entry_failover(roster, lambda entry: jobs.read_rule_state(entry, ring, result)),
        ]
    )
    return RoundModel(result.round, weights, state)
