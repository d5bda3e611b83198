"""Joins and jobs that are refused, queued or cancelled: with which message and which exit code."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from chaos import workload
from chaos.experiment import experiment
from chaos.scenario import ConsoleLine, ScenarioResult, console_lines
from chaos.workload import JobOptions
from roundelay.chord.ring import Ring
from roundelay.federation.jobs import UNENDED_MAX
from roundelay.federation.records import CANCELLED
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, cluster, free_port
from roundelay.testing.waiting import until

OPTIONS = JobOptions(rounds=6)
LONG = JobOptions(rounds=1000)
SLOW = "trainer.train.before=sleep:0.5"


def port_in_use(folder: Path) -> ScenarioResult:
    """Start a node and a supernode on ports that are in use."""
    with cluster(folder / "ring", 2) as ring:
        node = ring.start("node", str(ring.nodes[0].port), "127.0.0.1", str(ring.supernode.port))
        supernode = ring.start("supernode", "--port", str(ring.supernode.port))
        codes = node.wait(), supernode.wait()
        return ScenarioResult(
            "a node, and a supernode, started on a port that is in use",
            "one line each, exit code 69",
            codes == (69, 69) and len(ring.statuses()) == 2,
            {"exit codes": codes},
            (ConsoleLine("node", _line(node)), ConsoleLine("supernode", _line(supernode))),
        )


def duplicate_identifier(folder: Path) -> ScenarioResult:
    """Start a node with --bootstrap whose identifier, one of 8, another node has."""
    ring = Cluster(folder / "ring", supernode_options=("--bits", "3"))
    try:
        ring.form(3)
        taken = {status.node.id for status in ring.statuses()}
        port = until(lambda: _port_with(taken), "a port whose hash is taken")
        duplicate = ring.start("node", str(port), "--bootstrap", f"127.0.0.1:{ring.nodes[0].port}")
        code = duplicate.wait()
        return ScenarioResult(
            "a node that joins with another node's identifier",
            "refused by name, exit code 77",
            code == 77 and len(ring.statuses()) == 3,
            {"exit code": code},
            (ConsoleLine("node", _line(duplicate)),),
        )
    finally:
        ring.stop()


def supernode_dead(folder: Path) -> ScenarioResult:
    """Kill the supernode while a job runs, start a node, and restart the supernode."""
    with experiment(folder, 4, OPTIONS, failpoints=SLOW) as test:
        ring = test.ring
        ring.supernode.kill()
        newcomer = ring.add_node()
        held = test.start().is_unharmed()
        until(lambda: console_lines(newcomer, "waiting"), "the newcomer reports that it waits")
        without = len(ring.statuses())
        ring.start_supernode()
        statuses = ring.wait_until_converged()
        ids = {status.node.id for status in statuses}
        return ScenarioResult(
            "the supernode dead: a job, and a node that wants to join",
            "the job goes on; the node waits, then joins",
            held and without == 4 and len(ids) == 5,
            {"identifiers": len(ids)},
            console_lines(newcomer, "supernode", "joined") + console_lines(ring.supernode, "found", "admitted"),
        )


def ctrl_c(folder: Path) -> ScenarioResult:
    """Interrupt the client with Ctrl-C in the middle of a job."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        client = workload.start(ring, data, OPTIONS, "--json")
        job = workload.job_id(client)
        workload.wait_for_round(ring, job, 1)
        client.kill(signal.SIGINT)
        code = client.wait()
        end = workload.wait_for_end(ring, job)
        time.sleep(8)  # longer than a failover takes
        driver = workload.driver_of(ring, job)
        return ScenarioResult(
            "Ctrl-C in the client",
            "the client reports that the job is cancelled; no node continues it",
            code == 130 and end.end == CANCELLED and driver is None,
            {"exit code": code},
            console_lines(client, "cancelled"),
        )


def a_queue_of_jobs(folder: Path) -> ScenarioResult:
    """Run as many jobs as may share the ring, queue as many as may wait, and submit one more."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        for _ in range(UNENDED_MAX - 1):
            assert workload.start(ring, data, LONG, "--detach").wait() == 0
        waiting = workload.start(ring, data, LONG)
        until(lambda: console_lines(waiting, "waiting"), "the client shows its place in the queue")
        refused = workload.start(ring, data, LONG)
        code = refused.wait()
        return ScenarioResult(
            f"{UNENDED_MAX} jobs at once, and one more",
            "those that may not run wait, and their clients say so; the last is refused, exit code 77",
            code == 77,
            {"exit code": code},
            console_lines(waiting, "waiting") + console_lines(refused, "jobs"),
        )


def _line(running: ManagedProcess) -> str:
    return running.err.read_text().strip()


def _port_with(taken: set[int]) -> int | None:
    """Return a free port whose address hashes to an identifier that is taken, or None."""
    port = free_port()
    return port if Ring(bits=3, successors=2, replicas=3).key(f"127.0.0.1:{port}") in taken else None


SCENARIOS = (port_in_use, duplicate_identifier, supernode_dead, ctrl_c, a_queue_of_jobs)
