"""Someone always drives: a node looks after the jobs whose key it owns, and drives those that nobody drives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from roundelay.chord.effects import Procedure, Sleep, ask, gather
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.federation import records
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import Diverged, FederationError
from roundelay.store.items import ListNamed

if TYPE_CHECKING:
    from roundelay.federation.snapshot import JobSnapshot

DRIVER_LEASE_S = 5.0  # after so long without a word from its driver a job is taken over
JOB_SCAN_INTERVAL_S = 1.0


class JobSupervisor:
    """One node's care for its jobs: who drives which was heard of when."""

    def __init__(self, node: ChordNode, clocks: Clocks, say: Callable[[str], None]) -> None:
        self._node = node
        self._clocks = clocks
        self._log = say
        self._last_heartbeat: dict[str, float] = {}  # job -> when its driver was last heard of, or the job first seen
        self._ended: set[str] = set()
        self._trouble = ""  # what was said last of what went wrong

    def heartbeat(self, job: str) -> None:
        """Its driver lives."""
        self._last_heartbeat[job] = self._clocks.monotonic()

    def supervise(self) -> Procedure[None]:
        """For ever: take over what nobody drives."""
        while True:
            yield Sleep(JOB_SCAN_INTERVAL_S)
            try:
                yield from self._scan()
                self._trouble = ""
            except (ChordError, FederationError) as error:
                if str(error) != self._trouble:  # told once, not every second
                    self._log(f"a job could not be driven on: {error}")
                self._trouble = str(error)

    def _scan(self) -> Procedure[None]:
        ending = f".{records.SPEC}"
        specs = yield from ask(self._node.ref, ListNamed(ending))
        mine = [s for s in specs if self._node.owns(s.entry.key)]
        for item in sorted(mine, key=lambda s: s.version):
            job = item.entry.name.removesuffix(ending)
            if job in self._ended:
                continue
            first_seen = job not in self._last_heartbeat
            self._last_heartbeat.setdefault(job, self._clocks.monotonic())
            if first_seen or self._clocks.monotonic() - self._last_heartbeat[job] >= DRIVER_LEASE_S:
                yield from self._take_over_if_silent(job, first_seen)

    def _take_over_if_silent(self, job: str, first_seen: bool) -> Procedure[None]:
        """Drive it, if it has not ended, it is its turn, and somebody else need not be waited for."""
        from roundelay.federation import (
            jobs,  # brings specs and their chains, which a node that owns no job does without
        )
        from roundelay.federation.snapshot import read_snapshot

        node = self._node
        try:
            view = yield from read_snapshot(node.ref, node.ring, job)
        except Diverged as error:
            yield from self._fail_diverged(job, error)
            return
        if view.end:
            self._ended.add(job)
            return
        if first_seen and not (view.spec.detached and not view.results):
            return
        ahead = yield from jobs.jobs_ahead(node.ref, node.ring, job)
        if not ahead:
            yield from self._drive(view)

    def _fail_diverged(self, job: str, error: Diverged) -> Procedure[None]:
        """Two results of one round: nobody can go on from there, and those who wait need wait no longer."""
        from roundelay.federation import jobs

        node, reason = self._node, str(error).encode()
        end = yield from jobs.read_end(node.ref, node.ring, job)
        if not end:
            self._log(f"job {job[:8]}: {error}")
            yield from jobs.put_record(node.ref, node.ring, job, records.FAILED, reason, self._clocks.version())
        self._ended.add(job)

    def _drive(self, view: JobSnapshot) -> Procedure[None]:
        from roundelay.federation.driver import Driver  # brings numpy, which a node that drives nothing does without

        spec = view.spec
        self._log(f"driving job {spec.job[:8]} on from round {max(1, len(view.results))}")
        driver = Driver(
            spec,
            self._node.ring,
            self._node.ref,
            str(self._node.ref.address),
            self._clocks,
            lambda result, report: self._log(
                f"job {spec.job[:8]}, round {result.round}: validation error {result.error:.4f}"
            ),
            self._log,
        )
        outcome, _ = yield from gather([driver.drive(), driver.heartbeat()])
        if isinstance(outcome, Exception):
            self._log(f"job {spec.job[:8]}: {outcome}")
        else:
            self._log(f"job {spec.job[:8]} is done")
