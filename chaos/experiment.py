"""A job on a ring of its own, to be disturbed and compared with an undisturbed run of the same job."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import workload
from chaos.checker import makes_model, miscounted_rounds
from chaos.workload import Data, JobOptions
from roundelay.federation.snapshot import JobSnapshot
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, cluster


@dataclass(frozen=True)
class Experiment:
    """A ring, and what the job makes when nothing happens to it."""

    ring: Cluster
    data: Data
    options: JobOptions
    expected: str  # the model's hash
    undisturbed_s: float

    def start(self, *more: str, until_round: int = 0) -> Run:
        """Start the job with a client, and wait until that round is done; 0: only until the job has an id."""
        client = workload.start(self.ring, self.data, self.options, *(more or ("--json",)))
        run = Run(self, client, workload.job_id(client))
        if until_round:
            workload.wait_for_round(self.ring, run.job, until_round)
        return run

    def first_file(self) -> str:
        return min(path.name for path in self.data.folder.iterdir())

    def owner_of_a_file(self) -> ManagedProcess:
        """Return the node that owns the first training file. Raises Stuck."""
        return workload.owner_of(self.ring, self.first_file())


@dataclass(frozen=True)
class Run:
    """One run of the job."""

    experiment: Experiment
    client: ManagedProcess
    job: str

    def end(self) -> JobSnapshot:
        """Wait until the job has ended. Raises Stuck."""
        return workload.wait_for_end(self.experiment.ring, self.job)

    def is_unharmed(self) -> bool:
        """Return True if the client ends with the expected model, and every round counts every file once."""
        made = makes_model(self.client, self.experiment.expected)
        return made and not miscounted_rounds(self.experiment.ring, self.end())

    def round_seconds(self) -> list[float]:
        """Return the seconds of each round, as the client printed them; nothing if it printed no result."""
        text = self.client.out.read_text()
        return [each["seconds"] for each in json.loads(text)["history"]] if text else []


@contextmanager
def experiment(
    folder: Path, nodes: int, options: JobOptions, keep_state: bool = False, failpoints: str = ""
) -> Iterator[Experiment]:
    """Form a ring, and run the job once undisturbed. The ring ends with the block."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", nodes, keep_state, failpoints) as ring:
        yield Experiment(ring, data, options, *workload.undisturbed(ring, data, options))
