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
from roundelay.node.addresses import register
from roundelay.node.compute_node import ComputeNode
from roundelay.node.data_directory import DataDirectory
from roundelay.node.participant import ComputeNodeOptions
from roundelay.testing.waiting import until, wait_for_line
from tests.processes import PATIENCE_S, ROOT, Ring, client, end, environment, opened_runtime, ring, started

COUNT = 16


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """Started all at once; every test leaves it with as many nodes as it found."""
    with ring(tmp_path_factory.mktemp("ring")) as made:
        for _ in range(COUNT):
            made.add_node("--quiet")
        made.wait_for_nodes(COUNT)
        yield made


def size(ring: Ring) -> int:
    return len(ring.statuses())


def test_sixteen_started_at_once_are_one_ring_with_every_finger_right(sixteen: Ring) -> None:
    nodes = sixteen.wait_for_nodes(COUNT)

    arcs = [int(n["id"], 16) - int(before["id"], 16) for before, n in pairwise(nodes)]
    assert max(arcs) <= 2 * min(arcs)  # balanced: within a factor of two


def test_status_shows_every_node_as_json(sixteen: Ring) -> None:
    sixteen.wait_for_nodes(COUNT)
    nodes = sixteen.client("status", "--json").json["nodes"]

    assert len(nodes) == COUNT
    assert {"id", "address", "predecessor", "successors", "fingers", "keys"} <= set(nodes[0])
    assert [n["id"] for n in nodes] == sorted(n["id"] for n in nodes)
    assert all(len(n["successors"]) == 8 and len(n["fingers"]) == 160 for n in nodes)


def test_a_lookup_shows_its_way_hop_by_hop(sixteen: Ring) -> None:
    nodes = sixteen.wait_for_nodes(COUNT)

    found = sixteen.client("lookup", "some name", "--json").json

    ids = [n["id"] for n in nodes]
    assert found["owner"]["id"] == next((i for i in ids if i >= found["key"]), ids[0])
    assert found["hops"][0]["by"] == "entry node"
    assert all(h["by"].startswith(("finger ", "successor list")) for h in found["hops"][1:])
    assert all(h["milliseconds"] >= 0 for h in found["hops"])


def test_who_is_not_listed_is_refused_with_the_line_that_says_how_to_be(sixteen: Ring) -> None:
    node = sixteen.start("node", "0", "--supernode", str(sixteen.supernode_address))

    assert node.wait() == 77
    assert f"add the line 127.0.0.1,{node.port} there, or start the node with --register" in node.text


def test_a_node_may_join_through_any_other_without_a_supernode(sixteen: Ring) -> None:
    before = sixteen.wait_for_nodes(COUNT)
    node = sixteen.start("node", "0", "--bootstrap", before[5]["address"], "--quiet")

    wait_for_line(node, "joined the ring")
    until(lambda: size(sixteen) == COUNT + 1, "the newcomer in its place")

    assert end(node, signal.SIGTERM) == 143
    sixteen.wait_for_nodes(COUNT)


def test_a_node_killed_with_9_is_forgotten_by_all(sixteen: Ring) -> None:
    node = sixteen.add_node("--quiet")
    sixteen.wait_for_nodes(COUNT + 1)

    end(node, signal.SIGKILL)

    sixteen.wait_for_nodes(COUNT)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_node_that_is_asked_to_end_says_goodbye(number: signal.Signals, code: int, sixteen: Ring) -> None:
    node = sixteen.add_node("--quiet")
    sixteen.wait_for_nodes(COUNT + 1)

    assert end(node, number) == code

    assert f"127.0.0.1:{node.port} has left" in sixteen.supernode.text
    assert "Traceback" not in node.text
    sixteen.wait_for_nodes(COUNT)


def test_a_node_whose_hand_off_takes_too_long_says_goodbye_all_the_same(tmp_path: Path) -> None:
    with ring(tmp_path) as made:
        made.add_node()
        made.failpoints = "ask.StopAccepting=sleep:30"
        slow = made.add_node()
        made.wait_for_nodes(2)

        assert end(slow, signal.SIGTERM) == 143

        assert "left the ring; its successors may lack some of what it stored: it took longer than 3 s" in slow.text
        assert f"127.0.0.1:{slow.port} has left" in made.supernode.text
        made.wait_for_nodes(1)


