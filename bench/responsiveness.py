"""How fast a node answers its neighbours while it trains: `python -m bench responsiveness [--json]`.

A ring of four nodes trains the shipped letters. Meanwhile every node is asked for its neighbours again and again, and
each answer is timed; the same is measured on the idle ring.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from rich.table import Table

from roundelay.chord.effects import Ask, ask
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import GetMembers, GetNeighbours
from roundelay.client.connection import client_runtime
from roundelay.node.console import console
from roundelay.node.local import LocalRing, start_local_ring
from roundelay.node.subprocesses import ROOT
from roundelay.rpc.peers import Peers

NODES = 4
ROUNDS = 15
REST_S = 5.0
ASK_EVERY_S = 0.01


def main(arguments: Sequence[str]) -> int:
    with ExitStack() as stack:
        ring = start_local_ring(NODES, stack)
        members = client_runtime().run(ask(ring.supernode, GetMembers())).nodes
        end = time.monotonic() + REST_S
        resting_ms = times_ms(members, lambda: time.monotonic() < end)
        client = stack.enter_context(_client(ring))
        training_ms = times_ms(members, lambda: client.poll() is None)
    rows = {"at rest": resting_ms, "while training": training_ms}
    if "--json" in arguments:
        print(json.dumps({name: figures(ms) for name, ms in rows.items()}))
    else:
        console().print(table(rows))
    return client.returncode


def times_ms(nodes: Sequence[NodeRef], go_on: Callable[[], bool]) -> list[float]:
    """Ask the nodes in turn, and return how long each answer took."""
    peers, times = Peers(), []
    while go_on():
        for node in nodes:
            began = time.perf_counter()
            peers.ask(Ask(node, GetNeighbours(), timeout_s=10.0))
            times.append(1000 * (time.perf_counter() - began))
        time.sleep(ASK_EVERY_S)
    peers.close()
    return times


def figures(ms: Sequence[float]) -> dict[str, float]:
    ordered = sorted(ms)
    return {
        "answers": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2], 3),
        "p99_ms": round(ordered[len(ordered) * 99 // 100], 3),
        "max_ms": round(ordered[-1], 3),
    }


def table(rows: dict[str, list[float]]) -> Table:
    made = Table(title=f"asked for its neighbours: {NODES} nodes on one machine", title_justify="left")
    for heading in ("", "answers", "p50 ms", "p99 ms", "max ms"):
        made.add_column(heading)
    for name, ms in rows.items():
        made.add_row(name, *(str(value) for value in figures(ms).values()))
    return made


def _client(ring: LocalRing) -> subprocess.Popen[bytes]:
    """Start a job on that ring, in a process of its own."""
    command = [
        sys.executable,
        str(ROOT / "client.py"),
        str(ROOT / "letters"),
        "validate_letters.txt",
        "--rounds",
        str(ROUNDS),
        "--supernode",
        str(ring.supernode),
        "--json",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
