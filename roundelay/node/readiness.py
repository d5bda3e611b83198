"""Is a ring whole? Seen from outside, by whoever has started it."""

from __future__ import annotations

import time
from contextlib import suppress

from roundelay.chord.crawl import crawl_status
from roundelay.chord.effects import ask
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address
from roundelay.chord.requests import GetMembers
from roundelay.node.errors import LocalRingFailed
from roundelay.node.runtime import Runtime
from roundelay.node.subprocesses import STOP_TIMEOUT_S, Processes
from roundelay.rpc.peers import Peers

READINESS_POLL_S = 0.02


def wait_until_converged(processes: Processes, supernode: Address, count: int, deadline: float) -> None:
    """Until a walk round the ring meets every node: who has joined is not yet known to the one before it."""
    runtime = Runtime(Peers())
    while time.monotonic() < deadline:
        processes.require_running()
        with suppress(ChordError):
            members = runtime.run(ask(supernode, GetMembers()))
            if len(members.nodes) == count and len(runtime.run(crawl_status(members.nodes[0]))) == count:
                runtime.stop(STOP_TIMEOUT_S)
                return
        time.sleep(READINESS_POLL_S)
    raise LocalRingFailed(f"{count} nodes were not one ring in time; {processes.last_words()}")
