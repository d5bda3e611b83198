"""Records and names that ended whole rings: a ring of real processes survives them, also when it is restarted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from roundelay.chord.effects import Ask
from roundelay.chord.requests import Admit
from roundelay.federation import jobs, records
from roundelay.node.subprocesses import ManagedProcess
from roundelay.rpc.peers import Peers
from roundelay.testing.cluster import Cluster
from tests.processes import ROOT

NESTED = b"[" * 200_000 + b"]" * 200_000
ROUNDS = 2
STRANGE = "größe 数据"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four nodes with state directories, on consoles that can express ASCII only."""
    made = Cluster(
        tmp_path_factory.mktemp("ring"),
        keep_state=True,
        environment={"PYTHONIOENCODING": "ascii"},
        node_options=("--verbose", "--register"),
    )
    try:
        made.form(4)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five training files, one of which has a name that those consoles cannot express."""
    folder = tmp_path_factory.mktemp("data")
    for number, source in enumerate(sorted((ROOT / "letters").glob("[0-9]*"))[:5]):
        name = f"{STRANGE}.txt" if number == 0 else f"file-{number}"
        (folder / name).write_bytes(source.read_bytes())
    return folder


def train(ring: Cluster, data: Path) -> dict[str, object]:
    """Run a job, and return what it printed."""
    arguments = (str(data), str(ROOT / "letters" / "validate_letters.txt"), "--rounds", str(ROUNDS), "--json")
    client = ring.start_client("train", *arguments)
    assert client.wait() == 0, client.text
    printed: dict[str, object] = json.loads(client.out.read_text())
    return printed


def listed(ring: Cluster, *options: str) -> str:
    client = ring.start_client("jobs", *options)
    assert client.wait() == 0, client.text
    return client.out.read_text()


def store(ring: Cluster, job: str, what: str, content: bytes) -> None:
    ring.ask_again(lambda entry: jobs.put_record(entry.node, entry.ring, job, what, content, 1))


def require_alive(ring: Cluster) -> list[ManagedProcess]:
    ended = [node for node in ring.nodes if not node.is_running]
    assert not ended, [node.text[-2000:] for node in ended]
    assert not any("Traceback" in node.text for node in ring.nodes)
    return ring.nodes


def test_nested_records_end_no_node_and_are_named_also_after_a_restart_of_the_whole_ring(
    ring: Cluster, data: Path
) -> None:
    before = train(ring, data)
    job = str(before["job"])
    for what in ("result-1", "result-7", "report-1"):
        store(ring, job, what, NESTED)

    for restarted in (False, True):
        if restarted:
            for node in ring.nodes:
                node.kill()
            for node in ring.nodes:
                ring.restart(node)
            ring.wait_until_converged()
        [found] = [each for each in json.loads(listed(ring, "--json"))["jobs"] if each["job"] == job]
        assert (found["state"], found["round"]) == ("done", ROUNDS)
        named = " ".join(found["malformed"])
        assert f"{job}.result-1" in named and f"{job}.result-7" in named
        audit = ring.start_client("audit", job, "--json")
        assert audit.wait() == 1
        wrong = {each["what"] for each in json.loads(audit.out.read_text())["findings"] if not each["holds"]}
        assert wrong == {"result-1", "result-7", "report-1"}
        require_alive(ring)
    assert "cannot be read" in listed(ring)
    assert train(ring, data)["model_sha256"] == before["model_sha256"]
    require_alive(ring)


def test_admission_of_a_live_nodes_address_does_not_end_that_node(ring: Cluster, data: Path) -> None:
    status = ring.statuses()[0]
    victim = ring.node_at(status.node)

    with closing(Peers()) as peers:
        grant = peers.ask(Ask(ring.supernode_address, Admit(status.node.address)))

    assert grant.node.incarnation > status.node.incarnation
    train(ring, data)
    assert victim.is_running
    require_alive(ring)


def test_a_name_that_a_console_cannot_express_is_escaped(ring: Cluster, data: Path) -> None:
    train(ring, data)

    assert any("gr\\xf6\\xdfe \\u6570\\u636e" in node.text for node in require_alive(ring))
    assert len(NESTED) < records.RESULT_BYTES_MAX  # it was read, and not refused by its size
