"""Is a ring whole? Seen from outside, by whoever has started it."""

from __future__ import annotations

import time
from contextlib import suppress

from roundelay.chord.effects import Procedure, ask
from roundelay.chord.errors import ChordError
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import GetMembers, GetNeighbours
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
            if len(members.nodes) == count and len(runtime.run(_walk(members.nodes[0]))) == count:
                runtime.stop(STOP_TIMEOUT_S)
                return
        time.sleep(READINESS_POLL_S)
    raise LocalRingFailed(f"{count} nodes were not one ring in time; {processes.last_words()}")


def _walk(start: NodeRef) -> Procedure[set[NodeRef]]:
    """The nodes met by going from successor to successor."""
    met: set[NodeRef] = set()
    here = start
    while here not in met:
        met.add(here)
        theirs = yield from ask(here, GetNeighbours())
        here = theirs.successors[0]
    return met
