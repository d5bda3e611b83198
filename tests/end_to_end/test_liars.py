"""A ring of real processes, one of which returns wrong results on purpose."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chaos import workload
from chaos.workload import Data, JobOptions
from roundelay.federation import records, replay
from roundelay.federation.snapshot import JobSnapshot
from roundelay.ml.worker import Worker
from roundelay.node.subprocesses import ManagedProcess
from roundelay.store.blobs import digest_of
from roundelay.testing.cluster import Cluster, cluster

NODES = 4
TRIES_MAX = 8  # of a job that is replaced with a probability of 0.8


@dataclass
class Lab:
    """A ring, and a node of it that trains files and can be made to lie."""

    ring: Cluster
    data: Data
    liar: ManagedProcess

    def let_lie(self, attack: str) -> str:
        """Start the node again with an attack. Return its address."""
        self.liar.kill()
        self.ring.restart_with(self.liar, "--attack", attack)
        self.ring.wait_until_converged()
        return f"127.0.0.1:{self.liar.known_port}"

    def train(self, rounds: int, verify: str) -> ManagedProcess:
        client = workload.start(self.ring, self.data, JobOptions(rounds=rounds, epochs=1), "--verify", verify, "--json")
        assert client.wait() == 0, client.text
        return client

    def has_honest_chain(self, job: JobSnapshot) -> bool:
        """Return whether all results of a job are those of a job without any ring."""
        paths = (*self.data.folder.iterdir(), self.data.validation)
        contents = {digest_of(raw): raw for raw in (path.read_bytes() for path in paths)}
        return list(job.results) == [each.result for each in replay.chain(job.spec, contents, Worker())]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("liars")
    data = workload.small_letters(folder)
    with cluster(folder / "ring", NODES) as ring:
        yield Lab(ring, data, workload.owner_of(ring, min(path.name for path in data.folder.iterdir())))


def test_a_node_with_an_attack_is_named_and_the_model_is_the_honest_one(lab: Lab) -> None:
    liar = lab.let_lie("scaled")

    client = lab.train(3, "1")
    listing = lab.ring.start_client("jobs", "--json")
    listing.wait()
    job = workload.snapshot(lab.ring, workload.job_id(client))

    assert job is not None and lab.has_honest_chain(job)
    assert json.loads(client.out.read_text())["liars"] == [liar]
    assert f"{liar} lied about" in client.text
    assert json.loads(listing.out.read_text())["jobs"][-1]["liars"] == [f"{liar} lied in round 1"]


def test_clients_follow_the_job_that_replaces_one_in_which_a_node_has_lied(lab: Lab) -> None:
    liar = lab.let_lie("stale")  # its first results are right, so the first round takes them
    for _ in range(TRIES_MAX):
        client = lab.train(12, "0.2")
        [begun] = re.findall(r"job ([0-9a-f]{64}) on", client.text)
        first = workload.snapshot(lab.ring, begun)
        if first is not None and first.end == records.REPLACED:
            break

    assert first is not None
    watcher = lab.ring.start_client("attach", first.job, "--json")
    assert watcher.wait() == 0, watcher.text
    last = workload.snapshot(lab.ring, first.successor)
    assert last is not None and last.end == records.DONE and lab.has_honest_chain(last)
    for follower in (client, watcher):
        printed = json.loads(follower.out.read_text())
        assert (printed["job"], printed["liars"], printed["rounds"]) == (last.job, [liar], 12)
        assert f"replaces job {first.job[:8]}" in follower.text
