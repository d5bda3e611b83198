"""The drivers of jobs in a secured ring, as one holder of a job's records knows them.

A job is driven by its submitter or by a node that may own its key. While a driver's lease runs, no other node may claim
the job or write its records; its submitter may always do so.

Replicas that lack records of earlier drivers must get them meanwhile. A copy of one is accepted unless only the
living driver could write such a record: an end of the job, or a record of a round that it has reached.

Heartbeats and records come in different threads: `claim` alone changes the claims, and `check` alone the rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from roundelay.chord.errors import NotAllowed
from roundelay.trust.identity import NODE, Identity

JOBS_MAX = 1024  # remembered


@dataclass(frozen=True)
class DriversRecord:
    """A record that a driver writes, as a replica judges it."""

    job: str
    version: int
    round: int | None = None  # None: it is of no round
    is_copy: bool = False  # the caller passes it on; its signer may have died long ago
    is_deletion: bool = False
    deletes: bool = False  # something that is stored here


@dataclass(frozen=True)
class _Claim:
    """A driver's term."""

    driver: Identity
    since: int  # the version of a record written when the term began
    until: float


class JobDrivers:
    """The driver of each job. `submitters_of` returns the submitters of a job whose spec is stored here."""

    def __init__(
        self,
        lease_s: float,
        clock: Callable[[], float],
        now_ns: Callable[[], int],
        submitters_of: Callable[[str], set[str]],
        may_drive: Callable[[str, Identity], bool],
    ) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._now_ns = now_ns
        self._submitters_of = submitters_of
        self._may_drive = may_drive
        self._claims: dict[str, _Claim] = {}
        self._first: dict[str, tuple[int, int]] = {}  # when a term began, and the first round that was written in it

    def claim(self, job: str, driver: Identity) -> None:
        """Renew a driver's lease on a job. Raises NotAllowed."""
        running = self._running(job)
        if running is not None and driver.role == NODE and driver.uri != running.driver.uri:
            raise _refusal(job, driver, running)
        submitters = self._submitters_of(job)
        if driver.role != NODE and driver.uri not in submitters:
            raise NotAllowed(f"{driver} may not drive job {job[:8]}: it is the job of another submitter")
        if driver.role == NODE and not self._may_drive(job, driver):
            raise NotAllowed(f"{driver} may not drive job {job[:8]}: another node owns its key")
        if len(self._claims) >= JOBS_MAX:
            self._claims = {name: each for name, each in self._claims.items() if each.until > self._clock()}
        if running is None or running.driver.uri != driver.uri:
            running = _Claim(driver, self._now_ns(), until=0.0)
        self._claims[job] = replace(running, until=self._clock() + self._lease_s)

    def check(self, signer: Identity, written: DriversRecord) -> None:
        """Raise NotAllowed for a node's record of a job that another process drives, unless it is a copy."""
        running = self._running(written.job)
        if running is None:
            return
        if signer.uri == running.driver.uri:
            self._note_round(running, written)
        elif signer.role == NODE and not self._allows_copy(running, written):
            raise _refusal(written.job, signer, running)

    def _note_round(self, running: _Claim, written: DriversRecord) -> None:
        """Remember the round of a record of the driver; those of an earlier term of the same driver do not count."""
        if written.round is None or written.is_deletion or written.version < running.since:
            return
        known = self._first_round(written.job, running)
        if len(self._first) >= JOBS_MAX:
            self._first = {job: each for job, each in self._first.items() if job in self._claims}
        self._first[written.job] = running.since, written.round if known is None else min(known, written.round)

    def _allows_copy(self, running: _Claim, written: DriversRecord) -> bool:
        """Return whether a record can be of a driver before this one."""
        first = self._first_round(written.job, running)
        is_earlier = written.round is not None and (first is None or written.round < first)
        return written.is_copy and is_earlier and not written.deletes

    def _first_round(self, job: str, running: _Claim) -> int | None:
        """Return the earliest round of which a record was written in a term, if any is known."""
        known = self._first.get(job)
        return known[1] if known is not None and known[0] == running.since else None

    def _running(self, job: str) -> _Claim | None:
        """Return the claim whose lease runs."""
        claim = self._claims.get(job)
        return claim if claim is not None and claim.until > self._clock() else None


def _refusal(job: str, writer: Identity, running: _Claim) -> NotAllowed:
    return NotAllowed(f"{writer} may not drive job {job[:8]}: {running.driver} does")
