"""How many examples the tests try: with ROUNDELAY_SOAK=20 twenty times as many, new ones in each run."""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, settings

SOAK = int(os.environ.get("ROUNDELAY_SOAK", "0"))


def seeds(count: int) -> list[int]:
    """Return `count` seeds; the same ones in each run, unless it is a soak."""
    return [random.randrange(1 << 32) for _ in range(count * SOAK)] if SOAK else list(range(count))


def machine(examples: int, steps: int) -> settings:
    """Return the settings of a test with this number of examples and, for a state machine, of steps."""
    return settings(
        max_examples=examples * max(SOAK, 1),
        stateful_step_count=steps,
        deadline=None,
        derandomize=not SOAK,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
