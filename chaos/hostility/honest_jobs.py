"""The honest job: the same small job again and again, which must end with the same hash whatever strangers say."""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos import workload
from chaos.checker import model_shown
from chaos.workload import Data, JobOptions
from roundelay.node.errors import LocalRingFailed
from roundelay.testing.cluster import Cluster

OPTIONS = JobOptions(rounds=4)
PAUSE_S = 1.0  # between two
TIMEOUT_S = 90.0  # for a job that takes some seconds undisturbed


@dataclass
class HonestJobs:
    """Runs the job for as long as the block runs; counts those that ended right, and names the others."""

    ring: Cluster
    data: Data
    expected: str
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    def run_once(self) -> bool:
        """Run one job to its end. Return True if its model has the right hash."""
        client = workload.start(self.ring, self.data, OPTIONS, "--json")
        try:
            client.wait(TIMEOUT_S)
            made = model_shown(client)
        except LocalRingFailed as error:
            client.kill()
            client.wait()
            made = str(error)
        if made == self.expected:
            self.right += 1
        else:
            self.wrong.append(f"{made}: {client.last_line[:200]!a}")
        return made == self.expected
