"""A job's log: weights and REPORT reach all copies first, then the RESULT that commits the round.

A RESULT can be read only with the REPORT of its round. If a driver dies in between, the next one computes the round
again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records
from roundelay.federation.errors import Overtaken
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.retry import with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.snapshot import read_records
from roundelay.federation.spec import JobSpec
from roundelay.store.items import Entry, Item, Put
from roundelay.store.read_path import find


class JobLog:
    """One driver's writer of a job's records; `version` returns the version of a record written now."""

    def __init__(self, spec: JobSpec, roster: Roster, version: Callable[[], int]) -> None:
        self._spec = spec
        self._job = spec.job
        self._roster = roster
        self._version = version

    def store(self, result: RoundResult, report: RoundReport, weights: bytes, state: bytes) -> Procedure[None]:
        """Commit a round to all copies.

        Raises Diverged if the round has another result, or Overtaken if results of this job may differ.
        """
        number, before = result.round, {"state": state} if state else {}
        yield from self._refuse_other(result)
        contents = {**before, "weights": weights, "report": report.to_bytes(), "result": result.to_bytes()}
        yield from self.write({f"{what}-{number}": content for what, content in contents.items()})

    def write(self, contents: Mapping[str, bytes]) -> Procedure[None]:
        """Write records, each to all copies before the next. Raises ChordError."""
        version, ring = self._version(), self._roster.ring
        yield from with_entry_failover(
            self._roster, lambda entry: jobs.put_records(entry, ring, self._job, contents, version)
        )

    def forget_weights(self, result: RoundResult) -> Procedure[None]:
        """Delete a round's weights and its rule's state: no driver or client needs them any more."""
        key, version = self._roster.ring.key(self._job), self._version()
        entries = [Entry(key, records.weights_name(self._job, result.round), result.weights, result.weights_bytes)]
        if result.state:
            entries.append(Entry(key, records.state_name(self._job, result.round), result.state, result.state_bytes))
        route = yield from with_entry_failover(self._roster, lambda entry: find_successor(entry, key))
        for node in route.nodes[: self._roster.ring.replicas]:
            try:
                for entry in entries:
                    yield from ask(node, Put(Item(entry, version, jobs.JOB_LEASE_S, deleted=True)))
            except ChordError:
                continue  # this copy goes when its lease expires

    def _refuse_other(self, result: RoundResult) -> Procedure[None]:
        """Raise unless the round has no other RESULT: put if absent."""
        name = records.result_name(self._job, result.round)
        others = yield from with_entry_failover(self._roster, lambda entry: self._others(entry, name, result))
        if others and self._spec.repro == "recorded":
            raise Overtaken(f"round {result.round} was completed by another driver")
        if others:
            raise records.diverged(result.round, others[0], result.digest)

    def _others(self, entry: NodeRef, name: str, result: RoundResult) -> Procedure[list[str]]:
        """Return the digests of the round's other results; a record that is malformed is not one."""
        ring = self._roster.ring
        items = yield from jobs.find_records(entry, ring, self._job, name)
        others = [(result.round, i) for i in items if i.entry.name == name and i.entry.digest != result.digest]
        if not others:
            return []
        _, nodes = yield from find(entry, ring, ring.key(self._job), (name,))
        read, _ = yield from read_records(self._job, nodes, others, records.result_from_bytes)
        return [each.digest for each in read]
