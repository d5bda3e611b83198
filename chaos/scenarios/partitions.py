"""Network partitions: two hosts, and the link of one is cut.

Needs root and the ip command; without them these scenarios are skipped.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

from chaos import workload
from chaos.scenario import ScenarioResult, console_lines
from chaos.workload import Data, JobOptions
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.multi_host import MultiHostCluster
from roundelay.testing.namespaces import Host, missing, network
from roundelay.testing.waiting import until

OPTIONS = JobOptions(rounds=6)
SLOW = "trainer.train.before=sleep:1"
CUT_S = 25.0


def the_smaller_side_waits(folder: Path) -> ScenarioResult:
    """Cut two nodes and the client off from four others; each file has three copies."""
    return _partition(folder, "LRLRRR", "cut for 25 s: client, supernode and 2 nodes on one side, 4 nodes on the other")


def each_side_has_copies(folder: Path) -> ScenarioResult:
    """Cut three nodes off from three, alternating round the ring: each joins in the middle of the largest gap."""
    return _partition(folder, "LLLRRR", "cut for 25 s: 3 nodes on each side, alternating round the ring")


def _partition(folder: Path, sides: str, fault: str) -> ScenarioResult:
    promise = "no side averages fewer files; afterwards one ring, one chain of results, the same model"
    if missing():
        return ScenarioResult(fault, promise, held=False, skipped=missing())
    data = workload.small_letters(folder)
    with network(2) as hosts:
        ring = MultiHostCluster(folder / "ring", hosts, SLOW)
        try:
            _form(ring, sides)
            return _cut_in_a_job(ring, data, fault, promise, len(sides))
        finally:
            ring.stop()


def _form(ring: MultiHostCluster, sides: str) -> None:
    """Have nodes join one after the other: L on the left host, with the supernode, and R on the right one."""
    left, right = ring.hosts
    ring.start_supernode()
    for side in sides:
        where = left if side == "L" else right
        node = ring.add_node_on(where, "--host", where.ipv4, "--insecure")
        until(partial(_has_joined, node), f"{node.name} joins")
    until(lambda: len(ring.nodes_seen(left)) == len(sides), "one ring")


def _cut_in_a_job(ring: MultiHostCluster, data: Data, fault: str, promise: str, nodes: int) -> ScenarioResult:
    left, right = ring.hosts
    train = ("train", str(data.folder), str(data.validation), *OPTIONS.arguments, "--json")
    first = ring.start_client_on(left, *train)
    assert first.wait() == 0, first.text
    expected = json.loads(first.out.read_text())["model_sha256"]
    client = ring.start_client_on(left, *train)
    until(lambda: "round 2 of" in client.text, "two rounds")
    left.cut()
    time.sleep(CUT_S)
    during = {side: _state(ring, where) for side, where in (("left", left), ("right", right))}
    left.mend()
    code = client.wait()
    result = json.loads(client.out.read_text()) if code == 0 else {}
    for where in ring.hosts:
        until(partial(_sees, ring, where, nodes), f"one ring, seen from host {where.number}")
    ends = {str(job["state"]) for where in ring.hosts for job in ring.jobs_seen(where)}
    drivers = [node for node in ring.nodes if "driving job" in node.text]
    return ScenarioResult(
        fault,
        promise,
        result.get("model_sha256") == expected and ends == {"done"} and len(result["placement"]) == 12,
        {f"job at the end of the cut, {side}": state for side, state in during.items()},
        console_lines(client, "waiting", "answer", "ring", "copies")
        + tuple(s for r in drivers for s in console_lines(r, "job")),
    )


def _has_joined(node: ManagedProcess) -> bool:
    return "joined the ring" in node.text


def _sees(ring: MultiHostCluster, where: Host, nodes: int) -> bool:
    return len(ring.nodes_seen(where)) == nodes


def _state(ring: MultiHostCluster, where: Host) -> str:
    """Return the state of the last job, as seen from a host."""
    seen = ring.jobs_seen(where)
    return f"{seen[-1]['state']} {seen[-1]['round']}" if seen else "cannot be read"


SCENARIOS = (the_smaller_side_waits, each_side_has_copies)
