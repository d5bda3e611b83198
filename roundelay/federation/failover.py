"""Failover: a node watches the jobs whose key it owns, and takes over those whose driver is silent.

Drivers send heartbeats to the owner of their job's key. A job without one for DRIVER_LEASE_S is read from its records
and continued by its owner, which may drive several jobs at a time.

A driver that replaces its job publishes the successor first. The owner of the successor's key completes that if the
driver was killed in between.

Two drivers by mistake do no harm. Where a round is a pure function of the job, both write the same bytes. Where it is
not (secret noise, gossip, sites that are away), the first to store a round goes on, and the other stops; if both store
it at the same moment, all readers follow the same one of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roundelay.chord.effects import Procedure, Sleep, ask, gather
from roundelay.chord.errors import ChordError
from roundelay.chord.maintenance import tolerate_errors
from roundelay.chord.node import ChordNode
from roundelay.chord.quarantine import UNCONTAINED, Quarantine
from roundelay.federation import jobs, records
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import CannotDrive, Diverged, FederationError
from roundelay.federation.lease_renewal import RENEW_INTERVAL_S, renew_leases
from roundelay.federation.origin import original
from roundelay.federation.records import RoundResult
from roundelay.federation.retry import refresh_members
from roundelay.federation.roster import Roster
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.federation.spec import JobSpec
from roundelay.store.items import SPEC_ENDING, ListSpecs

if TYPE_CHECKING:
    from roundelay.federation.driver import Driver

UNKNOWN_JOBS_MAX = 256  # whose heartbeats are kept although this node has no spec of theirs; the oldest is dropped
DRIVER_LEASE_S = 5.0  # without a heartbeat for this long, a job is taken over
JOB_SCAN_INTERVAL_S = 1.0
RETRY_MAX_S = 60.0  # before a job is driven again that could not be driven here

Start = Callable[[str, Procedure[None]], None]  # the procedure's name, and the procedure


@dataclass(frozen=True)
class _Failure:
    """Why a job could not be driven here, and when it is tried again."""

    reason: str
    pause_s: float
    retry_at: float


class JobSupervisor:
    """Tracks when each job's driver was last heard from, and takes over silent jobs.

    start: runs a procedure beside the others of this node; it drives a job to its end.
    """

    def __init__(
        self,
        node: ChordNode,
        clocks: Clocks,
        log: Callable[[str], None],
        start: Start,
        quarantine: Quarantine = UNCONTAINED,
    ) -> None:
        self._node = node
        self._clocks = clocks
        self._log = log
        self._start = start
        self._last_heartbeat: dict[str, float] = {}  # by job of ours; at first, when the job was first seen
        self._unknown: OrderedDict[str, float] = OrderedDict()  # the same, of jobs without a spec here
        self._ended: set[str] = set()  # of ours
        self._renew_at: dict[str, float] = {}  # when the leases of a job of ours that waits are to be renewed
        self._quarantine = quarantine
        self.driving: set[str] = set()  # the jobs that this node drives now
        self._drivers: dict[str, Driver] = {}  # of these, once they have begun
        self._errors: dict[str, str] = {}  # by job: logged once, not at every scan
        self._failures: dict[str, _Failure] = {}  # by job, of drivers here since the last round that one has stored

    def heartbeat(self, job: str) -> None:
        """Record a heartbeat of the job's driver. A job without a spec here may be a stranger's invention."""
        if job in self._last_heartbeat:
            self._last_heartbeat[job] = self._clocks.monotonic()
            return
        self._unknown[job] = self._clocks.monotonic()
        self._unknown.move_to_end(job)
        if len(self._unknown) > UNKNOWN_JOBS_MAX:
            self._unknown.popitem(last=False)

    def why_waiting(self, job: str) -> str:
        """Return why a job that this node would drive does not go on; empty if it does, or is driven elsewhere."""
        driver, failure = self._drivers.get(job), self._failures.get(job)
        if driver is not None:
            return driver.waits_for
        return failure.reason if failure is not None else ""

    def supervise(self) -> Procedure[None]:
        """Scan for silent jobs and drive them, forever."""
        while True:
            yield Sleep(JOB_SCAN_INTERVAL_S)
            yield from tolerate_errors(self._scan())

    def _scan(self) -> Procedure[None]:
        specs = yield from ask(self._node.ref, ListSpecs())
        self._forget_all_but({s.entry.name.removesuffix(SPEC_ENDING) for s in specs})
        owned = sorted((s for s in specs if self._node.owns(s.entry.key)), key=lambda s: s.version)
        jobs_of = [(item.entry.name.removesuffix(SPEC_ENDING), item.entry.key) for item in owned]
        found = [job for job, key in jobs_of if key == self._node.ring.key(job)]  # the others are copies
        self._errors = {job: error for job, error in self._errors.items() if job in found}
        self._failures = {job: failure for job, failure in self._failures.items() if job in found}
        for job in found:
            if job in self._ended or job in self.driving or self._is_put_off(job):
                continue
            first_seen = job not in self._last_heartbeat and job not in self._unknown
            heard = self._unknown.pop(job, self._clocks.monotonic())
            self._last_heartbeat.setdefault(job, heard)
            if first_seen or self._clocks.monotonic() - self._last_heartbeat[job] >= DRIVER_LEASE_S:
                yield from self._contain(job, self._take_over_if_silent(job, first_seen))

    def _is_put_off(self, job: str) -> bool:
        """Return whether a job is left alone for now, or for ever, because it has failed here."""
        failure = self._failures.get(job)
        return _name(job) in self._quarantine or (failure is not None and self._clocks.monotonic() < failure.retry_at)

    def _contain(self, job: str, procedure: Procedure[None]) -> Procedure[None]:
        """Run a procedure about one job. Its failure delays no other job, and is logged once."""
        try:
            yield from procedure
            self._errors.pop(job, None)
        except (ChordError, FederationError) as error:
            if self._errors.get(job) != str(error):
                self._log(f"job {job[:8]} could not be taken over: {error}; trying again")
            self._errors[job] = str(error)
        except Exception as error:
            self._quarantine.add(_name(job), error)

    def _forget_all_but(self, jobs_here: set[str]) -> None:
        """Forget the jobs whose specs have gone."""
        self._ended &= jobs_here
        for job in self._last_heartbeat.keys() - jobs_here:
            del self._last_heartbeat[job]
            self._renew_at.pop(job, None)

    def _take_over_if_silent(self, job: str, first_seen: bool) -> Procedure[None]:
        """Drive a job that has not ended, whose turn it is, and that no other driver can be expected to drive."""
        node = self._node
        try:
            view = yield from read_snapshot(node.ref, node.ring, job)
        except Diverged as error:
            yield from self._fail_diverged(job, error)
            return
        if view.end:
            self._ended.add(job)
            return
        if view.spec.replaces and not (yield from self._is_followed(view.spec, first_seen)):
            return
        if first_seen and not (view.spec.detached and not view.results):
            return
        ahead = yield from jobs.jobs_ahead(node.ref, node.ring, original(view.spec).job)
        if len(ahead) >= jobs.RUNNING_MAX or len(self.driving) >= jobs.RUNNING_MAX:
            yield from self._renew_leases_if_due(view.spec)
            return
        self.driving.add(job)
        try:
            self._start(f"driver {job[:8]}", self._contain(job, self._drive(view)))
        except Exception:
            self.driving.discard(job)
            raise

    def _is_followed(self, spec: JobSpec, first_seen: bool) -> Procedure[bool]:
        """Return whether the job that this one replaces leads to it.

        A driver that is killed once it has published a successor leaves its own job without an end: this node writes
        it. If that job leads to another one already, this one ends, unless it may have a driver.
        """
        node, version = self._node, self._clocks.version()
        found = yield from jobs.read_successor(node.ref, node.ring, spec.replaces)
        if not found:
            self._log(f"job {spec.replaces[:8]} is replaced by job {spec.job[:8]}: its driver has not recorded it")
            content = spec.job.encode()
            yield from jobs.put_record(node.ref, node.ring, spec.replaces, records.REPLACED, content, version)
        elif found != spec.job and not first_seen:
            reason = f"job {spec.replaces} is replaced by job {found} instead".encode()
            yield from jobs.put_record(node.ref, node.ring, spec.job, records.FAILED, reason, version)
            self._ended.add(spec.job)
        return found in ("", spec.job)

    def _renew_leases_if_due(self, spec: JobSpec) -> Procedure[None]:
        """Renew the leases of a job that waits for its turn, as nobody drives it yet. Raises ChordError."""
        now = self._clocks.monotonic()
        if now < self._renew_at.get(spec.job, now):
            return
        self._renew_at[spec.job] = now + RENEW_INTERVAL_S
        roster = Roster(self._node.ring, self._node.ref)
        yield from refresh_members(roster)
        yield from renew_leases(roster, spec, self._clocks.version())

    def _fail_diverged(self, job: str, error: Diverged) -> Procedure[None]:
        """End a job with two results for one round: no driver could continue it."""
        node, reason = self._node, str(error).encode()
        end = yield from jobs.read_end(node.ref, node.ring, job)
        if not end:
            self._log(f"job {job[:8]}: {error}")
            yield from jobs.put_record(node.ref, node.ring, job, records.FAILED, reason, self._clocks.version())
        self._ended.add(job)

    def _drive(self, view: JobSnapshot) -> Procedure[None]:
        try:
            yield from self._drive_to_its_end(view)
        finally:
            self.driving.discard(view.job)
            self._drivers.pop(view.job, None)

    def _drive_to_its_end(self, view: JobSnapshot) -> Procedure[None]:
        from roundelay.federation.driver import Driver  # loads numpy, which a node that drives no job does without

        spec = view.spec
        if spec.job not in self._failures:
            self._log(f"driving job {spec.job[:8]} from round {max(1, len(view.results))} on")
        driver = self._drivers[spec.job] = Driver(
            spec,
            self._node.ring,
            self._node.ref,
            str(self._node.ref.address),
            self._clocks,
            lambda result, _: self._note_round(result),
            self._log,
        )
        outcome, heartbeats = yield from gather([driver.drive(), driver.heartbeat()])
        if isinstance(outcome, ChordError | CannotDrive):
            self._put_off(spec.job, str(outcome))
        elif isinstance(outcome, FederationError):
            self._log(f"job {spec.job[:8]}: {outcome}")
        elif isinstance(outcome, Exception):
            raise outcome
        else:
            self._log(f"job {spec.job[:8]} is done")
        if isinstance(heartbeats, Exception):
            raise heartbeats

    def _note_round(self, result: RoundResult) -> None:
        """Log a round that a driver here has stored."""
        self._log(f"job {result.job[:8]}, round {result.round}: validation {result.error_text}")
        self._failures.pop(result.job, None)

    def _put_off(self, job: str, reason: str) -> None:
        """Drive a job again later: with exponential backoff, as long as no driver here stores a round."""
        before = self._failures.get(job)
        pause_s = min(2 * before.pause_s, RETRY_MAX_S) if before is not None else DRIVER_LEASE_S
        self._failures[job] = _Failure(reason, pause_s, self._clocks.monotonic() + pause_s)
        if before is None or before.reason != reason:
            self._log(f"job {job[:8]}: {reason}; trying again")


def _name(job: str) -> str:
    return f"job {job[:8]}"
