"""Reads from the ring what a driver needs before its first round: the job's records, its files and its last model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from roundelay.chord.effects import Procedure, Sleep, gather_or_raise, offload
from roundelay.chord.errors import ChordError, NotFound
from roundelay.chord.refs import NodeRef
from roundelay.federation import jobs, records, trained_round
from roundelay.federation.file_waits import FileWaits
from roundelay.federation.large_contents import kept_content
from roundelay.federation.origin import original
from roundelay.federation.records import RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.retry import TRIES_MAX, with_entry_failover
from roundelay.federation.roster import Roster
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.federation.staleness import Bases
from roundelay.federation.trained_round import TrainedRound
from roundelay.ml.validate import Validator
from roundelay.store.read_path import FIND_NODES_MIN, get

LOOK_MIN_S, LOOK_MAX_S = 1.0, 60.0  # between two looks for a validation file that no node has
LOOK_TRIES = 2  # the next look comes soon


class JobReader:
    """Reads one job, through another node whenever the one that is asked has gone.

    validation: the content of the validation file, if it is at hand. on_wait: called with the jobs that this one waits
    for; without it, it is this job's turn already. meanwhile: run again and again while the job waits; what it raises
    ends the wait. with_reports: whether the reports of all rounds are needed.
    """

    def __init__(
        self,
        spec: JobSpec,
        roster: Roster,
        validation: bytes,
        on_wait: Callable[[list[str]], None] | None,
        meanwhile: Callable[[], Procedure[None]],
        with_reports: bool,
        clock: Callable[[], float],
        log: Callable[[str], None],
    ) -> None:
        self._spec = spec
        self._roster = roster
        self._validation = validation
        self._on_wait = on_wait
        self._meanwhile = meanwhile
        self._with_reports = with_reports
        self.waits_for = ""  # what no node has that the job needs to begin
        self._clock = clock
        self._log = log

    def read_job(self) -> Procedure[tuple[JobSnapshot, Validator | None]]:
        """Read the job's records and its validation file at the same time, and wait until it is the job's turn.

        Raises FileUnavailable, what `meanwhile` raises, ChordError.
        """
        reads: list[Procedure[JobSnapshot | Validator | bool | None]] = [
            self._read_snapshot(),
            self._fetch_validator(),
            self._await_turn(),
        ]
        view, validator, has_waited = yield from gather_or_raise(reads)
        if has_waited:
            view = yield from self._read_snapshot()
        assert isinstance(view, JobSnapshot) and isinstance(validator, Validator | None)
        return view, validator

    def read_first_weights(self) -> Procedure[bytes]:
        """Return the weights of the model to continue or, without one, those of the job's seed."""
        job, initial = self._spec.job, self._spec.initial
        if not initial:
            return (yield from offload(lambda: trained_round.first_weights(self._spec)))
        return (yield from self._get(job, records.weights_name(job, 0), initial))

    def read_round(self, last: RoundResult) -> Procedure[TrainedRound]:
        """Return a round that is stored, as the next one needs it."""
        roster, ring = self._roster, self._roster.ring
        weights = yield from with_entry_failover(roster, lambda entry: jobs.read_weights(entry, ring, last))
        state = yield from with_entry_failover(roster, lambda entry: jobs.read_rule_state(entry, ring, last))
        return TrainedRound(last.round, (yield from kept_content(weights)), state, last.loss, last.halvings)

    def read_bases(
        self, results: Sequence[RoundResult], bases: Bases, last: TrainedRound
    ) -> Procedure[dict[int, bytes]]:
        """Return the weights from which a buffered job's updates start, by round.

        Updates whose weights are lost start from those of the `last` round instead.
        """
        weights = {last.number: last.weights}
        for base in sorted(bases.rounds - weights.keys()):
            try:
                weights[base] = (yield from self.read_round(results[base])).weights
            except NotFound:
                bases.move(base, last.number)
        return weights

    def _read_snapshot(self) -> Procedure[JobSnapshot]:
        job, ring = self._spec.job, self._roster.ring
        return with_entry_failover(
            self._roster,
            lambda entry: read_snapshot(
                entry, ring, job, spec=self._spec, nodes=self._nodes(job), with_reports=self._with_reports
            ),
        )

    def _await_turn(self) -> Procedure[bool]:
        """Wait until this job may run beside those published before it. Return whether it had to wait."""
        on_wait, job, roster = self._on_wait, original(self._spec).job, self._roster
        if on_wait is None:
            return False
        return (
            yield from with_entry_failover(
                roster,
                lambda entry: jobs.await_turn(entry, roster.ring, job, lambda: roster.nodes, on_wait, self._meanwhile),
            )
        )

    def _fetch_validator(self) -> Procedure[Validator | None]:
        """Fetch the validation file, if the job has one. Raises what `_await_validation` raises."""
        file, content = self._spec.validation, self._validation
        if file is None:
            return None
        if not content:
            try:
                content = yield from self._get(file.name, file.name, file.digest)
            except NotFound:
                content = yield from self._await_validation(file)
        return Validator(self._spec.design, file.name, content)

    def _await_validation(self, file: TrainingFile) -> Procedure[bytes]:
        """Look for the validation file, ever more seldom, until a node has it again.

        Raises FileUnavailable after FILES_WAIT_MAX_S, and what `meanwhile` raises.
        """
        waits, pause_s, shown = FileWaits(self._clock, are_private=False), LOOK_MIN_S, f"job {self._spec.job[:8]}"
        self.waits_for = f"no live node has {file.name}, its validation file"
        self._log(f"{shown}: {self.waits_for}: waiting")
        while True:  # ends: `wait` raises
            waits.wait([file])
            yield from self._meanwhile()
            yield Sleep(pause_s)
            pause_s = min(2 * pause_s, LOOK_MAX_S)
            with suppress(ChordError):
                content = yield from self._get(file.name, file.name, file.digest, LOOK_TRIES)
                self._log(f"{shown}: {file.name} is back")
                self.waits_for = ""
                return content

    def _get(self, hashed: str, name: str, digest: str, tries: int = TRIES_MAX) -> Procedure[bytes]:
        ring, roster = self._roster.ring, self._roster

        def read(entry: NodeRef) -> Procedure[bytes]:
            return get(entry, ring, ring.key(hashed), name, digest, self._nodes(hashed))

        return with_entry_failover(roster, read, tries)

    def _nodes(self, hashed: str) -> tuple[NodeRef, ...]:
        """Return the nodes responsible for the hash of a name, as far as is known."""
        return self._roster.successors_of(self._roster.ring.key(hashed), FIND_NODES_MIN)
