"""Exercise 3: stabilize, in the simulator: nodes join and crash, and the ring must stay correct."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

from exercises.students import function
from exercises.violation import Violation
from roundelay.chord import protocol
from roundelay.chord.invariants import PREDICATES
from roundelay.sim.journal import EventJournal
from roundelay.sim.lookups import Lookups
from roundelay.sim.observed_ring import Violated
from roundelay.sim.options import CALM
from roundelay.sim.scenario import Scenario

TITLE = "Join, leave and crash"
FUNCTIONS = ("stabilize",)
SEEDS = 20


def check(module: ModuleType, seed: int) -> None:
    """Run a scenario whose nodes stabilize by the student's procedure. Raises Violation."""
    rng = random.Random(f"exercise 3 {seed}")
    options = replace(
        CALM,
        seed=seed,
        nodes=rng.randint(6, 12),
        successors=3,
        bits=rng.choice((8, 160)),
        latency_s=rng.choice((0.01, 0.05)),
        crashes=rng.randint(2, 6),
        restart_s=2.0,
        faults_s=20.0,
    )
    with _replaced(function(module, "stabilize")):
        try:
            Scenario(options, EventJournal(), [Lookups()]).run()
        except Violated as violated:
            invariant = next((name for name in PREDICATES if name in str(violated)), "Ideal")
            raise Violation(invariant, str(violated)) from violated


@contextmanager
def _replaced(procedure: Any) -> Iterator[None]:
    ours = protocol.stabilize
    protocol.stabilize = procedure
    try:
        yield
    finally:
        protocol.stabilize = ours
