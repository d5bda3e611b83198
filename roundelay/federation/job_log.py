"""A job's log: weights reach all copies first, then REPORT, receipts and RESULT, which commits the round.

A RESULT can be read only with the REPORT of its round. If a driver dies in between, the next one computes the round
again.

The job's replica set is remembered: it follows from the members that the driver knows. Its owner verifies it with each
write (NotOwner). Only where that fails is it looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from roundelay.chord.effects import Procedure, ask_all, gather_or_raise, offload
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.federation import job_keys, jobs, records, result_chain
from roundelay.federation.errors import Overtaken
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.snapshot import read_records, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import Content
from roundelay.store.items import Entry, Find, Item
from roundelay.store.read_path import FIND_NODES_MIN
from roundelay.store.write_path import Record, put_records

ADOPTED_AT_ONCE = 16  # records in a message

Nodes = frozenset[NodeRef]


@dataclass(frozen=True)
class RoundModel:
    """The first part of a round's records: its weights, and the state of the job's rule if it keeps one."""

    round: int
    weights: Content
    state: bytes = b""


class JobLog:
    """One driver's writer of a job's records; `version` returns the version of a record written now."""

    def __init__(self, spec: JobSpec, roster: Roster, version: Callable[[], int]) -> None:
        self._spec = spec
        self._job = spec.job
        self._roster = roster
        self._version = version

    def store_model(self, model: RoundModel, have: Nodes = frozenset()) -> Procedure[tuple[Item, ...]]:
        """Store a round's weights in all copies. Return the RESULTs and masked vectors that the round has already.

        have: nodes that have the weights, from a trainer's order. Raises ChordError.
        """
        contents: dict[str, Content] = {"state": model.state} if model.state else {}
        contents["weights"] = model.weights
        written = yield from offload(
            lambda: [self._record(f"{what}-{model.round}", content) for what, content in contents.items()]
        )
        _, found = yield from gather_or_raise(
            [self._write(written, have), self._find_results(model.round, *self._masked_names(model.round))]
        )
        return found or ()

    def commit(
        self,
        result: RoundResult,
        report: RoundReport,
        found: Sequence[Item],
        superseded: Sequence[RoundResult],
        receipts: bytes = b"",
    ) -> Procedure[None]:
        """Commit a round whose model is stored to all copies, and delete what it supersedes: models, masked vectors.

        found: what `store_model` has returned. Raises Diverged if the round has another result, or Overtaken if
        results of this job may differ; ChordError.
        """
        masked = [item for item in found if item.entry.name in self._masked_names(result.round)]
        yield from self._refuse_other(result, [item for item in found if item not in masked])
        written = self._round_records(result, report, receipts)
        gone = [each for old in superseded for each in self._deletions(old)]
        yield from self._write([*written, *gone, *map(self._deletion, masked)])

    def require_last(self, result: RoundResult) -> Procedure[None]:
        """Raise Overtaken unless the job's chain ends with this RESULT. No job that can be repeated has two chains."""
        if self._may_fork:
            found = yield from self._find_results(result.round + 1)
            if any(item.entry.digest != result.digest for item in found):
                yield from self._require_longest(result.digest, result.round)

    def adopt(
        self, results: Sequence[RoundResult], reports: Sequence[RoundReport], receipts: Mapping[int, bytes]
    ) -> Procedure[None]:
        """Commit rounds that another job has trained, the earliest first. Raises ChordError."""
        written = [
            each
            for result, report in zip(results, reports, strict=True)
            for each in self._round_records(result, report, receipts.get(result.round, b""))
        ]
        for start in range(0, len(written), ADOPTED_AT_ONCE):
            yield from self._write(written[start : start + ADOPTED_AT_ONCE])

    def write(self, what: str, content: bytes) -> Procedure[None]:
        """Write a record to all copies. Raises ChordError."""
        yield from self._write([self._record(what, content)])

    # --- helpers

    @property
    def _may_fork(self) -> bool:
        """Whether two drivers may store different RESULTs of a round, because nobody can repeat it."""
        return self._spec.repro == "recorded"

    def _round_records(self, result: RoundResult, report: RoundReport, receipts: bytes) -> list[Record]:
        """Return a round's records in the order in which they are written: RESULT commits the round."""
        contents = {"report": report.to_bytes(), "receipts": receipts, "result": result.to_bytes()}
        return [self._record(f"{what}-{result.round}", content) for what, content in contents.items() if content]

    def _record(self, what: str, content: Content) -> Record:
        return jobs.job_record(self._roster.ring, self._job, what, content, self._version())

    def _deletions(self, result: RoundResult) -> list[Record]:
        """Return what deletes a round's weights and its rule's state: no driver or client needs them any more."""
        ring, version = self._roster.ring, self._version()
        key = job_keys.key_of(ring, self._job, f"weights-{result.round}")
        entries = [Entry(key, records.weights_name(self._job, result.round), result.weights, result.weights_bytes)]
        if result.state:
            entries.append(Entry(key, records.state_name(self._job, result.round), result.state, result.state_bytes))
        return [Record(Item(entry, version, jobs.JOB_LEASE_S, deleted=True)) for entry in entries]

    def _masked_names(self, number: int) -> tuple[str, ...]:
        """Return the names of what is needed only until a round has its RESULT (masked_record.py)."""
        is_secure = self._spec.settings.secure_aggregation
        return (records.masked_name(self._job, number),) if is_secure else ()

    def _deletion(self, item: Item) -> Record:
        return Record(Item(item.entry, max(item.version, self._version()), jobs.JOB_LEASE_S, deleted=True))

    def _write(self, written: Sequence[Record], have: Nodes = frozenset()) -> Procedure[None]:
        """Write records to all copies, on each node in their order; those of one set of nodes in one message."""
        for _, together in groupby(written, lambda each: self._holders(each.item.entry.key)):
            yield from self._write_together(tuple(together), have)

    def _write_together(self, written: Sequence[Record], have: Nodes) -> Procedure[None]:
        """Write records whose keys have the same nodes, as far as the driver knows."""
        ring, key = self._roster.ring, written[0].item.entry.key

        def put(entry: NodeRef) -> Procedure[tuple[NodeRef, ...]]:
            return put_records(entry, ring, written, nodes=self._holders(key), have=have)

        yield from with_entry_failover(self._roster, put)

    def _find_results(self, number: int, *others: str) -> Procedure[tuple[Item, ...]]:
        """Find a round's RESULTs and records of other names; if two drivers may differ, also the RESULTs before."""
        ring = self._roster.ring
        numbers = (number - 1, number) if self._may_fork and number else (number,)
        names = (*(records.result_name(self._job, each) for each in numbers), *others)
        spec, by_key = records.record_name(self._job, records.SPEC), job_keys.by_key(ring, self._job, names)
        readers = {key: self._readers(key) for key in by_key}
        answers = yield from ask_all(
            [(node, Find(key, (spec, *own))) for key, own in by_key.items() for node in readers[key]]
        )
        items = [item for answer in answers if not isinstance(answer, ChordError) for item in answer]
        knows_too_few = any(len(nodes) < ring.replicas for nodes in readers.values())
        if knows_too_few or any(isinstance(answer, ChordError) for answer in answers):
            items += yield from with_entry_failover(
                self._roster, lambda entry: jobs.find_records(entry, ring, self._job, *names)
            )
        return tuple({i.entry: i for i in items if i.entry.name in names and not i.deleted}.values())

    def _holders(self, key: int) -> tuple[NodeRef, ...]:
        """Return the owner of one of the job's keys and the nodes after it, as far as the driver knows."""
        return self._roster.successors_of(key, 2 * self._roster.ring.replicas)

    def _readers(self, key: int) -> tuple[NodeRef, ...]:
        """Return the nodes that are asked for the items of a key."""
        return self._roster.successors_of(key, max(self._roster.ring.replicas + 1, FIND_NODES_MIN))

    def _refuse_other(self, result: RoundResult, found: Sequence[Item]) -> Procedure[None]:
        """Raise unless the round has no other RESULT: put if absent. A record that is malformed is not one."""
        ours = (result.digest, result.previous)
        others = [(result.round, item) for item in found if item.entry.digest not in ours]
        if not others:
            return
        if self._may_fork:
            yield from self._require_longest(result.previous, result.round)
            return
        nodes = self._readers(job_keys.key_of(self._roster.ring, self._job, f"result-{result.round}"))
        read, _ = yield from read_records(self._job, nodes, others, records.result_from_bytes)
        if read:
            raise result_chain.diverged(result.round, read[0].digest, result.digest)

    def _require_longest(self, last: str, number: int) -> Procedure[None]:
        """Raise Overtaken unless the job's chain, as it is stored, ends with this RESULT.

        Two drivers may each have written a chain. All readers follow the longer one, and of equally long ones the same
        one, so that only its driver goes on.
        """
        nodes = self._readers(self._roster.ring.key(self._job))
        view = yield from with_entry_failover(
            self._roster, lambda entry: read_snapshot(entry, self._roster.ring, self._job, spec=self._spec, nodes=nodes)
        )
        if last != (view.results[-1].digest if view.results else ""):
            raise Overtaken(f"round {number} was completed by another driver")
