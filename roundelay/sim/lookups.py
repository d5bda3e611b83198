"""The scenario's first workload: lookups from random members for random keys."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from itertools import pairwise

from roundelay.chord.lookup import Route, find_successor
from roundelay.chord.ring import between
from roundelay.sim.ideal_ring import IdealRing
from roundelay.sim.observed_ring import ObservedRing
from roundelay.sim.process import Outcome

EVERY_S = 0.25  # on average, over the whole ring
JUDGED = 50  # lookups after healing, each of which must be right
LOOKUP = "lookup"
TAKES_MAX_S = 150.0  # 128 questions, each of them silent for a second


class Lookups:
    """Asks all the time; what it is told while things break may be stale, but never nonsense."""

    def __init__(self) -> None:
        self._stopped = False
        self._while_broken: Counter[str] = Counter()
        self._after: Counter[str] = Counter()

    def start(self, scene: ObservedRing) -> None:
        self._next(scene, scene.world.rng("lookups"))

    def stop(self) -> None:
        self._stopped = True

    def judge(self, scene: ObservedRing) -> None:
        rng = scene.world.rng("judged lookups")
        for _ in range(JUDGED):
            self._one(scene, rng, self._after)
        clock, end_s = scene.world.clock, scene.world.clock.now + TAKES_MAX_S
        clock.run_while(lambda: _under_way(scene) > 0, end_s)
        scene.demand(_under_way(scene) == 0, f"{_under_way(scene)} lookups do not end")
        scene.demand(self._after["right"] == JUDGED, f"lookups in a whole ring: {dict(self._after)}")

    def summary(self) -> str:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self._while_broken.items()))
        return f"lookups: {counts}; after healing {self._after['right']} of {JUDGED} right"

    # --- helpers

    def _next(self, scene: ObservedRing, rng: random.Random) -> None:
        if not self._stopped:
            self._one(scene, rng, self._while_broken)
            scene.world.clock.after(rng.expovariate(1.0 / EVERY_S), partial(self._next, scene, rng))

    def _one(self, scene: ObservedRing, rng: random.Random, counts: Counter[str]) -> None:
        key = rng.getrandbits(scene.ring.bits)
        machine = rng.choice(scene.machines)
        if machine.member is None or machine.process is None:
            return
        counts["begun"] += 1
        walk = find_successor(machine.member.ref, key)
        scene.world.run(machine.process, LOOKUP, walk, partial(self._ended, scene, key, counts))

    def _ended(self, scene: ObservedRing, key: int, counts: Counter[str], outcome: Outcome) -> None:
        if not isinstance(outcome, Route):
            counts["failed"] += 1
            return
        nearer = all(between(a.node.id, b.node.id, key) for a, b in pairwise(outcome.steps))
        scene.demand(nearer, f"a lookup of {key} has gone back: {outcome}")
        scene.demand(outcome.owner in scene.supernode.granted, f"a lookup names {outcome.owner}, who never was")
        true = IdealRing(scene.ring, (node.ref for node in scene.members))
        counts["right" if len(true) and outcome.owner == true.owner(key) else "stale"] += 1


def _under_way(scene: ObservedRing) -> int:
    tasks = (task for m in scene.machines if m.process is not None for task in m.process.tasks)
    return sum(task.name == LOOKUP for task in tasks)
