"""A network that falls into two: two hosts, and the cable of one is cut.

Needs root and the ip command; without them these rows are skipped, and say so.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

from chaos import workload
from chaos.rows import Row, heard
from chaos.workload import Data, Work
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.multi_host import MultiHostCluster
from roundelay.testing.namespaces import Host, missing, network
from roundelay.testing.waiting import until

WORK = Work(rounds=6)
SLOW = "trainer.train.before=sleep:1"
CUT_S = 25.0


def the_smaller_side_waits(folder: Path) -> Row:
    """Two nodes and the client are cut off from four others; each file has three copies."""
    return _partition(folder, "LRLRRR", "cut for 25 s: client, supernode and 2 nodes on one side, 4 nodes on the other")


def each_side_has_copies(folder: Path) -> Row:
    """Three and three nodes: a newcomer halves the largest gap, so these six lie in turn round the ring."""
    return _partition(folder, "LLLRRR", "cut for 25 s: 3 nodes on either side, in turn round the ring")


def _partition(folder: Path, sides: str, done: str) -> Row:
    promise = "no side averages fewer files; after it one ring, one chain, the same model"
    if missing():
        return Row(done, promise, held=False, skipped=missing())
    data = workload.small_letters(folder)
    with network(2) as hosts:
        halves = MultiHostCluster(folder / "ring", hosts, SLOW)
        try:
            _form(halves, sides)
            return _cut_in_a_job(halves, data, done, promise, len(sides))
        finally:
            halves.stop()


def _form(halves: MultiHostCluster, sides: str) -> None:
    """Nodes join one after the other, L on the left host, where the supernode is, and R on the right one."""
    left, right = halves.hosts
    halves.start_supernode()
    for side in sides:
        where = left if side == "L" else right
        node = halves.add_node_on(where, "--host", where.ipv4)
        until(partial(_has_joined, node), f"{node.name} joins")
    until(lambda: len(halves.nodes_seen(left)) == len(sides), "one ring")


def _cut_in_a_job(halves: MultiHostCluster, data: Data, done: str, promise: str, nodes: int) -> Row:
    left, right = halves.hosts
    train = ("train", str(data.folder), str(data.validation), *WORK.options, "--json")
    first = halves.start_client_on(left, *train)
    assert first.wait() == 0, first.text
    expected = json.loads(first.out.read_text())["model_sha256"]
    client = halves.start_client_on(left, *train)
    until(lambda: "round 2 of" in client.text, "two rounds")
    left.cut()
    time.sleep(CUT_S)
    during = {side: _state(halves, where) for side, where in (("left", left), ("right", right))}
    left.mend()
    code = client.wait()
    result = json.loads(client.out.read_text()) if code == 0 else {}
    for where in halves.hosts:
        until(partial(_sees, halves, where, nodes), f"one ring, seen from host {where.number}")
    ends = {str(job["state"]) for where in halves.hosts for job in halves.jobs_seen(where)}
    drivers = [r for r in halves.nodes if "driving job" in r.text]
    return Row(
        done,
        promise,
        result.get("model_sha256") == expected and ends == {"done"} and len(result["placement"]) == 12,
        {f"job at the end of the cut, {side}": state for side, state in during.items()},
        heard(client, "waiting", "answer", "ring", "copies") + tuple(s for r in drivers for s in heard(r, "job")),
    )


def _has_joined(node: ManagedProcess) -> bool:
    return "joined the ring" in node.text


def _sees(halves: MultiHostCluster, where: Host, nodes: int) -> bool:
    return len(halves.nodes_seen(where)) == nodes


def _state(halves: MultiHostCluster, where: Host) -> str:
    """Of the last job, as it looks from there."""
    seen = halves.jobs_seen(where)
    return f"{seen[-1]['state']} {seen[-1]['round']}" if seen else "cannot be read"


ROWS = (the_smaller_side_waits, each_side_has_copies)
