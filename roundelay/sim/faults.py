"""Faults: crashes, pauses and partitions, drawn from the seed.

At the end everything is healed: killed programs are restarted, frozen ones thaw.
"""

from __future__ import annotations

from collections.abc import Sequence

from roundelay.chord.invariants import INVARIANT, check, view_of
from roundelay.chord.ring import Ring
from roundelay.sim.machine import Machine
from roundelay.sim.supernode import SimSupernode
from roundelay.sim.world import World

SUPERNODE_DOWN_S = 3.0


class SimFaults:
    """Injects faults into the machines of one world for `options.faults_s` seconds."""

    def __init__(self, world: World, ring: Ring, machines: Sequence[Machine], supernode: SimSupernode) -> None:
        self._world, self._ring, self._machines, self._supernode = world, ring, machines, supernode
        self._rng = world.rng("faults")
        self.crashes = self.pauses = self.partitions = self.skipped = 0

    def begin(self) -> None:
        """Schedule all faults."""
        options, after, draw = self._world.options, self._world.clock.after, self._rng.uniform
        for _ in range(options.crashes):
            after(draw(0.0, options.faults_s), self._crash)
        for _ in range(options.pauses):
            after(draw(0.0, options.faults_s), self._freeze)
        for _ in range(options.supernode_crashes):
            after(draw(0.0, options.faults_s), self._crash_supernode)
        slot_s = options.faults_s / max(1, options.partitions)
        for turn in range(options.partitions):
            after(slot_s * turn + draw(0.0, max(0.0, slot_s - options.partition_s)), self._split)

    def end(self) -> None:
        """Heal the network and restart all programs and the supernode."""
        self._world.network.heal()
        self._world.note("heal")
        self._supernode.boot()
        for machine in self._machines:
            machine.thaw()
            machine.boot()

    # --- helpers

    def _crash(self) -> None:
        victim = self._random_machine()
        options = self._world.options
        if self._must_spare(victim):
            self.skipped += 1
            return
        self.crashes += 1
        victim.crash(silent=self._rng.random() >= options.refusals)
        self._world.clock.after(self._rng.expovariate(1.0 / max(options.restart_s, 1e-9)), victim.boot)

    def _random_machine(self) -> Machine:
        """Return a random machine, one that runs if there is any."""
        return self._rng.choice([m for m in self._machines if m.is_up] or self._machines)

    def _must_spare(self, victim: Machine) -> bool:
        """Return True if a crash could lose all copies of an item, or violate the assumption of the proof.

        Zave, Fail: every list keeps a live entry, and successors + 1 principals remain.
        """
        if sum(not m.is_up for m in self._machines) >= self._ring.replicas - 1 or not victim.is_up:
            return True
        if not self._world.options.silence_is_death:
            return False
        views = [view_of(m.member) for m in self._machines if m.member and m is not victim]
        return not all(f.holds for f in check(views, self._ring.successors) if f.predicate in INVARIANT)

    def _crash_supernode(self) -> None:
        self._supernode.crash()
        self._world.clock.after(SUPERNODE_DOWN_S, self._supernode.boot)

    def _freeze(self) -> None:
        victim = self._random_machine()
        self.pauses += 1
        victim.freeze()
        self._world.clock.after(self._world.options.pause_s, victim.thaw)

    def _split(self) -> None:
        """Split off a random part of the machines, at least one; the supernode may be on either side."""
        addresses = [m.address for m in self._machines] + [self._supernode.address]
        island = self._rng.sample(addresses, self._rng.randint(1, len(self._machines)))
        self.partitions += 1
        self._world.network.split(island)
        self._world.note(f"split off {' '.join(map(str, sorted(island)))}")
        self._world.clock.after(self._world.options.partition_s, self._rejoin)

    def _rejoin(self) -> None:
        self._world.network.join()
        self._world.note("rejoin")
