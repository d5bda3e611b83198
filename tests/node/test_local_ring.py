"""Tests of a local ring: how it starts in the background and how it ends."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import StartingRing, begin_local_ring


def living(ring: StartingRing) -> int:
    return sum(process.is_running for process in (ring.processes.supernode, *ring.processes.nodes))


def test_wait_returns_when_every_node_of_the_ring_runs() -> None:
    with ExitStack() as stack:
        ring = begin_local_ring(2, stack)
        found = ring.wait()

        assert living(ring) == 3
        assert found.supernode.port > 0 and found.node_list.exists()
    assert living(ring) == 0 and not found.node_list.exists()


def test_a_ring_abandoned_during_its_start_leaves_no_process() -> None:
    with ExitStack() as stack:
        ring = begin_local_ring(3, stack)

    assert living(ring) == 0 and not ring.processes.folder.exists()
    assert not ring._starter.is_alive(), "no node is started any more"


def test_wait_raises_when_the_supernode_does_not_start() -> None:
    with ExitStack() as stack, pytest.raises(LocalRingFailed, match="bits is 1000"):
        begin_local_ring(1, stack, of_supernode=["--bits", "1000"]).wait()
