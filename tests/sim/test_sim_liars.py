"""Simulated jobs with liars whose client is killed: the nodes that take over name the same liars, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from chaos.simulated_liars import FILES, SETTINGS, Simulation
from roundelay.federation import job_keys

SHORT = replace(SETTINGS, rounds=3)
LONGER = replace(SETTINGS, rounds=8)


@pytest.mark.parametrize("trained", [FILES + 1, FILES + FILES // 2, 2 * FILES - 2])
def test_a_client_killed_amid_a_verification_changes_neither_the_model_nor_the_liars(trained: int) -> None:
    """In the first round all files are trained once, and then again for verification."""
    simulation = Simulation(0, 1.0, ("one-bit", "lazy"), SHORT)
    simulation.run(until=lambda: simulation.trained >= trained)
    simulation.kill_client()
    found = simulation.outcome()

    assert found.is_honest
    assert (found.missed, found.accused) == ([], [])


def run_until_replaced(seed: int, secured: bool = False) -> Simulation:
    """Run a job with few orders verified until it is replaced; it is not if the liar is found in the first round."""
    simulation = Simulation(seed, 0.2, ("sign-flip",), LONGER, secured)
    simulation.run(until=lambda: simulation.replaced > 0)
    return simulation


def test_a_node_that_drives_a_job_whose_client_was_killed_replaces_it_when_it_finds_a_liar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a secured ring, where a node may publish no job but this one, and with records under several keys."""
    monkeypatch.setattr(job_keys, "ROUNDS_PER_KEY", 3)
    simulation = next(made for made in map(partial(run_until_replaced, secured=True), range(9)) if made.replaced)
    again = Simulation(simulation.seed, 0.2, ("sign-flip",), LONGER, secured=True)
    again.run(until=lambda: again.trained > FILES)
    again.kill_client()
    found = again.outcome()

    assert found.is_honest and found.replaced
    assert (found.missed, found.accused) == ([], [])


def test_a_client_killed_once_its_job_is_replaced_leaves_the_successor_to_a_node() -> None:
    simulation = next(made for made in map(run_until_replaced, range(9)) if made.replaced)
    simulation.kill_client()
    found = simulation.outcome()

    assert found.is_honest and found.replaced
    assert (found.missed, found.accused) == ([], [])
