"""Soak: scenarios of one seed after another for a given time; a failure names the command that replays it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from roundelay.sim.jobs import Job
from roundelay.sim.journal import EventJournal
from roundelay.sim.lookups import Lookups
from roundelay.sim.observed_ring import Workload
from roundelay.sim.options import SimOptions, drawn
from roundelay.sim.puts import Puts
from roundelay.sim.scenario import Scenario, ScenarioReport


@dataclass(frozen=True)
class Failed:
    """A failed run, and the command that replays it."""

    options: SimOptions
    reason: str

    def __str__(self) -> str:
        return f"seed {self.options.seed} failed: {self.reason}\n  {self.replay}"

    @property
    def replay(self) -> str:
        return f"python3 client.py simulate scenario {self.options.flags()}"


def workloads(options: SimOptions) -> list[Workload]:
    """Return the workloads of a scenario."""
    if not options.jobs:
        return [Lookups()]
    return [Lookups(), Puts(), *(Job(number) for number in range(options.jobs))]


def play(options: SimOptions, journal: EventJournal) -> ScenarioReport | Failed:
    """Run one scenario. Any error in it, including one of our own code, is returned as Failed."""
    try:
        return Scenario(options, journal, workloads(options)).run()
    except Exception as error:
        return Failed(options, "".join(traceback.format_exception_only(error)).strip())


def soak(
    seconds: float, nodes: int, first_seed: int, jobs: int = 0, clock: Callable[[], float] = time.monotonic
) -> Iterator[ScenarioReport | Failed]:
    """Run scenarios with the seeds from `first_seed` on and options drawn from each, until the time is up."""
    end, seed = clock() + seconds, first_seed
    while clock() < end:
        yield play(replace(drawn(seed, nodes), jobs=jobs), EventJournal())
        seed += 1
