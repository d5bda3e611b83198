"""A ring of one's own, as it comes up beside whoever has begun it, and goes."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import StartingRing, begin_local_ring


def living(ring: StartingRing) -> int:
    return sum(process.is_running for process in (ring.processes.supernode, *ring.processes.nodes))


def test_a_ring_that_is_waited_for_is_whole() -> None:
    with ExitStack() as stack:
        ring = begin_local_ring(2, stack)
        found = ring.wait()

        assert living(ring) == 3
        assert found.supernode.port > 0 and found.node_list.exists()
    assert living(ring) == 0 and not found.node_list.exists()


def test_a_ring_that_is_given_up_while_it_starts_leaves_nothing() -> None:
    with ExitStack() as stack:
        ring = begin_local_ring(3, stack)

    assert living(ring) == 0 and not ring.processes.folder.exists()
    assert not ring._starter.is_alive(), "nobody starts a node any more"


def test_a_supernode_that_does_not_start_is_told_to_whoever_waits() -> None:
    with ExitStack() as stack, pytest.raises(LocalRingFailed, match="bits is 1000"):
        begin_local_ring(1, stack, of_supernode=["--bits", "1000"]).wait()
