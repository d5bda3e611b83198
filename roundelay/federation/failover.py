"""Someone always drives: a node looks after the jobs whose key it owns, and drives those that nobody drives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from roundelay.chord.effects import Procedure, Sleep, ask, together
from roundelay.chord.errors import ChordError
from roundelay.chord.node import ChordNode
from roundelay.federation import records
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import Diverged, FederationError
from roundelay.store.items import ListNamed

if TYPE_CHECKING:
    from roundelay.federation.jobs import JobView

LAPSED_S = 5.0  # after so long without a word from its driver a job is taken over
LOOK_EVERY_S = 1.0


class Keeper:
    """One node's care for its jobs: who drives which was heard of when."""

    def __init__(self, node: ChordNode, clocks: Clocks, say: Callable[[str], None]) -> None:
        self._node = node
        self._clocks = clocks
        self._say = say
        self._heard: dict[str, float] = {}  # job -> when its driver was last heard of, or the job first seen
        self._ended: set[str] = set()
        self._trouble = ""  # what was said last of what went wrong

    def hear(self, job: str) -> None:
        """Its driver lives."""
        self._heard[job] = self._clocks.monotonic()

    def keep(self) -> Procedure[None]:
        """For ever: take over what nobody drives."""
        while True:
            yield Sleep(LOOK_EVERY_S)
            try:
                yield from self._look_round()
                self._trouble = ""
            except (ChordError, FederationError) as error:
                if str(error) != self._trouble:  # told once, not every second
                    self._say(f"a job could not be driven on: {error}")
                self._trouble = str(error)

    def _look_round(self) -> Procedure[None]:
        ending = f".{records.SPEC}"
        specs = yield from ask(self._node.ref, ListNamed(ending))
        mine = [s for s in specs if self._node.owns(s.entry.key)]
        for item in sorted(mine, key=lambda s: s.version):
            job = item.entry.name.removesuffix(ending)
            if job in self._ended:
                continue
            first_seen = job not in self._heard
            self._heard.setdefault(job, self._clocks.monotonic())
            if first_seen or self._clocks.monotonic() - self._heard[job] >= LAPSED_S:
                yield from self._consider(job, first_seen)

    def _consider(self, job: str, first_seen: bool) -> Procedure[None]:
        """Drive it, if it has not ended, it is its turn, and somebody else need not be waited for."""
        from roundelay.federation import (
            jobs,  # brings specs and their chains, which a node that owns no job does without
        )

        node = self._node
        try:
            view = yield from jobs.look_at(node.ref, node.ring, job)
        except Diverged as error:
            yield from self._give_up(job, error)
            return
        if view.end:
            self._ended.add(job)
            return
        if first_seen and not (view.spec.detached and not view.results):
            return
        ahead = yield from jobs.waiting_before(node.ref, node.ring, job)
        if not ahead:
            yield from self._drive(view)

    def _give_up(self, job: str, error: Diverged) -> Procedure[None]:
        """Two results of one round: nobody can go on from there, and those who wait need wait no longer."""
        from roundelay.federation import jobs

        node, reason = self._node, str(error).encode()
        end = yield from jobs.end_of(node.ref, node.ring, job)
        if not end:
            self._say(f"job {job[:8]}: {error}")
            yield from jobs.put_record(node.ref, node.ring, job, records.FAILED, reason, self._clocks.version())
        self._ended.add(job)

    def _drive(self, view: JobView) -> Procedure[None]:
        from roundelay.federation.driver import Driver  # brings numpy, which a node that drives nothing does without

        spec = view.spec
        self._say(f"driving job {spec.job[:8]} on from round {max(1, len(view.results))}")
        driver = Driver(
            spec,
            self._node.ring,
            self._node.ref,
            str(self._node.ref.address),
            self._clocks,
            lambda result, report: self._say(
                f"job {spec.job[:8]}, round {result.round}: validation error {result.error:.4f}"
            ),
            self._say,
        )
        outcome, _ = yield from together([driver.drive(), driver.beat()])
        if isinstance(outcome, Exception):
            self._say(f"job {spec.job[:8]}: {outcome}")
        else:
            self._say(f"job {spec.job[:8]} is done")
