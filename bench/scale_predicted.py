"""What the simulator predicts for a ring of as many nodes as there are real ones.

It runs the same code in virtual time: every node boots, joins through a supernode and runs all of its loops.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from bench.counts import FORMS_S, CountingWorld, form
from roundelay.chord.lookup import find_successor
from roundelay.sim.experiments.walks import hops
from roundelay.sim.instant_network import InstantNetwork


@dataclass(frozen=True)
class Prediction:
    """The calls that an idle node sends in a second, and the hops of a lookup, both as means."""

    calls: float
    hops: float


def predict(count: int, calm_s: float, idle_s: float, lookups: int) -> Prediction:
    """Form a ring, and count the calls of `idle_s` seconds when it has been calm for `calm_s` seconds."""
    world = CountingWorld()
    scene = form(world, count)
    world.clock.run(FORMS_S + calm_s)
    before = world.requests
    world.clock.run(world.clock.now + idle_s)
    calls = (world.requests - before) / idle_s / count
    rng, nodes = random.Random(0), scene.members
    network = InstantNetwork(nodes)
    starts = [nodes[rng.randrange(count)].ref for _ in range(lookups)]
    found = [hops(network.run(find_successor(start, rng.getrandbits(scene.ring.bits)))) for start in starts]
    return Prediction(calls, sum(found) / lookups)
