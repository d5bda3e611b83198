"""The whole system in one thread: 24 nodes with stores, puts, gets and a federated job, while everything breaks.

Safety under faults first, then healing and liveness: the job ends with the very weights that one
process computes without a ring, and every acknowledged put is found.
"""

from dataclasses import replace

import pytest

from roundelay.federation import job_keys
from roundelay.sim.jobs import expected
from roundelay.sim.journal import EventJournal
from roundelay.sim.options import CALM, SimOptions, drawn
from roundelay.sim.scenario import ScenarioReport
from roundelay.sim.soak import play
from tests.hypothesis_profiles import seeds

NODES = 24
SEEDS = seeds(16)  # `client.py simulate soak --jobs 1` plays more
SMALL = SimOptions(**{**vars(CALM), "nodes": 5, "jobs": 1, "faults_s": 20.0})


def test_a_calm_ring_trains_the_model_of_a_centralized_run() -> None:
    outcome = play(SMALL, EventJournal())

    assert isinstance(outcome, ScenarioReport), f"{outcome}\n{outcome.replay}"
    assert len(set(expected(SMALL.seed))) == 9


def test_the_same_seed_gives_the_same_journal() -> None:
    first, second = play(SMALL, EventJournal()), play(SMALL, EventJournal())

    assert isinstance(first, ScenarioReport) and isinstance(second, ScenarioReport)
    assert first.digest == second.digest


def test_jobs_and_puts_survive_the_faults_of_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing seed prints how to see it again. A client that dies early has published no job; most have.

    With odd seeds the records of a job lie under several keys. With some, the ring is secured.
    """
    published = 0
    for seed in SEEDS:
        monkeypatch.setattr(job_keys, "ROUNDS_PER_KEY", 3 if seed % 2 else 256)
        outcome = play(replace(drawn(seed, NODES), jobs=1 + seed % 2), EventJournal())

        assert isinstance(outcome, ScenarioReport), f"{outcome}\n{outcome.replay}"
        published += "job 0: published" in "".join(outcome.workloads)
    assert published >= max(1, len(SEEDS) // 3), "too few jobs were judged"


@pytest.mark.parametrize("seed", [0, 14])
def test_no_node_that_has_just_joined_refuses_a_job_to_its_submitter(seed: int) -> None:
    """It gets records before the spec, which names the submitter."""
    outcome = play(replace(drawn(seed, NODES), jobs=1, secured=1), EventJournal())

    assert isinstance(outcome, ScenarioReport), f"{outcome}\n{outcome.replay}"
    assert "job 0: published; its client: saw it end" in outcome.workloads
