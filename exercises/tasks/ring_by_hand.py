"""Exercise 1: who owns a key, and what a finger table contains."""

from __future__ import annotations

import random
from types import ModuleType

from exercises.students import function
from exercises.violation import require
from roundelay.chord.ring import Ring
from roundelay.sim.ideal_ring import random_ring

TITLE = "A ring by hand"
FUNCTIONS = ("owner", "finger_table")
SEEDS = 200


def check(module: ModuleType, seed: int) -> None:
    """Compare with an ideal ring: 3 to 8 bits, 1 to 8 nodes. Raises Violation."""
    rng = random.Random(f"exercise 1 {seed}")
    ring = Ring(rng.randint(3, 8), 1, 1)
    true = random_ring(ring, rng.randint(1, 8), rng)
    ids = list(true.identifiers)
    for key in {rng.randrange(ring.size), rng.choice(ids), ring.size - 1, 0}:
        found = function(module, "owner")(key, list(ids), ring.bits)
        expected = true.owner(key).id
        require(found == expected, "Owner", f"key {key} among nodes {ids} belongs to {expected}, not to {found}")
    me = rng.choice(true.refs)
    expected_table = [node.id for node in true.fingers(me)]
    table = function(module, "finger_table")(me.id, list(ids), ring.bits)
    require(
        list(table) == expected_table,
        "Fingers",
        f"node {me.id} among {ids}, {ring.bits} bits, has the fingers {expected_table}, not {table}",
    )
