"""Secure aggregation along a tree of processes, with a site that only dials out: the model of the plain star."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roundelay.federation.jobs import list_jobs
from roundelay.federation.records import DONE
from roundelay.federation.snapshot import JobSnapshot, read_snapshot
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import until
from tests.end_to_end.small_job import FILES, write_tiny

MEMBERS, SITES = 4, 5
SECURE = ("--topology", "tree", "--secure-aggregation")


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Cluster]:
    """A secured ring of sites, one of which accepts no connections."""
    made = Cluster(tmp_path / "ring", secured=True)
    files = sorted(path for path in write_tiny(tmp_path).iterdir() if path.name.startswith("part-"))
    policy = tmp_path / "site.toml"
    policy.write_text("file_rows = 1\nbatch_rows = 1\nsteps = 1\nclip = 0.0\nnoise = 0.0\n")
    try:
        made.start_supernode()
        for number in range(SITES):
            data = tmp_path / f"site{number}"
            data.mkdir()
            for file in files[number::SITES]:
                file.rename(data / file.name)
            add = made.add_node if number < MEMBERS else made.add_leaf
            add("--private", str(data), "--private-name", "wards", "--policy", str(policy))
        made.wait_until_converged()
        until(lambda: any(status.leaves for status in made.statuses()), "the site that dials out is attached")
        yield made
    finally:
        made.stop()


def start(ring: Cluster, *options: str) -> ManagedProcess:
    validation = str(ring.folder.parent / "letters" / "validate_letters.txt")
    job = ("--private", "wards", "--validation", validation, "--rounds", "5", "--epochs", "20", "--batch", "1")
    return ring.start_client("train", *job, "--eta", "0.001", "--json", *options)


def trained(client: ManagedProcess) -> dict[str, Any]:
    assert client.wait() == 0, client.text
    made: dict[str, Any] = json.loads(client.out.read_text())
    assert made["files"] == FILES, client.text
    return made


def look(ring: Cluster, job: str) -> JobSnapshot:
    return ring.ask(lambda entry: read_snapshot(entry.node, entry.ring, job, with_reports=True))


def test_a_secure_tree_trains_the_model_of_the_plain_star_whoever_drives(ring: Cluster) -> None:
    """The client drives the first secure job; the second goes on at a site when its client is killed."""
    plain, by_client = trained(start(ring)), trained(start(ring, *SECURE))
    client = start(ring, *SECURE)
    until(lambda: "round 2 of" in client.text, "the second round")
    client.kill()
    *_, job = ring.ask(lambda entry: list_jobs(entry.node, entry.ring))
    until(lambda: look(ring, job).end == DONE, "a node ends the job")

    first, second, by_node = (look(ring, each) for each in (plain["job"], by_client["job"], job))
    weights = [[result.weights for result in each.results] for each in (first, second, by_node)]
    assert weights[0] == weights[1] == weights[2]
    assert second.reports[5].driver != by_node.reports[5].driver
    for each in (second, by_node):
        in_tree = [address for level in each.reports[5].tiers.values() for address in level]
        assert len(in_tree) >= MEMBERS - 1, "sites have not sent their vectors along a tree"