def test_a_node_that_stops_before_it_hands_off_does_not_say_that_its_successors_have_all(tmp_path: Path) -> None:
    said: list[str] = []
    with ring(tmp_path) as made:
        made.add_node()
        made.wait_for_nodes(1)
        options = ComputeNodeOptions(Address("127.0.0.1", 0), "127.0.0.1", lambda: made.supernode_address)
        stopped = ComputeNode(options, DataDirectory(None), said.append)
        stopped.listen()
        register(made.node_list, stopped.address)
        stopped.join()

        stopped.runtime.stopping.set()  # as after an error that it cannot go on with
        stopped.leave()

    assert said[-1] == "left the ring; its successors may lack some of what it stored: the node was stopping already"


def test_without_a_supernode_the_ring_is_found_through_the_list_and_a_new_one_knows_it_again(sixteen: Ring) -> None:
    before = [n["id"] for n in sixteen.wait_for_nodes(COUNT)]
    end(sixteen.supernode, signal.SIGKILL)
    for journal in sixteen.folder.glob("supernode-*.jsonl"):
        journal.unlink()

    assert [n["id"] for n in sixteen.client("status", "--json").json["nodes"]] == before

    sixteen.start_supernode()
    with opened_runtime() as runtime:
        known = runtime.run(ask(sixteen.supernode_address, GetMembers())).nodes
    assert len(known) == COUNT
    newcomer = sixteen.add_node("--quiet")
    nodes = sixteen.wait_for_nodes(COUNT + 1)
    assert set(before) < {n["id"] for n in nodes}
    end(newcomer, signal.SIGTERM)
    sixteen.wait_for_nodes(COUNT)


def test_a_node_follows_its_list_to_a_supernode_that_starts_later_and_elsewhere(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, ring(tmp_path) as made:
        gone = held.getsockname()[1]
        made.node_list.write_text(f"# supernode 127.0.0.1,{gone}\n")
        node = made.start("node", "0", "--register", "--quiet")
        held.close()
        wait_for_line(node, f"no supernode answers at 127.0.0.1:{gone}")

        made.start("supernode", "--port", "0", "--state-dir", str(tmp_path), "--register")

        wait_for_line(node, "joined the ring")


def test_a_port_in_use_is_named(sixteen: Ring) -> None:
    port = str(sixteen.supernode_address.port)
    node = sixteen.start("node", port)
    supernode = sixteen.start("supernode", "--port", port, "--state-dir", str(sixteen.folder))

    for refused in (node, supernode):
        assert refused.wait() == 69
        assert refused.text.count("\n") == 1
        assert f"{sixteen.supernode_address} is in use" in refused.text
    assert sixteen.supernode.is_running


def test_a_node_whose_output_nobody_reads_goes_on(sixteen: Ring) -> None:
    """As in `compute_node.py 8001 | head -0`."""
    nobody, output = os.pipe()
    os.close(nobody)
    command = [
        sys.executable,
        str(ROOT / "compute_node.py"),
        "0",
        "--supernode",
        str(sixteen.supernode_address),
        "--register",
        "--nodes",
        str(sixteen.node_list),
    ]
    with started(command, stdout=output, stderr=subprocess.PIPE, env=environment()) as node:
        os.close(output)
        sixteen.wait_for_nodes(COUNT + 1)

        node.terminate()
        _, complaints = node.communicate(timeout=PATIENCE_S)

    assert (node.returncode, complaints) == (143, b"")
    sixteen.wait_for_nodes(COUNT)


def test_where_nothing_answers_the_client_says_what_to_start(tmp_path: Path) -> None:
    outcome = client("status", "--json", "--supernode", "127.0.0.1:1", cwd=tmp_path)

    assert outcome.code == 69
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1
    assert "python3 supernode.py" in outcome.err
    assert "python3 compute_node.py 8001" in outcome.err
