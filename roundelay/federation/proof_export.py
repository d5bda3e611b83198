"""Collect the parts of a job's proof from the ring."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from roundelay.chord.effects import Procedure
from roundelay.chord.refs import NodeRef
from roundelay.chord.ring import Ring
from roundelay.federation import receipts, records, trained_round
from roundelay.federation.errors import BadProof, BadRecord
from roundelay.federation.job_keys import find_all
from roundelay.federation.proof import Manifest, check_proof
from roundelay.federation.proof_file import MANIFEST, SIGNATURES, SPEC, part_name
from roundelay.federation.proof_rounds import trained_files
from roundelay.federation.proof_signatures import is_signed, signatures_part
from roundelay.federation.records import RoundResult
from roundelay.federation.snapshot import JobSnapshot, contents_of, numbered, read_records, read_snapshot
from roundelay.store.items import Entry, Item

Nodes = tuple[NodeRef, ...]
Items = Mapping[str, Item]  # by part


def collect_parts(
    start: NodeRef, ring: Ring, job: str, with_identities: bool = True, authorities: str = ""
) -> Procedure[dict[str, bytes]]:
    """Return the parts of a proof of a job, as far as it has come. authorities: of a secured ring, as PEM.

    Raises BadProof if its rounds cannot be repeated, or a record is lost; NoSuchJob, Diverged, ChordError.
    """
    view = yield from read_snapshot(start, ring, job)
    if reason := view.spec.why_recorded:
        raise BadProof(reason)
    if view.spec.excluded and not with_identities:
        raise BadProof("its spec names the nodes that it excludes, so a proof of it cannot do without identities")
    if not view.results:
        raise BadProof("the job has no rounds yet")
    items, nodes = yield from find_all(start, ring, view.spec)
    first = Entry(ring.key(job), records.record_name(job, records.SPEC), job, len(view.spec.to_bytes()))
    chosen = {SPEC: next(item for item in items if item.entry == first)}
    chosen |= _records_of_rounds(view, items)
    if view.spec.is_buffered:
        chosen |= yield from _receipts_of_the_chain(view, items, nodes)
    last_report = ""
    if with_identities:
        reports = yield from _report_chain(view, items, nodes)
        last_report = reports[part_name("report", view.results[-1].round)].entry.digest
        chosen |= reports
    contents = yield from contents_of(nodes, list(chosen.values()))
    parts = dict(zip(chosen, contents, strict=True))
    if not view.spec.initial:
        parts[part_name("weights", 0)] = trained_round.first_weights(view.spec)
    if with_identities and authorities:
        signed = {name: item for name, item in chosen.items() if is_signed(name)}
        parts[SIGNATURES] = signatures_part(ring, signed, authorities)
    parts[MANIFEST] = Manifest(job, view.results[-1].digest, last_report).to_bytes()
    check_proof(parts)  # raises if a part is lost
    return parts


def _records_of_rounds(view: JobSnapshot, items: tuple[Item, ...]) -> dict[str, Item]:
    """Return the records that the chain determines: results and receipts, and weights and states that are stored."""
    chosen: dict[str, Item] = {}
    for kind in ("result", "receipts", "weights", "state"):
        found = [(n, item) for n, item in numbered(view.job, f"{kind}-", items) if n < len(view.results)]
        for number, item in found:
            result = view.results[number]
            wanted = {"result": result.digest, "weights": result.weights, "state": result.state}
            if not item.deleted and item.entry.digest == wanted.get(kind, item.entry.digest):
                chosen[part_name(kind, number)] = item
    return chosen


def _receipts_of_the_chain(view: JobSnapshot, items: tuple[Item, ...], nodes: Nodes) -> Procedure[dict[str, Item]]:
    """Return the receipts of rounds that have several, because two drivers have taken other updates."""
    found = [(n, item) for n, item in numbered(view.job, "receipts-", items) if n < len(view.results)]
    count = Counter(number for number, _ in found)
    several = [(number, item) for number, item in found if count[number] > 1]
    contents = yield from contents_of(nodes, [item for _, item in several])
    return {
        part_name("receipts", number): item
        for (number, item), content in zip(several, contents, strict=True)
        if _root(view, view.results[number], content) == view.results[number].receipts
    }


def _root(view: JobSnapshot, result: RoundResult, content: bytes) -> str:
    try:
        return receipts.root(receipts.by_file(trained_files(view.spec, result), content))
    except BadRecord:
        return ""


def _report_chain(view: JobSnapshot, items: tuple[Item, ...], nodes: Nodes) -> Procedure[dict[str, Item]]:
    """Return the REPORT of every round, each the one that the next names. Raises BadProof if one is lost.

    Two drivers of a round have written two.
    """
    found = numbered(view.job, "report-", items)
    read, _ = yield from read_records(view.job, nodes, found, records.report_from_bytes)
    previous = {(report.round, report.digest): report.previous for report in read}
    by_digest = {(number, item.entry.digest): item for number, item in found}
    chain: dict[str, Item] = {}
    digest = view.last_report
    for number in reversed(range(len(view.results))):
        if (number, digest) not in previous:
            raise BadProof(f"the report of round {number} is lost; export a proof with --without-identities")
        chain[part_name("report", number)] = by_digest[number, digest]
        digest = previous[number, digest]
    return chain
