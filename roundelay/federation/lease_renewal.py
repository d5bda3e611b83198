"""Lease renewal: while a job is driven, its files and records stay leased."""

from __future__ import annotations

from dataclasses import replace

from roundelay.chord.effects import Procedure, ask_all
from roundelay.chord.refs import NodeRef
from roundelay.federation import records as records_of
from roundelay.federation.job_keys import find_all
from roundelay.federation.jobs import JOB_LEASE_S
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.store.items import LIST_MAX, Entry, Item, Put

RENEW_INTERVAL_S = 1200.0  # files are first leased for an hour
RENEW_DELAY_S = 10.0  # after a driver has started; a short job needs no renewal


def renew_leases(roster: Roster, spec: JobSpec, version: int) -> Procedure[None]:
    """Put every item again, which sends no contents; a holder that lacks one gets it by anti-entropy."""
    ring = roster.ring
    records, _ = yield from with_entry_failover(roster, lambda entry: find_all(entry, ring, spec))
    files = [
        Item(Entry(ring.key(f.name), f.name, f.digest, f.size_bytes), version, JOB_LEASE_S)
        for f in (file for file in spec.all_files if not spec.pinned or file == spec.validation)
    ]
    renewed = [
        replace(record, version=record.version if record.signature else version, lease_s=JOB_LEASE_S)
        for record in records  # a signed record keeps its version, which only its signer can change
    ]
    pause = records_of.record_name(spec.job, records_of.PAUSED)  # two with one version would say nothing
    items = [*(record for record in renewed if record.entry.name != pause), *files]
    by_node: dict[NodeRef, list[Item]] = {}
    for item in items:
        for node in roster.successors_of(item.entry.key)[: ring.replicas]:
            by_node.setdefault(node, []).append(item)
    for start in range(0, max(map(len, by_node.values()), default=0), LIST_MAX):
        page = slice(start, start + LIST_MAX)
        yield from ask_all([(node, Put.of(*own[page])) for node, own in by_node.items() if own[page]])
