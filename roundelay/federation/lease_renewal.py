"""Lease renewal: while a job is driven, or waits for its turn, its files and records stay leased, and what leads to it.

A job is found by its line in the list of jobs. If it replaces others, the line is that of the first of them, and their
records `replaced` lead to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from roundelay.chord.effects import Procedure, ask_all, gather_or_raise
from roundelay.chord.refs import NodeRef
from roundelay.federation import records
from roundelay.federation.job_keys import KEYS_AT_ONCE, keys_of
from roundelay.federation.jobs import JOB_LEASE_S, follow
from roundelay.federation.origin import original
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.spec import JobSpec
from roundelay.store.anti_entropy import ITEM_ERRORS
from roundelay.store.items import LIST_MAX, Entry, Item, Put
from roundelay.store.read_path import FIND_NODES_MIN, find

RENEW_INTERVAL_S = 1200.0  # files are first leased for an hour
RENEW_DELAY_S = 10.0  # after a driver has started; a short job needs no renewal

Names = tuple[str, ...]


def renew_leases(roster: Roster, spec: JobSpec, version: int) -> Procedure[None]:
    """Put every item again, key by key, which sends no contents; a holder that lacks one gets it by anti-entropy.

    version: of the files' items; those of records keep theirs.
    """
    ring = roster.ring
    files = [
        Item(Entry(ring.key(f.name), f.name, f.digest, f.size_bytes), version, JOB_LEASE_S)
        for f in (file for file in spec.all_files if not spec.pinned or file == spec.validation)
    ]
    keys: list[tuple[int, Names]] = [(key, ()) for key in keys_of(ring, spec.job, spec.settings.rounds)]
    keys += yield from _way_to(roster, spec)
    of_keys = [_renew_key(roster, key, names) for key, names in keys]
    yield from gather_or_raise([*of_keys, _put_again(roster, files)], KEYS_AT_ONCE)


def _way_to(roster: Roster, spec: JobSpec) -> Procedure[list[tuple[int, Names]]]:
    """Return the keys and names of what leads to a job: its line in the list, and the jobs that it replaces."""
    ring, first = roster.ring, original(spec).job
    found: list[tuple[int, Names]] = [(ring.key(records.DIRECTORY), (first,))]
    if spec.replaces:
        jobs = yield from with_entry_failover(roster, lambda entry: follow(entry, ring, first, roster.nodes))
        leading = (records.SPEC, records.REPLACED)
        found += [
            (ring.key(job), tuple(records.record_name(job, what) for what in leading))
            for job in dict.fromkeys((*jobs, spec.replaces))
            if job != spec.job
        ]
    return found


def _renew_key(roster: Roster, key: int, names: Names) -> Procedure[None]:
    """Renew the items under a key; only those with some names, if any are given."""
    ring, nodes = roster.ring, roster.successors_of(key, FIND_NODES_MIN)
    items, _ = yield from with_entry_failover(roster, lambda entry: find(entry, ring, key, names, nodes))
    yield from _put_again(roster, [replace(item, lease_s=JOB_LEASE_S) for item in items])


def _put_again(roster: Roster, items: Sequence[Item]) -> Procedure[None]:
    """Put items on the nodes that should have them."""
    by_node: dict[NodeRef, list[Item]] = {}
    for item in items:
        for node in roster.successors_of(item.entry.key)[: roster.ring.replicas]:
            by_node.setdefault(node, []).append(item)
    for start in range(0, max(map(len, by_node.values()), default=0), LIST_MAX):
        page = slice(start, start + LIST_MAX)
        yield from _put_all_but_refused([(node, own[page]) for node, own in by_node.items() if own[page]])


def _put_all_but_refused(parts: list[tuple[NodeRef, list[Item]]]) -> Procedure[None]:
    """Put items on each node. A node stops at the first one that it refuses; it is sent the halves of such a part."""
    while parts:  # ends: each time they are half as long
        answers = yield from ask_all([(node, Put.of(*items)) for node, items in parts])
        refused = [part for part, answer in zip(parts, answers, strict=True) if isinstance(answer, ITEM_ERRORS)]
        cut = [(node, items, len(items) // 2) for node, items in refused if len(items) > 1]
        parts = [(node, half) for node, items, middle in cut for half in (items[:middle], items[middle:])]
