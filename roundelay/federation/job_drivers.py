"""The drivers of jobs in a secured ring, as one holder of a job's records knows them.

A job is driven by its submitter or by a node that may own its key. While a driver's lease runs, no other node may claim
the job or write its records; its submitter may always do so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roundelay.chord.errors import NotAllowed
from roundelay.trust.identity import NODE, Identity

JOBS_MAX = 1024  # remembered


@dataclass(frozen=True)
class _Claim:
    driver: Identity
    until: float


class JobDrivers:
    """The driver of each job. `submitters_of` returns the submitters of a job whose spec is stored here."""

    def __init__(
        self,
        lease_s: float,
        clock: Callable[[], float],
        submitters_of: Callable[[str], set[str]],
        may_drive: Callable[[str, Identity], bool],
    ) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._submitters_of = submitters_of
        self._may_drive = may_drive
        self._claims: dict[str, _Claim] = {}

    def claim(self, job: str, driver: Identity) -> None:
        """Renew a driver's lease on a job. Raises NotAllowed."""
        self.check(job, driver)
        submitters = self._submitters_of(job)
        if driver.role != NODE and driver.uri not in submitters:
            raise NotAllowed(f"{driver} may not drive job {job[:8]}: it is the job of another submitter")
        if driver.role == NODE and not self._may_drive(job, driver):
            raise NotAllowed(f"{driver} may not drive job {job[:8]}: another node owns its key")
        if len(self._claims) >= JOBS_MAX:
            self._claims = {name: each for name, each in self._claims.items() if each.until > self._clock()}
        self._claims[job] = _Claim(driver, self._clock() + self._lease_s)

    def check(self, job: str, writer: Identity) -> None:
        """Raise NotAllowed if a node would write to, or claim, a job that another process drives."""
        claim = self._claims.get(job)
        if claim is None or claim.until <= self._clock() or writer.role != NODE or writer.uri == claim.driver.uri:
            return
        raise NotAllowed(f"{writer} may not drive job {job[:8]}: {claim.driver} does")
