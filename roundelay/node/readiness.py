"""Waits until a ring has converged, as seen from outside by the program that started it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from roundelay.chord.crawl import crawl_views
from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError
from roundelay.chord.invariants import NodeView
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers, Status
from roundelay.node.errors import LocalRingFailed
from roundelay.node.ring_processes import RingProcesses
from roundelay.node.runtime import Runtime
from roundelay.node.subprocesses import STOP_TIMEOUT_S
from roundelay.rpc.peers import Peers

READINESS_POLL_S = 0.02


def is_converged(nodes: Sequence[NodeView | Status], count: int) -> bool:
    """Return True if these, in the order of identifiers, are `count` nodes that agree on one ring."""
    return len(nodes) == count and all(
        one.successors[0] == other.node and other.predecessor == one.node
        for one, other in zip(nodes, [*nodes[1:], *nodes[:1]], strict=True)
    )


def wait_until_converged(ring: RingProcesses, count: int, deadline: float) -> None:
    """Wait until `count` nodes are one ring. Raises LocalRingFailed if a process ends, or at the deadline."""
    runtime = Runtime(Peers())
    try:
        while time.monotonic() < deadline:
            ring.require_running()
            with suppress(ChordError):
                if is_converged(runtime.run(_views(ring.supernode_address)), count):
                    return
            time.sleep(READINESS_POLL_S)
    finally:
        runtime.stop(STOP_TIMEOUT_S)
    raise LocalRingFailed(f"{count} nodes were not one ring in time; {ring.last_lines()}")


def _views(supernode: Address) -> Procedure[list[NodeView]]:
    """Return the view of every member that the supernode knows, and of all that they know."""
    members = yield from ask(supernode, GetMembers())
    views = yield from crawl_views(members.nodes)
    return views
