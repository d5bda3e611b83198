"""Drive a job from this process, or follow one that others drive, to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from roundelay.chord.errors import ChordError
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import Connection, find_members
from roundelay.client.report import Round
from roundelay.federation import jobs, records
from roundelay.federation.driver import Driver
from roundelay.federation.early_stopping import kept_round
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import CannotDrive, JobEnded, NoSuchJob, Overtaken, Replaced
from roundelay.federation.origin import require_follows
from roundelay.federation.records import PersonalRecord, RoundReport, RoundResult, blank_report
from roundelay.federation.snapshot import JobSnapshot, read_snapshot, salvage_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.store.blobs import Content

CLOCKS = Clocks(time.monotonic, time.time_ns)
OnRound = Callable[[Round, Content], None]
POLL_INTERVAL_S = 0.5
REPLACED_MAX = 100  # times that a job is replaced: each time it loses a node
ABSENT_MAX = 600  # polls in a row that do not find the job


@dataclass(frozen=True)
class FinishedJob:
    """The outcome of a finished job: all rounds, and the model that it keeps as bytes.

    personal: of the sites' own models, where they are made after the rounds.
    """

    rounds: tuple[Round, ...]
    weights: Content
    moments: bytes
    personal: PersonalRecord | None = None


class JobRunner:
    """Runs one job to its end.

    `on_round` is called with every round as it finishes, and with its weights if they were computed here. It must not
    wait for the ring, which waits for it.
    """

    def __init__(
        self,
        connection: Connection,
        spec: JobSpec,
        on_round: OnRound,
        members: tuple[NodeRef, ...] = (),
        validation: bytes = b"",
        on_replaced: Callable[[JobSpec], None] = lambda spec: None,
    ) -> None:
        """Prepare to run a job.

        members: of the ring, if they are known. validation: the content of the validation file, if it is at hand.
        on_replaced: called with the spec of the job that replaces this one, before its rounds.
        """
        self._connection = connection
        self._spec = spec
        self._on_round = on_round
        self._on_replaced = on_replaced
        self._members = members
        self._validation = validation
        self._rounds: list[Round] = []

    def drive(self) -> FinishedJob:
        """Drive the job, and those that replace it. Raises JobEnded, FederationError, ChordError."""
        for _ in range(REPLACED_MAX):
            try:
                return self._drive()
            except Replaced as error:
                self._turn_to(error.successor)
        raise JobEnded(f"job {self._spec.job} has been replaced {REPLACED_MAX} times")

    def _drive(self) -> FinishedJob:
        """Wait for the job's turn, then drive it, with heartbeats to the ring meanwhile.

        If another process has taken over, follow that one. Raises Replaced, JobEnded, FederationError, ChordError.
        """
        connection, spec = self._connection, self._spec
        note = connection.progress.note
        entry, members = (connection.entry(), self._members) if self._members else connection.ask(find_members)

        def add(result: RoundResult, report: RoundReport) -> None:
            self._add(result, report, driver.validated)

        def wait(ahead: list[str]) -> None:
            note(f"waiting: {len(ahead)} job{'s' * (len(ahead) != 1)} ahead of this one, first {ahead[0][:8]}")

        driver = Driver(
            spec, entry.ring, entry.node, "client", CLOCKS, add, note, members, self._validation, on_wait=wait
        )
        connection.runtime.start(
            "heartbeat", driver.heartbeat(), lambda error: note(f"heartbeats no longer reach the ring: {error}")
        )
        try:
            results = connection.runtime.run(driver.drive())
        except (JobEnded, NoSuchJob):
            return self.follow()
        except Overtaken as error:
            note(f"{error}; following it")
            return self.follow(reread=True)  # the round that we reported is not the one that counts
        except CannotDrive as error:
            if not self._rounds:  # it has not begun, and whoever has started it can still mend that
                raise
            note(f"{error}. The owner of the job's key takes over; following the job")
            return self.follow()
        except ChordError as error:
            note(f"lost contact with the ring: {error}. The owner of the job's key takes over; following the job")
            return self.follow()
        return self._finished(driver.weights, results, bool(spec.replaces), driver.personal)

    def follow(self, reread: bool = False) -> FinishedJob:
        """Report every round as it is stored, then fetch the model; follow the job that replaces it, if one does.

        Raises JobEnded unless the job is done.
        """
        for _ in range(REPLACED_MAX):
            snapshot = self._follow_to_its_end()
            if not snapshot.successor:
                break
            reread = True
            self._turn_to(_read_successor(self._connection, snapshot).spec)
        if snapshot.end != records.DONE:
            raise JobEnded(f"job {snapshot.job} is {snapshot.end}" + f": {snapshot.reason}" * bool(snapshot.reason))
        return self._finished(b"", snapshot.results, reread, snapshot.personal)

    def _follow_to_its_end(self) -> JobSnapshot:
        snapshot = self._poll(None)
        self._add_new(snapshot)
        while not snapshot.is_over:
            time.sleep(POLL_INTERVAL_S)
            snapshot = self._poll(snapshot)
            self._add_new(snapshot)
        return snapshot

    def _turn_to(self, successor: JobSpec) -> None:
        """Go on with the job that replaces this one."""
        self._connection.progress.note(successor.replacement)
        self._rounds = [each for each in self._rounds if each.number <= successor.inherited]
        self._spec = successor
        self._on_replaced(successor)

    def _finished(
        self, weights: Content, results: tuple[RoundResult, ...], reread: bool, personal: PersonalRecord | None
    ) -> FinishedJob:
        """Read the model unless its weights are given; and the rounds, if not all were seen as they are stored."""
        if not weights:
            kept = kept_round(self._spec.settings, results)
            weights = self._connection.ask(lambda entry: jobs.read_weights(entry.node, entry.ring, kept))
        if reread or len(self._rounds) < len(results) - 1:
            self._rounds = rounds_of(self._poll(None))
        return FinishedJob(tuple(self._rounds), weights, bytes.fromhex(results[0].moments), personal)

    def _add(self, result: RoundResult, report: RoundReport, weights: Content = b"") -> None:
        self._rounds.append(Round(result, report))
        self._on_round(self._rounds[-1], weights)

    def _add_new(self, snapshot: JobSnapshot) -> None:
        for each in rounds_of(snapshot)[len(self._rounds) :]:
            self._add(*each)

    def _poll(self, known: JobSnapshot | None) -> JobSnapshot:
        """Read a job that is known to exist; wait while the nodes that store its records are away."""
        for _ in range(ABSENT_MAX):
            try:
                return read_job(self._connection, self._spec.job, known)
            except NoSuchJob:
                time.sleep(POLL_INTERVAL_S)
        return read_job(self._connection, self._spec.job, known)


def read_job(connection: Connection, job: str, known: JobSnapshot | None = None) -> JobSnapshot:
    """Read a job and its reports. Raises NoSuchJob, Diverged, BadRecord, ChordError."""
    return connection.ask(lambda entry: read_snapshot(entry.node, entry.ring, job, known, with_reports=True))


def read_latest(connection: Connection, job: str) -> JobSnapshot:
    """Read a job, or the one that has replaced it, also one that has diverged.

    Raises JobEnded, NoSuchJob, BadRecord, ChordError.
    """
    snapshot = _salvage_job(connection, job)
    for _ in range(REPLACED_MAX):
        if not snapshot.successor:
            break
        snapshot = _read_successor(connection, snapshot)
        connection.progress.note(snapshot.spec.replacement)
    return snapshot


def _salvage_job(connection: Connection, job: str) -> JobSnapshot:
    """Read a job with the longest chain that its records allow."""
    return connection.ask(lambda entry: salvage_snapshot(entry.node, entry.ring, job))


def _read_successor(connection: Connection, replaced: JobSnapshot) -> JobSnapshot:
    """Read the job that has replaced another, as that one's driver says. Raises JobEnded if it does not follow."""
    found = _salvage_job(connection, replaced.successor)
    require_follows(found.spec, replaced.spec)
    return found


def rounds_of(snapshot: JobSnapshot) -> list[Round]:
    """Return a snapshot's rounds; a report that is lost is blank."""
    job, reports = snapshot.job, snapshot.reports
    return [Round(r, reports.get(r.round) or blank_report(job, r.round)) for r in snapshot.results[1:]]
