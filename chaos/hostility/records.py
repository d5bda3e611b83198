"""Hostile records of every kind, stored under a job's key in the way that honest ones are."""

from __future__ import annotations

import json
import random
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from chaos.hostility.mutation import TEXTS, Mutator
from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import RingEntry
from roundelay.federation import records
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import digest_of
from roundelay.store.items import Entry, Item, Put
from roundelay.store.transfer import write
from roundelay.store.write_path import nodes_for
from roundelay.testing.cluster import Cluster

NESTED = 200_000  # lists in one another
LEASE_S = 600.0
KINDS = ("spec", "result", "report", "end", "lease", "deletion", "nested")


@dataclass(frozen=True)
class HostileRecord:
    """A record, and what it has instead of a version and a lease that an honest writer would give it."""

    what: str  # the part of its name after the job
    content: bytes
    version: int
    lease_s: float = LEASE_S
    deleted: bool = False


class RecordFuzzer:
    """Stores changed records of one finished job; `stored` counts them."""

    def __init__(self, ring: Cluster, spec: JobSpec, rng: random.Random) -> None:
        self._ring = ring
        self._spec = spec
        self._rng = rng
        self._mutator = Mutator(rng)
        self.stored = 0

    def store_one(self, kind: str = "") -> None:
        """Store one hostile record, of a random kind if none is given; what the ring answers does not matter."""
        record = self.make(kind or self._rng.choice(KINDS))
        job = digest_of(record.content) if record.what == records.SPEC else self._spec.job  # a job of its own
        with suppress(ChordError):
            self._ring.ask(lambda entry: store(entry, job, record))
        self.stored += 1

    def make(self, kind: str) -> HostileRecord:
        rng, now = self._rng, time.time_ns()
        number = rng.choice((0, 1, 2, 7, 99, 10**9, -1))
        match kind:
            case "spec":
                return HostileRecord("spec", self._changed(json.loads(self._spec.to_bytes())), now)
            case "result":
                honest = RoundResult(self._spec.job, number, "ab" * 32, "cd" * 32, 100)
                return HostileRecord(f"result-{number}", self._changed(asdict(honest)), now)
            case "report":
                honest_report = RoundReport(self._spec.job, number, "127.0.0.1:1", 0.0, 0.0, 0.0, 0.0, 0.0)
                return HostileRecord(f"report-{number}", self._changed(asdict(honest_report)), now)
            case "end":
                end = rng.choice(records.ENDS)
                return HostileRecord(end, rng.choice(TEXTS).encode() + rng.randbytes(rng.choice((0, 9, 999))), now)
            case "lease":
                lease_s = rng.choice((0.0, -1.0, 1e9, 9e12))
                return HostileRecord(f"result-{number}", b"{}", rng.choice((0, -1, now, 2**63 - 1)), lease_s)
            case "deletion":
                what = rng.choice((f"result-{number}", f"weights-{number}", "no-such-record"))
                return HostileRecord(what, rng.randbytes(9), rng.choice((now, 2**63 - 1)), 1e9, deleted=True)
        return nested_record(rng.choice(("spec", f"result-{number}", f"report-{number}")))

    def _changed(self, value: Any) -> bytes:
        """Return a record with parts of it changed, as JSON, or as arbitrary bytes."""
        rng = self._rng
        for _ in range(rng.choice((1, 1, 2, 4))):
            value = self._mutator.change_json(value)
        raw = bytearray(json.dumps(value).encode())
        if rng.random() < 0.2 and raw:
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        return bytes(raw)


def nested_record(what: str) -> HostileRecord:
    """Return a record of lists in lists, which a recursive parser cannot read."""
    return HostileRecord(what, b"[" * NESTED + b"]" * NESTED, time.time_ns())


def store(entry: RingEntry, job: str, record: HostileRecord) -> Procedure[None]:
    """Store a record on every node that is responsible for the job, whatever one of them answers."""
    key = entry.ring.key(job)
    nodes = yield from nodes_for(entry.node, entry.ring, key, entry.ring.replicas)
    name = records.record_name(job, record.what)
    put = Put.of(
        Item(
            Entry(key, name, digest_of(record.content), len(record.content)),
            record.version,
            record.lease_s,
            record.deleted,
        )
    )
    for node in nodes:
        yield from _store_on(node, put, record.content)


def _store_on(node: NodeRef, put: Put, content: bytes) -> Procedure[None]:
    try:
        (parcel,) = put.parcels
        if not parcel.item.deleted:
            yield from write(node, parcel.item.entry.digest, content)
        yield from ask(node, put)
    except (ChordError, OverflowError):
        return
