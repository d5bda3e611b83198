"""Leaves in the simulator: a job ends with the right weights although most trainers only dial out and a host dies."""

from __future__ import annotations

from roundelay.sim.jobs import Job
from roundelay.sim.journal import EventJournal
from roundelay.sim.leaves import SimLeaves
from roundelay.sim.observed_ring import ObservedRing
from roundelay.sim.options import CALM, SimOptions
from roundelay.sim.scenario import Scenario

LEAVES = 6
OPTIONS = SimOptions(**{**vars(CALM), "nodes": 2, "jobs": 1, "faults_s": 20.0})
KILLED_AT_S, BACK_AT_S = 4.0, 15.0  # after the ring has formed


class HostDies:
    """A fault: the first node is killed while the job runs, and comes back when it has ended."""

    def start(self, observed: ObservedRing) -> None:
        machine, clock = observed.machines[0], observed.world.clock
        clock.after(KILLED_AT_S, machine.crash)
        clock.after(BACK_AT_S, machine.boot)

    def stop(self) -> None:
        """Do nothing."""

    def check(self, observed: ObservedRing) -> None:
        """Require nothing."""

    def summary(self) -> str:
        return "a host was killed"


def test_a_job_ends_with_the_right_weights_when_a_host_of_its_trainers_dies() -> None:
    leaves = SimLeaves(LEAVES)

    report = Scenario(OPTIONS, EventJournal(), [leaves, HostDies(), Job()]).run()

    assert "job 0: published" in str(report)
    assert sum(bool(orders.known) for orders in leaves.orders) >= 2, "too few leaves had work"
