"""Workload: lookups of random keys from random members."""

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
CHECKED = 50  # lookups after healing, each of which must be correct
LOOKUP = "lookup"
DURATION_MAX_S = 150.0  # 128 requests with a timeout of a second each


class Lookups:
    """Lookups all the time; during faults their results may be stale, but never impossible."""

    def __init__(self) -> None:
        self._stopped = False
        self._during_faults: Counter[str] = Counter()
        self._after: Counter[str] = Counter()

    def start(self, observed: ObservedRing) -> None:
        self._next(observed, observed.world.rng("lookups"))

    def stop(self) -> None:
        self._stopped = True

    def check(self, observed: ObservedRing) -> None:
        rng = observed.world.rng("checked lookups")
        for _ in range(CHECKED):
            self._one(observed, rng, self._after)
        clock, end_s = observed.world.clock, observed.world.clock.now + DURATION_MAX_S
        clock.run_while(lambda: _running(observed) > 0, end_s)
        observed.require(_running(observed) == 0, f"{_running(observed)} lookups do not end")
        observed.require(self._after["right"] == CHECKED, f"lookups in a converged ring: {dict(self._after)}")

    def summary(self) -> str:
        counts = ", ".join(f"{count} {what}" for what, count in sorted(self._during_faults.items()))
        return f"lookups: {counts}; after healing {self._after['right']} of {CHECKED} right"

    # --- helpers

    def _next(self, observed: ObservedRing, rng: random.Random) -> None:
        if not self._stopped:
            self._one(observed, rng, self._during_faults)
            observed.world.clock.after(rng.expovariate(1.0 / EVERY_S), partial(self._next, observed, rng))

    def _one(self, observed: ObservedRing, rng: random.Random, counts: Counter[str]) -> None:
        key = rng.getrandbits(observed.ring.bits)
        machine = rng.choice(observed.machines)
        if machine.member is None or machine.process is None:
            return
        counts["started"] += 1
        procedure = find_successor(machine.member.ref, key)
        observed.world.run(machine.process, LOOKUP, procedure, partial(self._ended, observed, key, counts))

    def _ended(self, observed: ObservedRing, key: int, counts: Counter[str], outcome: Outcome) -> None:
        if not isinstance(outcome, Route):
            counts["failed"] += 1
            return
        nearer = all(between(a.node.id, b.node.id, key) for a, b in pairwise(outcome.steps))
        observed.require(nearer, f"a lookup of {key} went back: {outcome}")
        existed = outcome.owner in observed.supernode.granted
        observed.require(existed, f"a lookup names {outcome.owner}, which never existed")
        true = IdealRing(observed.ring, (node.ref for node in observed.members))
        counts["right" if len(true) and outcome.owner == true.owner(key) else "stale"] += 1


def _running(observed: ObservedRing) -> int:
    tasks = (task for m in observed.machines if m.process is not None for task in m.process.tasks)
    return sum(task.name == LOOKUP for task in tasks)
