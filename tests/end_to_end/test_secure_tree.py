"""Secure aggregation along a tree of processes, with a site that only dials out: the model of the plain star."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from roundelay.federation.snapshot import read_snapshot
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import until
from tests.end_to_end.small_job import FILES, write_tiny

MEMBERS, SITES = 4, 5


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


def train(ring: Cluster, *options: str) -> dict[str, Any]:
    validation = str(ring.folder.parent / "letters" / "validate_letters.txt")
    job = ("--private", "wards", "--validation", validation, "--rounds", "2", "--epochs", "2", "--json")
    client = ring.start_client("train", *job, *options)
    assert client.wait() == 0, client.text
    trained: dict[str, Any] = json.loads(client.out.read_text())
    assert trained["files"] == FILES, client.text
    return trained


def test_a_secure_tree_trains_the_model_of_the_plain_star(ring: Cluster) -> None:
    expected = train(ring)["model_sha256"]

    trained = train(ring, "--topology", "tree", "--secure-aggregation")

    assert trained["model_sha256"] == expected
    job = ring.ask(lambda entry: read_snapshot(entry.node, entry.ring, trained["job"], with_reports=True))
    in_tree = [address for level in job.reports[2].tiers.values() for address in level]
    assert len(in_tree) >= MEMBERS - 1, "sites have not sent their vectors along a tree"
