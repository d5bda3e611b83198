"""Lease renewal: while a job is driven, its files and records stay leased."""

from __future__ import annotations

from dataclasses import replace

from roundelay.chord.effects import Procedure, ask_all
from roundelay.chord.refs import NodeRef
from roundelay.federation.jobs import JOB_LEASE_S
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.store.items import Entry, Item, Put
from roundelay.store.read_path import find

RENEW_INTERVAL_S = 1200.0  # files are first leased for an hour
CONCURRENCY_MAX = 128  # items renewed at once
RENEW_DELAY_S = 10.0  # after a driver has started; a short job needs no renewal


def renew_leases(roster: Roster, spec: JobSpec, version: int) -> Procedure[None]:
    """Put every item again, which sends no contents; a holder that lacks one gets it by anti-entropy."""
    ring = roster.ring
    records, _ = yield from with_entry_failover(roster, lambda entry: find(entry, ring, ring.key(spec.job)))
    files = [
        Item(Entry(ring.key(f.name), f.name, f.digest, f.size_bytes), version, JOB_LEASE_S)
        for f in (*(() if spec.pinned else spec.files), spec.validation)
    ]
    renewed = [
        replace(record, version=record.version if record.signature else version, lease_s=JOB_LEASE_S)
        for record in records  # a signed record keeps its version, which only its signer can change
    ]
    items = [*renewed, *files]
    for start in range(0, len(items), CONCURRENCY_MAX):  # one at a time would delay a round of many files
        yield from ask_all(
            [(node, Put(item)) for item in items[start : start + CONCURRENCY_MAX] for node in _holders(roster, item)]
        )


def _holders(roster: Roster, item: Item) -> tuple[NodeRef, ...]:
    return roster.successors_of(item.entry.key)[: roster.ring.replicas]
