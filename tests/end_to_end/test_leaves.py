"""Sites that only dial out: they train their private data, and their hosts may be killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import until
from tests.end_to_end.small_job import FILES, write_tiny

SITES = 2


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Cluster]:
    """Two nodes of a secured ring, and SITES sites that accept no connections."""
    made = Cluster(tmp_path / "ring", secured=True)
    files = sorted(path for path in write_tiny(tmp_path).iterdir() if path.name.startswith("part-"))
    policy = tmp_path / "site.toml"
    policy.write_text("file_rows = 1\nbatch_rows = 1\nsteps = 1\nclip = 0.0\nnoise = 0.0\n")
    try:
        made.form(2)
        for number in range(SITES):
            data = tmp_path / f"site{number}"
            data.mkdir()
            for file in files[number::SITES]:
                file.rename(data / file.name)
            made.add_leaf("--private", str(data), "--private-name", "wards", "--policy", str(policy))
        until(lambda: attached(made) == [SITES] * 2, "all sites attached to both nodes")
        yield made
    finally:
        made.stop()


def attached(ring: Cluster) -> list[int]:
    return [len(status.leaves) for status in ring.statuses()]


def has_orders(ring: Cluster) -> bool:
    return any(leaf.orders for status in ring.statuses() for leaf in status.leaves)


def start(ring: Cluster, epochs: int) -> ManagedProcess:
    validation = str(ring.folder.parent / "letters" / "validate_letters.txt")
    job = ("--private", "wards", "--validation", validation, "--rounds", "4", "--epochs", str(epochs), "--batch", "1")
    return ring.start_client("train", *job, "--eta", "0.001", "--json")


def model(client: ManagedProcess) -> str:
    assert client.wait() == 0, client.text
    trained = json.loads(client.out.read_text())
    assert trained["files"] == FILES
    return str(trained["model_sha256"])


def test_sites_that_only_dial_out_train_the_same_model_when_a_host_is_killed(ring: Cluster) -> None:
    expected = model(start(ring, 40))

    client = start(ring, 40)
    until(lambda: has_orders(ring), "a site has an order")
    ring.nodes[0].kill()

    assert model(client) == expected
    assert "left out" not in client.text
