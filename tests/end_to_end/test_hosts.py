"""More than one host: every way to name one, on this machine's loopback and across network namespaces."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.scenarios.multi_host import COUNT, MISSED, at_home, train_across
from chaos.workload import JobOptions, small_letters
from roundelay.cli import main
from roundelay.node import addresses
from roundelay.testing.cluster import Cluster
from roundelay.testing.namespaces import inside, missing, network
from roundelay.testing.waiting import wait_for_line
from tests.end_to_end.small_job import write_tiny
from tests.processes import client, run_here

FAST = ("--rounds", 2, "--epochs", 1, "--hidden", 8, "--json")


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    write_tiny(tmp_path)
    yield tmp_path


@contextmanager
def supernode(folder: Path, *options: str) -> Iterator[Cluster]:
    """A supernode with these options; nodes are started one by one, each with its own."""
    ring = Cluster(folder, supernode_options=options)
    try:
        ring.start_supernode()
        yield ring
    finally:
        ring.stop()


@pytest.mark.skipif(not has_ipv6(), reason="needs IPv6 on the loopback")
def test_a_ring_of_ipv6_addresses_trains_and_registers_the_ports_it_was_given(folder: Path) -> None:
    with supernode(folder, "--host", "::1") as ring:
        port = str(ring.supernode_address.port)
        nodes = [ring.start("node", "0", "[::1]", port, "--host", host, "--register") for host in ("::1", "[0::1]")]
        for node in nodes:
            wait_for_line(node, "joined the ring")

        trained = client(
            "letters", "validate_letters.txt", *FAST, "--supernode", ring.supernode_address, cwd=folder
        ).json
        found_by_list = client("status", "--json", "--nodes", folder / "compute_nodes.txt", cwd=folder).json

        assert {re.sub(r"\d+$", "", address) for address in trained["placement"].values()} == {"[::1]:"}
        assert sorted(n["address"] for n in found_by_list["nodes"]) == sorted(f"[::1]:{n.port}" for n in nodes)
        listed = addresses.read(folder / "compute_nodes.txt")
        assert sorted(a.port for a in listed.nodes) == sorted(n.port for n in nodes)
        assert listed.supernode == ring.supernode_address


def test_who_listens_everywhere_is_reached_by_the_way_to_the_ring_and_patterns_let_it_in(folder: Path) -> None:
    (folder / "compute_nodes.txt").write_text("127.0.0.*,*\n")
    with supernode(folder, "--host", "0.0.0.0", "--advertise", "localhost", "--insecure") as ring:
        node = ring.start("node", "0", "--host", "0.0.0.0", "--insecure")  # the list says where the supernode is
        wait_for_line(node, "joined the ring")

        assert f"listening at 127.0.0.1:{node.port}" in node.text
        seen = client("status", "--json", "--nodes", folder / "compute_nodes.txt", cwd=folder).json
        assert [n["address"] for n in seen["nodes"]] == [f"127.0.0.1:{node.port}"]


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_every_process_of_a_host_is_killed_but_this_one() -> None:
    with network(1) as (host,), inside(host.namespace):
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        host.kill_all()

        assert child.wait(10) == -signal.SIGKILL


def test_who_is_in_no_pattern_is_refused_with_the_line_to_add(folder: Path) -> None:
    (folder / "compute_nodes.txt").write_text("10.0.0.*,*\nnode-*.ring.local,8001\n")
    with supernode(folder) as ring:
        node = ring.start("node", "0", "--supernode", str(ring.supernode_address))

        assert node.wait() == 77
        assert f"add the line 127.0.0.1,{node.port}" in node.text


def test_who_listens_everywhere_must_say_what_to_register() -> None:
    outcome = run_here(main.supernode, "--host", "::", "--register", "--insecure")

    assert outcome.code == 64
    assert "--register at :: needs --advertise HOST" in outcome.err


def test_who_finds_no_way_to_the_ring_must_say_where_it_is(tmp_path: Path) -> None:
    here = ("--host", "0.0.0.0", "--insecure")
    outcome = run_here(main.compute_node, "0", "no-such-host.invalid", *here, "--nodes", tmp_path / "l")

    assert outcome.code == 69
    assert "no route to no-such-host.invalid:9091" in outcome.err
    assert "--advertise HOST" in outcome.err


@pytest.mark.parametrize("host", ["10.0.0.*", "two words", ""])
def test_what_is_no_host_is_refused(host: str) -> None:
    outcome = run_here(main.compute_node, "8001", "--host", host)

    assert outcome.code == 64
    assert "is not a host" in outcome.err


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_eight_hosts_of_which_one_goes_and_comes_train_the_model_of_one_host(tmp_path: Path) -> None:
    """Named by name, IPv4 and IPv6; its link goes down in a round, and up when it was missed and the others go on."""
    data, work = small_letters(tmp_path), JobOptions(rounds=6, epochs=1, hidden=8)

    result, ring = train_across(tmp_path / "ring", data, work)

    assert result["model_sha256"] == at_home(tmp_path, data, work)["model_sha256"]
    assert len(result["placement"]) == result["files"]
    assert result["nodes"] == COUNT
    client_text = next(client.text for client in ring.clients if client.name == "train")
    assert any(word in client_text for word in MISSED), "its link was never missed"
