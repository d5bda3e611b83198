"""Rings whose nodes are far apart: distance is not death, and a near node that dies is found dead as before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roundelay.chord.failure_detector import FailureDetector
from roundelay.chord.refs import NodeRef
from roundelay.sim.journal import EventJournal
from roundelay.sim.options import CALM, SimOptions
from roundelay.sim.scenario import Scenario

MINUTES = 2
SATELLITE_S = 0.4  # one way at the mean, so that a fifth of all round trips exceeds a second
DETECTED_WITHIN_S = 8.0  # three limits of a second, a tick, and another until the lists are copied


def formed(options: SimOptions) -> Scenario:
    scenario = Scenario(options, EventJournal(), [])
    scenario._form()
    return scenario


def run_on(scenario: Scenario, seconds: float) -> None:
    scenario.observed.world.clock.run(scenario.observed.world.clock.now + seconds)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("latency_s", "loss"), [(0.15, 0.02), (SATELLITE_S, 0.0)])
def test_no_node_of_a_distant_ring_is_taken_for_dead(
    latency_s: float, loss: float, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replay: SimOptions(seed=seed, nodes=8, successors=3, latency_s=latency_s, loss=loss)."""
    deaths: list[NodeRef] = []
    monkeypatch.setattr(FailureDetector, "mark_dead", lambda _, peer: deaths.append(peer))
    options = replace(CALM, seed=seed, nodes=8, successors=3, latency_s=latency_s, loss=loss)
    scenario = formed(options)

    run_on(scenario, 60.0 * MINUTES)

    assert deaths == []


def test_a_near_node_on_a_silent_host_is_found_dead_within_seconds() -> None:
    scenario = formed(replace(CALM, nodes=8, successors=3, latency_s=0.0005))
    run_on(scenario, 10.0)
    victim = scenario.observed.machines[3]
    assert victim.node is not None and victim.process is not None
    lost = victim.node.ref

    scenario.observed.world.kill(victim.process, silent=True)
    run_on(scenario, DETECTED_WITHIN_S)

    listed = [m for m in scenario.observed.machines if m.node and m is not victim and lost in m.node.successors]
    assert listed == []
