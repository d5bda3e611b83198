"""A workload: puts and gets from random members. What was acknowledged must be found after healing, byte for byte.

While things break a get may find nothing, or not be able to say; other bytes it never gives. The
promise holds while no more than replicas - 1 nodes die before copies are restored. Where more
have died within the time that restoring may take, a loss is counted, and excused.
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
    """Puts and gets all the time while things break; a set checker at the end."""

    def __init__(self) -> None:
        self._stopped = False
        self._acknowledged: dict[str, tuple[float, bytes]] = {}  # name -> when, what
        self._begun = self._excused = self._asked = self._answered = 0
        self._crashes: list[float] = []

    def start(self, scene: ObservedRing) -> None:
        self._watch_crashes(scene)
        self._next(scene, scene.world.rng("puts"))

    def stop(self) -> None:
        self._stopped = True

    def judge(self, scene: ObservedRing) -> None:
        for name, (_, content) in self._acknowledged.items():
            found = self._read(scene, name)
            if found == content:
                continue
            self._excused += 1
            excusable = self._worst_burst() >= scene.ring.replicas
            scene.demand(excusable, f"{name} was acknowledged, and reading it gives {found!r}")

    def summary(self) -> str:
        return (
            f"puts: {self._begun} begun, {len(self._acknowledged)} acknowledged, "
            f"{self._excused} of them lost to more deaths at once than there are copies; "
            f"gets meanwhile: {self._asked} begun, {self._answered} answered"
        )

    # --- helpers

    def _next(self, scene: ObservedRing, rng: random.Random) -> None:
        if self._stopped:
            return
        machine = rng.choice(scene.machines)
        if machine.member is not None and machine.process is not None:
            name, content = f"put-{self._begun}", rng.randbytes(rng.randrange(1, 200))
            self._begun += 1
            version = clocks(scene.world).version()
            procedure = put(machine.member.ref, scene.ring, scene.ring.key(name), name, content, version)
            scene.world.run(machine.process, "put", procedure, partial(self._ended, scene, name, content))
            if self._acknowledged:
                self._get(scene, machine, rng.choice(list(self._acknowledged)))
        scene.world.clock.after(rng.expovariate(1.0 / EVERY_S), partial(self._next, scene, rng))

    def _ended(self, scene: ObservedRing, name: str, content: bytes, outcome: Outcome) -> None:
        if isinstance(outcome, tuple) and len(outcome) >= scene.ring.replicas:
            self._acknowledged[name] = scene.world.clock.now, content

    def _get(self, scene: ObservedRing, machine: Machine, name: str) -> None:
        assert machine.member is not None and machine.process is not None
        self._asked += 1
        procedure = get(machine.member.ref, scene.ring, scene.ring.key(name), name)
        scene.world.run(machine.process, "get", procedure, partial(self._got, scene, name))

    def _got(self, scene: ObservedRing, name: str, outcome: Outcome) -> None:
        if isinstance(outcome, bytes):
            self._answered += 1
            scene.demand(outcome == self._acknowledged[name][1], f"{name} was read as {outcome!r}")

    def _read(self, scene: ObservedRing, name: str) -> Outcome:
        machine = next(m for m in scene.machines if m.member is not None)
        assert machine.member is not None and machine.process is not None
        found: list[Outcome] = []
        scene.world.run(
            machine.process, "get", get(machine.member.ref, scene.ring, scene.ring.key(name), name), found.append
        )
        clock = scene.world.clock
        clock.run_while(lambda: not found, clock.now + READ_WITHIN_S)
        return found[0] if found else "nothing in time"

    def _watch_crashes(self, scene: ObservedRing) -> None:
        """Note when memories are lost: each life of a machine has a store of its own."""
        stores: dict[int, object] = {}

        def look() -> None:
            for number, machine in enumerate(scene.machines):
                program = machine.program
                store = program.store if isinstance(program, NodeProgram) else None
                if number in stores and stores[number] is not store and stores[number] is not None:
                    self._crashes.append(scene.world.clock.now)
                stores[number] = store
            if not self._stopped:
                scene.world.clock.after(0.25, look)

        look()

    def _worst_burst(self) -> int:
        """The most memories lost within RESTORED_WITHIN_S."""
        return max(
            (sum(0 <= later - crash <= RESTORED_WITHIN_S for later in self._crashes) for crash in self._crashes),
            default=0,
        )
