"""A secured ring of real processes, one of which returns wrong results on purpose."""

from __future__ import annotations

import json
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
from tests.processes import client_here

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

    def train(self, rounds: int, verify: str, *more: str) -> ManagedProcess:
        options = "--verify", verify, "--json", *more
        client = workload.start(self.ring, self.data, JobOptions(rounds=rounds, epochs=1), *options)
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
    with cluster(folder / "ring", NODES, secured=True) as ring:
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


def test_a_node_that_drives_a_job_replaces_it_when_it_finds_a_liar_and_clients_follow(lab: Lab) -> None:
    """No submitter is there to publish the job that replaces the first, and only a submitter may publish one."""
    liar = lab.let_lie("stale")  # its first results are right, so the first round takes them
    for _ in range(TRIES_MAX):
        begun = workload.job_id(lab.train(12, "0.2", "--detach"))
        watcher = lab.ring.start_client("attach", begun, "--json")
        assert watcher.wait() == 0, watcher.text
        first = workload.snapshot(lab.ring, begun)
        if first is not None and first.end == records.REPLACED:
            break

    assert first is not None
    last = workload.snapshot(lab.ring, first.successor)
    assert last is not None and last.end == records.DONE and lab.has_honest_chain(last)
    printed = json.loads(watcher.out.read_text())
    assert (printed["job"], printed["liars"], printed["rounds"]) == (last.job, [liar], 12)
    assert f"replaces job {first.job[:8]}" in watcher.text
    proof = lab.ring.folder / "job.zip"
    exported = lab.ring.start_client("export", last.job[:16], "--proof", str(proof))
    assert exported.wait() == 0, exported.text
    signers = client_here("verify", proof, "--json").json["signers"]
    assert sorted(who.partition(" ")[0] for who in signers) == ["node", "submitter"], (
        "its submitter's, and its driver's"
    )
