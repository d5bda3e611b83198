"""Real nodes, one ring: they come, are looked at, leave, are killed, and lose their supernode."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from roundelay.chord.effects import ask
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers
from tests.processes import PATIENCE_S, ROOT, Ring, client, environment, opened_runtime, ring, until

COUNT = 16


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """Started all at once; every test leaves it with as many nodes as it found."""
    with ring(tmp_path_factory.mktemp("ring")) as made:
        made.form(COUNT, "--quiet")
        yield made


def size(ring: Ring) -> int:
    return len(ring.walk())


def test_sixteen_started_at_once_are_one_ring_with_every_finger_right(sixteen: Ring) -> None:
    nodes = sixteen.wait_until_converged(COUNT)

    arcs = [int(n["id"], 16) - int(before["id"], 16) for before, n in pairwise(nodes)]
    assert max(arcs) <= 2 * min(arcs)  # balanced: within a factor of two


def test_status_shows_every_node_as_json(sixteen: Ring) -> None:
    sixteen.wait_until_converged(COUNT)
    nodes = sixteen.client("status", "--json").json["nodes"]

    assert len(nodes) == COUNT
    assert {"id", "address", "predecessor", "successors", "fingers", "keys"} <= set(nodes[0])
    assert [n["id"] for n in nodes] == sorted(n["id"] for n in nodes)
    assert all(len(n["successors"]) == 8 and len(n["fingers"]) == 160 for n in nodes)


def test_a_lookup_shows_its_way_hop_by_hop(sixteen: Ring) -> None:
    nodes = sixteen.wait_until_converged(COUNT)

    found = sixteen.client("lookup", "some name", "--json").json

    ids = [n["id"] for n in nodes]
    assert found["owner"]["id"] == next((i for i in ids if i >= found["key"]), ids[0])
    assert found["hops"][0]["by"] == "where we came in"
    assert all(h["by"].startswith(("finger ", "successor list")) for h in found["hops"][1:])
    assert all(h["milliseconds"] >= 0 for h in found["hops"])


def test_who_is_not_listed_is_refused_with_the_line_that_says_how_to_be(sixteen: Ring) -> None:
    node = sixteen.start("compute_node.py", "0", "127.0.0.1", str(sixteen.supernode_port))

    assert node.wait() == 77
    assert f"add the line 127.0.0.1,{node.port} there, or start the node with --register" in node.text


def test_a_node_may_join_through_any_other_without_a_supernode(sixteen: Ring) -> None:
    before = sixteen.wait_until_converged(COUNT)
    node = sixteen.start("compute_node.py", "0", "--bootstrap", before[5]["address"], "--quiet")

    node.line("joined the ring")
    until(lambda: size(sixteen) == COUNT + 1, "the newcomer in its place")

    assert node.end(signal.SIGTERM) == 143
    sixteen.wait_until_converged(COUNT)


def test_a_node_killed_with_9_is_forgotten_by_all(sixteen: Ring) -> None:
    node = sixteen.start_node("--quiet")
    sixteen.wait_until_converged(COUNT + 1)

    node.end(signal.SIGKILL)

    sixteen.wait_until_converged(COUNT)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_node_that_is_asked_to_end_says_goodbye(number: signal.Signals, code: int, sixteen: Ring) -> None:
    node = sixteen.start_node("--quiet")
    sixteen.wait_until_converged(COUNT + 1)

    assert node.end(number) == code

    assert f"127.0.0.1:{node.port} has left" in sixteen.supernode.text
    assert "Traceback" not in node.text
    sixteen.wait_until_converged(COUNT)


def test_without_a_supernode_the_ring_is_found_through_the_list_and_a_new_one_knows_it_again(sixteen: Ring) -> None:
    before = [n["id"] for n in sixteen.wait_until_converged(COUNT)]
    sixteen.supernode.end(signal.SIGKILL)

    assert [n["id"] for n in sixteen.client("status", "--json").json["nodes"]] == before

    sixteen.supernode = sixteen.start_supernode(sixteen.supernode_port)
    sixteen.supernode.line("supernode listening")
    with opened_runtime() as runtime:
        known = runtime.run(ask(Address("127.0.0.1", sixteen.supernode_port), GetMembers())).nodes
    assert len(known) == COUNT
    newcomer = sixteen.start_node("--quiet")
    nodes = sixteen.wait_until_converged(COUNT + 1)
    assert set(before) < {n["id"] for n in nodes}
    newcomer.end(signal.SIGTERM)
    sixteen.wait_until_converged(COUNT)


def test_a_node_follows_its_list_to_a_supernode_that_starts_later_and_elsewhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, ring(tmp_path) as made:
        gone = held.getsockname()[1]
        made.node_list.write_text(f"# supernode 127.0.0.1,{gone}\n")
        node = made.start("compute_node.py", "0", "--register", "--quiet")
        held.close()
        node.line(f"no supernode answers at 127.0.0.1:{gone}")

        made.start_supernode(0, "--register")

        node.line("joined the ring")


def test_a_port_in_use_is_named(sixteen: Ring) -> None:
    node = sixteen.start("compute_node.py", str(sixteen.supernode_port))
    supernode = sixteen.start("supernode.py", "--port", str(sixteen.supernode_port), "--state-dir", str(sixteen.folder))

    for refused in (node, supernode):
        assert refused.wait() == 69
        assert refused.text.count("\n") == 1
        assert f"127.0.0.1:{sixteen.supernode_port} is in use" in refused.text
    assert sixteen.supernode.process.poll() is None


def test_a_node_whose_output_nobody_reads_goes_on(sixteen: Ring) -> None:
    """As in `compute_node.py 8001 | head -0`."""
    nobody, output = os.pipe()
    os.close(nobody)
    command = [
        sys.executable,
        str(ROOT / "compute_node.py"),
        "0",
        "127.0.0.1",
        str(sixteen.supernode_port),
        "--register",
        "--nodes",
        str(sixteen.node_list),
    ]
    with subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, env=environment()) as node:
        os.close(output)
        sixteen.wait_until_converged(COUNT + 1)

        node.terminate()
        _, complaints = node.communicate(timeout=PATIENCE_S)

    assert (node.returncode, complaints) == (143, b"")
    sixteen.wait_until_converged(COUNT)


def test_where_nothing_answers_the_client_says_what_to_start(tmp_path: Path) -> None:
    outcome = client("status", "--json", "--supernode", "127.0.0.1:1", cwd=tmp_path)

    assert outcome.code == 69
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert "python3 supernode.py" in outcome.err
    assert "python3 compute_node.py 8001" in outcome.err
