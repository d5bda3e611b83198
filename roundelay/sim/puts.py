"""Workload: puts and gets from random members. After healing every acknowledged put must be found, byte for byte.

During faults a get may fail, but never returns other bytes. The guarantee holds while no more than replicas - 1 nodes
die before copies are restored; if more have died within that time, a loss is counted and excused.
"""

from __future__ import annotations

import random
from functools import partial

from roundelay.sim.machine import Machine, clocks
from roundelay.sim.observed_ring import ObservedRing
from roundelay.sim.process import Outcome
from roundelay.sim.program import NodeProgram
from roundelay.store.read_path import get
from roundelay.store.write_path import put

EVERY_S = 2.0
RESTORED_WITHIN_S = 20.0
READ_WITHIN_S = 120.0


class Puts:
    """Puts and gets during the faults, and a set checker at the end."""

    def __init__(self) -> None:
        self._stopped = False
        self._acknowledged: dict[str, tuple[float, bytes]] = {}  # name -> time, content
        self._started = self._excused = self._asked = self._answered = 0
        self._crashes: list[float] = []

    def start(self, observed: ObservedRing) -> None:
        self._watch_crashes(observed)
        self._next(observed, observed.world.rng("puts"))

    def stop(self) -> None:
        self._stopped = True

    def check(self, observed: ObservedRing) -> None:
        for name, (_, content) in self._acknowledged.items():
            found = self._read(observed, name)
            if found == content:
                continue
            self._excused += 1
            excusable = self._worst_burst() >= observed.ring.replicas
            observed.require(excusable, f"{name} was acknowledged, but reading it returns {found!r}")

    def summary(self) -> str:
        return (
            f"puts: {self._started} started, {len(self._acknowledged)} acknowledged, "
            f"{self._excused} of them lost because more nodes died at once than there are copies; "
            f"gets meanwhile: {self._asked} started, {self._answered} answered"
        )

    # --- helpers

    def _next(self, observed: ObservedRing, rng: random.Random) -> None:
        if self._stopped:
            return
        machine = rng.choice(observed.machines)
        if machine.member is not None and machine.process is not None:
            name, content = f"put-{self._started}", rng.randbytes(rng.randrange(1, 200))
            self._started += 1
            version = clocks(observed.world).version()
            procedure = put(machine.member.ref, observed.ring, observed.ring.key(name), name, content, version)
            observed.world.run(machine.process, "put", procedure, partial(self._ended, observed, name, content))
            if self._acknowledged:
                self._get(observed, machine, rng.choice(list(self._acknowledged)))
        observed.world.clock.after(rng.expovariate(1.0 / EVERY_S), partial(self._next, observed, rng))

    def _ended(self, observed: ObservedRing, name: str, content: bytes, outcome: Outcome) -> None:
        if isinstance(outcome, tuple) and len(outcome) >= observed.ring.replicas:
            self._acknowledged[name] = observed.world.clock.now, content

    def _get(self, observed: ObservedRing, machine: Machine, name: str) -> None:
        assert machine.member is not None and machine.process is not None
        self._asked += 1
        procedure = get(machine.member.ref, observed.ring, observed.ring.key(name), name)
        observed.world.run(machine.process, "get", procedure, partial(self._got, observed, name))

    def _got(self, observed: ObservedRing, name: str, outcome: Outcome) -> None:
        if isinstance(outcome, bytes):
            self._answered += 1
            observed.require(outcome == self._acknowledged[name][1], f"{name} was read as {outcome!r}")

    def _read(self, observed: ObservedRing, name: str) -> Outcome:
        machine = next(m for m in observed.machines if m.member is not None)
        assert machine.member is not None and machine.process is not None
        found: list[Outcome] = []
        observed.world.run(
            machine.process, "get", get(machine.member.ref, observed.ring, observed.ring.key(name), name), found.append
        )
        clock = observed.world.clock
        clock.run_while(lambda: not found, clock.now + READ_WITHIN_S)
        return found[0] if found else "no answer in time"

    def _watch_crashes(self, observed: ObservedRing) -> None:
        """Record when stores are lost: each incarnation of a machine has a store of its own."""
        stores: dict[int, object] = {}

        def watch() -> None:
            for number, machine in enumerate(observed.machines):
                program = machine.program
                store = program.store if isinstance(program, NodeProgram) else None
                if number in stores and stores[number] is not store and stores[number] is not None:
                    self._crashes.append(observed.world.clock.now)
                stores[number] = store
            if not self._stopped:
                observed.world.clock.after(0.25, watch)

        watch()

    def _worst_burst(self) -> int:
        """Return the most stores lost within RESTORED_WITHIN_S."""
        return max(
            (sum(0 <= later - crash <= RESTORED_WITHIN_S for later in self._crashes) for crash in self._crashes),
            default=0,
        )
