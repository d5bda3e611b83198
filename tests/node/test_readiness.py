"""Tests of how a process announces that it is ready, and of when a ring has converged."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from roundelay.chord.invariants import NodeView
from roundelay.chord.refs import Address, NodeRef
from roundelay.node.errors import LocalRingFailed
from roundelay.node.parent import ready_address, ready_line
from roundelay.node.readiness import is_converged
from roundelay.node.subprocesses import ManagedProcess

NODES = [NodeRef(number, "host", number, 1) for number in (1, 5, 9)]


def view(place: int, successor: int, predecessor: int) -> NodeView:
    return NodeView(NODES[place], NODES[predecessor], (NODES[successor],))


def test_an_announced_address_is_found_among_other_output() -> None:
    output = f"compute node listening at [::1]:8001\n{ready_line('compute node', Address('::1', 8001))}\njoined\n"

    assert ready_address(output) == "[::1]:8001"


@pytest.mark.parametrize("output", ["", "listening at 127.0.0.1:1\n", ready_line("node", "127.0.0.1:1")])
def test_an_incomplete_line_announces_nothing(output: str) -> None:
    assert ready_address(output) is None


def test_a_ring_has_converged_when_all_neighbours_agree() -> None:
    whole = [view(0, 1, 2), view(1, 2, 0), view(2, 0, 1)]

    assert is_converged(whole, 3)
    assert not is_converged(whole, 4)
    assert not is_converged([view(0, 1, 2), view(1, 2, 2), view(2, 0, 1)], 3), "a predecessor is wrong"
    assert not is_converged([view(0, 2, 2), view(1, 2, 0), view(2, 0, 1)], 3), "a successor is skipped"
    assert is_converged([view(0, 0, 0)], 1)


def test_a_killed_process_restarts_at_its_address(tmp_path: Path) -> None:
    process = ManagedProcess("supernode", tmp_path)
    where = ["--nodes", str(tmp_path / "nodes"), "--state-dir", str(tmp_path), "--end-with-parent"]
    try:
        process.start("supernode", "--port", "0", *where)
        port = process.port
        process.kill()
        assert process.code == -signal.SIGKILL

        process.start("supernode", "--port", str(port), *where)

        assert process.ready() == Address("127.0.0.1", port)
        process.close()
        assert process.wait() == 0, "it ends with its parent's pipe"
    finally:
        process.close()


def test_a_process_that_ends_before_it_is_ready_is_reported_with_its_last_line(tmp_path: Path) -> None:
    process = ManagedProcess("supernode", tmp_path)
    process.start("supernode", "--bits", "1000")

    with pytest.raises(LocalRingFailed, match=r"supernode ended with code 64: .*bits is 1000"):
        process.ready()
    process.close()
