"""The store with real processes: it survives killing all nodes at once, and a node that leaves loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from roundelay.chord.effects import Procedure
from roundelay.chord.errors import NotYet
from roundelay.chord.refs import NodeRef
from roundelay.client.connection import RingEntry, find_member
from roundelay.node.runtime import Runtime
from roundelay.node.subprocesses import ManagedProcess
from roundelay.store.read_path import get
from roundelay.store.write_path import put
from roundelay.testing.waiting import until
from tests.processes import Ring, end, opened_runtime

R = TypeVar("R")

COUNT = 4
FILES = {f"file {number}": f"rows of {number}\n".encode() * (1 + 400 * number) for number in range(24)}
FILES["large"] = bytes(range(256)) * (10 << 10)  # three pieces


class Client:
    """A client of the ring, through any node that answers."""

    def __init__(self, ring: Ring, runtime: Runtime) -> None:
        self.ring = ring
        self.runtime = runtime

    def ask(self, make: Callable[[RingEntry], Procedure[R]]) -> R:
        entry = self.runtime.run(find_member(self.ring.supernode_address, ()))
        return self.runtime.run(make(entry))

    def put(self, name: str, content: bytes, version: int = 1) -> tuple[NodeRef, ...]:
        return self.ask(lambda e: put(e.node, e.ring, e.ring.key(name), name, content, version))

    def get(self, name: str) -> bytes:
        """Return a file as soon as the ring can tell. Raises NotFound."""

        def attempt() -> list[bytes]:
            try:
                return [self.ask(lambda e: get(e.node, e.ring, e.ring.key(name), name))]
            except NotYet:
                return []

        found: list[bytes] = until(attempt, name)
        return found[0]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ring]:
    """Start four nodes with state directories; each test leaves the ring converged."""
    made = Ring(tmp_path_factory.mktemp("ring"))
    try:
        for number in range(COUNT):
            start(made, number, 0)
        made.wait_for_nodes(COUNT)
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def client(ring: Ring) -> Iterator[Client]:
    with opened_runtime() as runtime:
        yield Client(ring, runtime)


def start(ring: Ring, number: int, port: int) -> ManagedProcess:
    return ring.add_node("--quiet", "--state-dir", str(ring.folder / f"state-{number}"), port=port)


def nodes(ring: Ring) -> list[ManagedProcess]:
    """Return the running compute nodes, the earliest first."""
    return [node for node in ring.nodes if node.is_running]


def test_after_all_nodes_are_killed_at_once_every_acknowledged_file_is_found(ring: Ring, client: Client) -> None:
    for name, content in FILES.items():
        assert len(client.put(name, content)) == 3
    killed = nodes(ring)
    ports = [node.port for node in killed]
    for node in killed:
        os.kill(node.pid, signal.SIGKILL)
    for node in killed:
        node.wait()

    for number, port in enumerate(ports):
        start(ring, number, port)
    ring.wait_for_nodes(COUNT)

    for name, content in FILES.items():
        assert client.get(name) == content
    copies = until(lambda: all_copied(ring), "three copies of everything")
    assert copies == dict.fromkeys(FILES, 3)


def all_copied(ring: Ring) -> dict[str, int]:
    """Return the number of copies of each name, once each has three."""
    counts: dict[str, int] = {}
    for status in ring.statuses():
        for name in status.names:
            counts[name] = counts.get(name, 0) + 1
    return counts if counts and set(counts.values()) == {3} else {}


def test_status_check_confirms_every_predicate_of_a_converged_ring(ring: Ring) -> None:
    ring.wait_for_nodes(COUNT)

    shown = ring.client("status", "--check", "--json").json

    assert shown["holds"] and shown["nodes"] == COUNT and all(each["holds"] for each in shown["predicates"])


def test_a_node_that_leaves_hands_off_its_files_and_nothing_is_lost(ring: Ring, client: Client) -> None:
    for name, content in FILES.items():
        client.put(name, content, version=2)
    leaver, *others = nodes(ring)

    assert end(leaver, signal.SIGTERM) == 143

    for name, content in FILES.items():
        assert client.get(name) == content
    start(ring, 0, leaver.port)
    ring.wait_for_nodes(len(others) + 1)


def test_a_second_node_with_the_same_state_directory_ends_with_one_line(ring: Ring) -> None:
    ring.wait_for_nodes(COUNT)

    second = start(ring, 1, 0)

    assert second.wait() == 73
    assert second.text.count("\n") == 1 and "in use by another process" in second.text
    assert len(ring.statuses()) == COUNT


def test_with_one_replica_leaving_nodes_hand_off_the_only_copies(tmp_path: Path) -> None:
    with_one = Ring(tmp_path, "--replicas", "1")
    try:
        leaving = [with_one.add_node("--quiet") for _ in range(3)]
        with_one.wait_for_nodes(3)
        with opened_runtime() as runtime:
            client = Client(with_one, runtime)
            for name, content in FILES.items():
                assert len(client.put(name, content)) == 1

            for node in leaving[:2]:
                assert end(node, signal.SIGTERM) == 143

            for name, content in FILES.items():
                assert client.get(name) == content
    finally:
        with_one.stop()
