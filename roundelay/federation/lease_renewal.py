"""Lease renewal: while a job is driven, its files and records stay leased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from roundelay.chord.effects import Procedure, ask_all, gather_or_raise
from roundelay.chord.refs import NodeRef
from roundelay.federation import records
from roundelay.federation.job_keys import KEYS_AT_ONCE, keys_of
from roundelay.federation.jobs import JOB_LEASE_S
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.store.items import LIST_MAX, Entry, Item, Put
from roundelay.store.read_path import FIND_NODES_MIN, find

RENEW_INTERVAL_S = 1200.0  # files are first leased for an hour
RENEW_DELAY_S = 10.0  # after a driver has started; a short job needs no renewal


def renew_leases(roster: Roster, spec: JobSpec, version: int) -> Procedure[None]:
    """Put every item again, key by key, which sends no contents; a holder that lacks one gets it by anti-entropy."""
    ring = roster.ring
    files = [
        Item(Entry(ring.key(f.name), f.name, f.digest, f.size_bytes), version, JOB_LEASE_S)
        for f in (file for file in spec.all_files if not spec.pinned or file == spec.validation)
    ]
    of_keys = [_renew_key(roster, spec.job, key, version) for key in keys_of(ring, spec.job, spec.settings.rounds)]
    yield from gather_or_raise([*of_keys, _put_again(roster, files)], KEYS_AT_ONCE)


def _renew_key(roster: Roster, job: str, key: int, version: int) -> Procedure[None]:
    """Renew the records under one of a job's keys."""
    ring, nodes = roster.ring, roster.successors_of(key, FIND_NODES_MIN)
    items, _ = yield from with_entry_failover(roster, lambda entry: find(entry, ring, key, (), nodes))
    pause = records.record_name(job, records.PAUSED)  # two with one version would say nothing
    renewed = [
        replace(item, version=item.version if item.signature else version, lease_s=JOB_LEASE_S)
        for item in items  # a signed record keeps its version, which only its signer can change
        if item.entry.name != pause
    ]
    yield from _put_again(roster, renewed)


def _put_again(roster: Roster, items: Sequence[Item]) -> Procedure[None]:
    """Put items on the nodes that should have them."""
    by_node: dict[NodeRef, list[Item]] = {}
    for item in items:
        for node in roster.successors_of(item.entry.key)[: roster.ring.replicas]:
            by_node.setdefault(node, []).append(item)
    for start in range(0, max(map(len, by_node.values()), default=0), LIST_MAX):
        page = slice(start, start + LIST_MAX)
        yield from ask_all([(node, Put.of(*own[page])) for node, own in by_node.items() if own[page]])
