"""How hard the tests look: ROUNDELAY_SOAK=20 looks at twenty times as many examples, new ones each time."""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, settings

SOAK = int(os.environ.get("ROUNDELAY_SOAK", "0"))


def seeds(count: int) -> list[int]:
    """As many seeds; the same ones each time, unless it is a soak."""
    return [random.randrange(1 << 32) for _ in range(count * SOAK)] if SOAK else list(range(count))


def machine(examples: int, steps: int) -> settings:
    """How long a state machine runs."""
    return settings(
        max_examples=examples * max(SOAK, 1),
        stateful_step_count=steps,
        deadline=None,
        derandomize=not SOAK,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
