"""Private data in a secured ring: an ordinary job trains within the policy of the sites, any other is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest

from roundelay.testing.cluster import Cluster
from tests.processes import ROOT

JOB = ("--private", "wards", "--validation", str(ROOT / "letters/validate_letters.txt"), "--rounds", "2", "--json")


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("private")
    files = [path for path in sorted((ROOT / "letters").iterdir()) if path.is_file() and not path.suffix][:2]
    made = Cluster(folder / "ring", secured=True)
    try:
        made.start_supernode()
        for number, file in enumerate(files):
            data, policy = folder / f"site{number}", folder / f"site{number}.toml"
            data.mkdir()
            shutil.copy(file, data)
            policy.write_text('submitters = ["client0", "client1"]\n')
            options = ("--private", str(data), "--private-name", "wards", "--policy", str(policy))
            made.add_node(*options)
        made.wait_until_converged()
        yield made
    finally:
        made.stop()


def train(ring: Cluster, *options: str) -> tuple[int, str]:
    client = ring.start_client("train", *JOB, *options)
    return client.wait(), client.text


def test_sites_serve_the_jobs_inside_their_policy_and_are_drained_by_operators_only(ring: Cluster) -> None:
    code, text = train(ring)
    assert code == 0, text
    assert json.loads(text[text.index("{") :].splitlines()[0])["model_sha256"]

    code, text = train(ring, "--batch", "1")
    assert code != 0
    assert "the policy of the site refuses the order (batch_rows): a step on 1 rows" in text

    code, text = train(ring)  # by client2
    assert code != 0
    assert "(submitters): submitter client2 is not among client0, client1" in text

    _require_drained_by_operators_only(ring)


def _require_drained_by_operators_only(ring: Cluster) -> None:
    """List the sites after the job, and drain one: last, because the others must serve jobs."""
    listing = ring.start_client("sites", "--json")
    assert listing.wait() == 0, listing.text
    sites = json.loads(listing.out.read_text())["sites"]
    assert [(each["name"], each["state"], each["files"]) for each in sites] == [("wards", "here", 1)] * 2
    assert all(each["round"] == 2 and each["rows"] > 0 and each["since"] and each["release"] for each in sites)

    refused = ring.start_client("sites", "--drain", sites[0]["address"])
    assert refused.wait() == 77
    assert "may not write drained.wards." in refused.text

    viewer = ring.process("viewer")
    viewer.start("train", "--private", "wards", *_way(ring, "viewer", "vera"))
    assert viewer.wait() == 77  # at once: no site is waited for
    assert "waiting for" not in viewer.text
    assert "viewer vera may not call order" in viewer.text

    operator = ring.process("operator")
    operator.start("sites", "--drain", sites[0]["address"], *_way(ring, "operator", "admin"), "--json")
    assert operator.wait() == 0, operator.text
    assert [each["state"] for each in json.loads(operator.out.read_text())["sites"]] == ["drained", "here"]


def _way(ring: Cluster, role: str, name: str) -> tuple[str, ...]:
    """Return the options by which a client of a role enters the ring."""
    kit = ring.kit(role, name)
    return ("--supernode", str(ring.supernode_address), "--nodes", str(ring.node_list), "--kit", str(kit))
