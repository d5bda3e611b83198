"""How much the tests of generated cases search.

ROUNDELAY_TEST_SEARCH is the fraction of a full search: `make check` measures coverage with little of it, `make test`
tries a seventh, always the same cases, and `make fuzz` other ones for each ROUNDELAY_TEST_SEED. A failure prints how to
reproduce it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

SEARCH = float(os.environ.get("ROUNDELAY_TEST_SEARCH", "0.15"))
IS_FULL = SEARCH >= 1.0
FIRST_SEED = 1000 * int(os.environ.get("ROUNDELAY_TEST_SEED", "0"))


def part(count: int) -> int:
    """Return how many of `count` cases to try."""
    return max(1, round(count * SEARCH))


def seeds(count: int) -> list[int]:
    """Return the seeds of a part of `count` cases."""
    return list(range(FIRST_SEED, FIRST_SEED + part(count)))


def examples(count: int) -> settings:
    """Return the settings of a test whose full search is `count` examples."""
    return settings(max_examples=part(count), deadline=None, derandomize=not IS_FULL, database=None)


def machine(examples: int, steps: int) -> settings:
    """Return the settings of a state machine whose full search is this many runs, each of `steps` steps."""
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(
        max_examples=part(examples),
        stateful_step_count=steps,
        deadline=None,
        derandomize=not IS_FULL,
        database=None,
        suppress_health_check=slow,
    )


settings.register_profile("roundelay", examples(100))
settings.load_profile("roundelay")
