"""Exercise 4: which copies a ring makes and deletes when a node joins or leaves; it may be killed in between."""

from __future__ import annotations

import random
from types import ModuleType

from exercises.students import function
from exercises.violation import require
from roundelay.chord.ring import Ring
from roundelay.sim.ideal_ring import IdealRing, random_ring

TITLE = "Storing and replicating files"
FUNCTIONS = ("holders", "hand_off")
SEEDS = 200
KEYS = 12
ACTIONS_MAX = 1000

Stored = dict[int, set[int]]  # key -> the nodes that store it


def check(module: ModuleType, seed: int) -> None:
    """Carry out a student's plan step by step. Raises Violation."""
    rng = random.Random(f"exercise 4 {seed}")
    ring = Ring(8, 1, 1)
    true = random_ring(ring, rng.randint(2, 8), rng)
    replicas = rng.randint(1, 3)
    keys = sorted({rng.randrange(ring.size) for _ in range(KEYS)} | {rng.choice(true.identifiers)})
    before, after = _change(true, rng)
    for key in keys:
        found, expected = (
            set(function(module, "holders")(key, list(before), replicas)),
            true_holders(key, before, replicas),
        )
        require(found == expected, "Placed", f"key {key}, {replicas} copies, nodes {before}: {expected}, not {found}")
    stored = {key: true_holders(key, before, replicas) for key in keys}
    plan = list(function(module, "hand_off")(keys, list(before), list(after), replicas))
    require(len(plan) <= ACTIONS_MAX, "Placed", f"the plan has {len(plan)} steps")
    alive = {*before, *after}
    for number, action in enumerate(plan, 1):
        _carry_out(stored, action, alive, f"step {number}, {action}, of nodes {before} becoming {after}")
        for key, nodes in stored.items():
            enough = min(replicas, len(before), len(after))
            require(
                len(nodes) >= enough,
                "NoCopyLost",
                f"after step {number}, {action}, key {key} has {len(nodes)} of {enough} copies; "
                f"nodes {before} become {after}",
            )
    for key, nodes in stored.items():
        expected = true_holders(key, after, replicas)
        require(nodes == expected, "Placed", f"in the end key {key} is on {sorted(nodes)}, not on {sorted(expected)}")


def _change(true: IdealRing, rng: random.Random) -> tuple[list[int], list[int]]:
    """Return the nodes before and after one of them joins or leaves."""
    ids = list(true.identifiers)
    gone = rng.choice(ids)
    fewer = [each for each in ids if each != gone]
    return (fewer, ids) if rng.random() < 0.5 else (ids, fewer)


def true_holders(key: int, ids: list[int], replicas: int) -> set[int]:
    ordered = sorted(ids)
    first = next((place for place, each in enumerate(ordered) if each >= key), 0)
    return {ordered[(first + i) % len(ordered)] for i in range(min(replicas, len(ordered)))}


def _carry_out(stored: Stored, action: tuple[object, ...], alive: set[int], case: str) -> None:
    match action:
        case ("copy", int(key), int(source), int(target)):
            require(source in stored.get(key, set()), "CopyFromHolder", f"{case}: {source} does not store {key}")
            require(target in alive, "CopyFromHolder", f"{case}: there is no node {target}")
            stored[key].add(target)
        case ("delete", int(key), int(node)):
            stored.get(key, set()).discard(node)
        case _:
            require(False, "Placed", f"{case}: a step is (copy, key, source, target) or (delete, key, node)")
