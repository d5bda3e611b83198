"""Exercise 6: what may be killed: how long every file has a live copy."""

from __future__ import annotations

import random
from types import ModuleType

from exercises.students import function
from exercises.tasks.handing_off import true_holders
from exercises.violation import require
from roundelay.chord.ring import Ring
from roundelay.sim.ideal_ring import random_ring

TITLE = "Kill everything"
FUNCTIONS = ("may_kill",)
SEEDS = 200


def check(module: ModuleType, seed: int) -> None:
    """Kill nodes as the student allows, before any copy is restored. Raises Violation."""
    rng = random.Random(f"exercise 6 {seed}")
    true = random_ring(Ring(8, 1, 1), rng.randint(3, 9), rng)
    ids, replicas = list(true.identifiers), rng.randint(2, 3)
    stored = {key: true_holders(key, ids, replicas) for key in {rng.randrange(256) for _ in range(rng.randint(1, 6))}}
    may_kill, dead = function(module, "may_kill"), set[int]()
    for node in rng.sample(ids, len(ids)):
        is_safe = all(holders - dead - {node} for holders in stored.values())
        allowed = bool(may_kill(node, set(dead), {key: set(nodes) for key, nodes in stored.items()}))
        case = f"{node} with {sorted(dead)} dead, files on {[sorted(nodes) for nodes in stored.values()]}"
        require(is_safe or not allowed, "NoFileLost", f"killing {case} loses a file")
        require(allowed or not is_safe, "NotTooCareful", f"killing {case} loses no file, and was forbidden")
        if allowed:
            dead.add(node)
