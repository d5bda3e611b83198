"""The whole system in one thread: a ring with stores, and a federated job, while everything breaks.

Safety under faults first, then healing and liveness: the job ends with the very weights that one
process computes without a ring, and every acknowledged put is found.
"""

import os
import time

import pytest

from sim.jobs import expected
from sim.journal import Journal
from sim.options import CALM, SimOptions
from sim.scenario import Report
from sim.soak import Failed, play, soak

SECONDS = float(os.environ.get("ROUNDELAY_SIM_SECONDS", "40"))
SMALL = SimOptions(**{**vars(CALM), "nodes": 5, "jobs": 1, "faults_s": 20.0})


def test_a_calm_ring_trains_what_one_process_would() -> None:
    outcome = play(SMALL, Journal())

    assert isinstance(outcome, Report), f"{outcome}\n{outcome.replay}"
    assert len(set(expected(SMALL.seed))) == 9


def test_the_same_seed_gives_the_same_journal() -> None:
    first, second = play(SMALL, Journal()), play(SMALL, Journal())

    assert isinstance(first, Report) and isinstance(second, Report)
    assert first.digest == second.digest


@pytest.mark.parametrize("nodes", [12])
def test_jobs_and_puts_survive_whatever_a_seed_draws(nodes: int) -> None:
    """As many seeds as fit into the time; a failing one prints how to see it again."""
    outcomes = list(soak(SECONDS, nodes, first_seed=1, jobs=1, clock=time.monotonic))

    failed = [o for o in outcomes if isinstance(o, Failed)]
    assert not failed, "\n".join(f"{f.reason}\n{f.replay}" for f in failed)
