"""Scenarios of one seed after another, for as long as one likes; a failing one says how to see it again."""

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
    """A run that broke, and the command that shows it again."""

    options: SimOptions
    reason: str

    @property
    def replay(self) -> str:
        return f"python -m roundelay.sim scenario {self.options.flags()}"


def workloads(options: SimOptions) -> list[Workload]:
    """What the ring is used for."""
    if not options.jobs:
        return [Lookups()]
    return [Lookups(), Puts(), *(Job(number) for number in range(options.jobs))]


def play(options: SimOptions, journal: EventJournal) -> ScenarioReport | Failed:
    """One scenario. Whatever goes wrong in it is an answer, a crash of our own code included."""
    try:
        return Scenario(options, journal, workloads(options)).run()
    except Exception as error:
        return Failed(options, "".join(traceback.format_exception_only(error)).strip())


def soak(
    seconds: float, nodes: int, first_seed: int, jobs: int = 0, clock: Callable[[], float] = time.monotonic
) -> Iterator[ScenarioReport | Failed]:
    """Seeds from the first on, each with the weather that it draws, until the time is up."""
    end, seed = clock() + seconds, first_seed
    while clock() < end:
        yield play(replace(drawn(seed, nodes), jobs=jobs), EventJournal())
        seed += 1
