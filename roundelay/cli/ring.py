"""client.py ring: a whole ring on this machine, until Ctrl-C. However the command ends, it leaves nothing running.

A process that is killed is named, and the others go on: it is a ring.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from typing import NoReturn

from roundelay.cli import exits, parser_base
from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import LocalRing, start_local_ring
from roundelay.node.options import NODES_MAX
from roundelay.node.ring_processes import RingProcesses
from roundelay.node.subprocesses import ManagedProcess

LOOK_EVERY_S = 1.0


def run(chosen: parser_base.Namespace) -> NoReturn:
    if not 1 <= chosen.count <= NODES_MAX:
        raise exits.Exit(exits.USAGE, f"client.py ring takes 1 to {NODES_MAX} nodes")
    try:
        with ExitStack() as stack:
            began = time.monotonic()
            print(f"starting a ring of {chosen.count} node{'s' * (chosen.count > 1)} on this machine", file=sys.stderr)
            ring = start_local_ring(chosen.count, stack, _of_supernode(chosen), _of_nodes(chosen))
            show(ring, chosen, time.monotonic() - began)
            watch(ring.processes)
    except LocalRingFailed as error:
        raise exits.Exit(exits.UNAVAILABLE, str(error)) from error


def show(ring: LocalRing, chosen: parser_base.Namespace, seconds: float) -> None:
    """Print each node's process, the ring's address, and what to type next."""
    processes = {str(node.ready()): node.pid for node in ring.processes.nodes}
    if chosen.json:
        told = {"supernode": str(ring.supernode), "nodes": chosen.count, "processes": processes}
        exits.say(json.dumps({**told, "seconds": round(seconds, 2)}))
        return
    for address, pid in processes.items():
        exits.say(f"node {address} is process {pid}")
    exits.say(
        f"a ring of {chosen.count} node{'s' * (chosen.count > 1)}, supernode at {ring.supernode}, "
        f"up after {seconds:.1f} s; Ctrl-C stops it all. In another terminal:"
    )
    exits.say(f"    python3 client.py ./letters validate_letters.txt --supernode {ring.supernode}")


def watch(processes: RingProcesses) -> NoReturn:
    """Name each process that ends; the others go on. Raises Exit when no node is left."""
    nodes = list(processes.nodes)
    supernode: ManagedProcess | None = processes.supernode
    while nodes:
        time.sleep(LOOK_EVERY_S)
        for ended in [each for each in nodes if not each.is_running]:
            nodes.remove(ended)
            _tell(ended, f"{len(nodes)} node{'s' * (len(nodes) != 1)} left")
        if supernode is not None and not supernode.is_running:
            _tell(supernode, "no node can join")
            supernode = None
    raise exits.Exit(exits.UNAVAILABLE, "no node is left")


def _tell(ended: ManagedProcess, outcome: str) -> None:
    line = f"{ended.name} at {ended.ready()} (process {ended.pid}) has ended with code {ended.code}: {outcome}"
    print(line, file=sys.stderr)


def _of_supernode(chosen: parser_base.Namespace) -> list[str]:
    found = ["--port", str(chosen.port), "--assign", chosen.assign]
    for name in ("bits", "successors", "replicas"):
        found += [f"--{name}", str(getattr(chosen, name))]
    return found


def _of_nodes(chosen: parser_base.Namespace) -> list[str]:
    return ["--data-dir", str(chosen.data_dir.resolve())] if chosen.data_dir else []
