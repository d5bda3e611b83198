"""What is refused, queued or cancelled, in which words and with which exit code."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from chaos import workload
from chaos.rows import Row, Said, heard
from chaos.scenarios.pauses import ends_in
from chaos.workload import Work
from roundelay.chord.ring import Ring
from roundelay.federation.records import CANCELLED
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, cluster, free_port
from roundelay.testing.waiting import until

WORK = Work(rounds=6)
LONG = Work(rounds=1000)
SLOW = "trainer.train.before=sleep:0.5"
WAITING_MAX = 8


def port_clash(folder: Path) -> Row:
    """A node and a supernode are started on ports that are taken."""
    with cluster(folder / "ring", 2) as ring:
        node = ring.start("node", str(ring.nodes[0].port), "127.0.0.1", str(ring.supernode.port))
        supernode = ring.start("supernode", "--port", str(ring.supernode.port))
        codes = node.wait(), supernode.wait()
        return Row(
            "a node, and a supernode, started on a port that is taken",
            "one line each, exit code 69",
            codes == (69, 69) and len(ring.statuses()) == 2,
            {"exit codes": codes},
            (Said("node", _line(node)), Said("supernode", _line(supernode))),
        )


def duplicate_identifier(folder: Path) -> Row:
    """On a ring of 8 identifiers a node comes in by itself (--bootstrap) with one that is taken."""
    ring = Cluster(folder / "ring", supernode_options=("--bits", "3"))
    try:
        ring.form(3)
        taken = {status.node.id for status in ring.statuses()}
        port = until(lambda: _port_with(taken), "a port whose hash is taken")
        twin = ring.start("node", str(port), "--bootstrap", f"127.0.0.1:{ring.nodes[0].port}")
        code = twin.wait()
        return Row(
            "a node that comes with an identifier that another one has",
            "refused by name, exit code 77",
            code == 77 and len(ring.statuses()) == 3,
            {"exit code": code},
            (Said("node", _line(twin)),),
        )
    finally:
        ring.stop()


def supernode_dead(folder: Path) -> Row:
    """The supernode is dead while a job runs and a node wants to join; then it comes back."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        expected, _ = workload.undisturbed(ring, data, WORK)
        ring.supernode.kill()
        newcomer = ring.add_node()
        client = workload.start(ring, data, WORK, "--json")
        workload.id_of(client)
        held = ends_in(client, expected)
        until(lambda: heard(newcomer, "waiting"), "the newcomer says that it waits")
        alone = len(ring.statuses())
        ring.start_supernode()
        statuses = ring.wait_until_converged()
        ids = {status.node.id for status in statuses}
        return Row(
            "the supernode dead: a job, and a node that wants to join",
            "the job goes on; the node waits, then joins",
            held and alone == 4 and len(ids) == 5,
            {"identifiers": len(ids)},
            heard(newcomer, "supernode", "joined") + heard(ring.supernode, "found", "admitted"),
        )


def ctrl_c(folder: Path) -> Row:
    """Ctrl-C in the client, in the middle of a job."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        client = workload.start(ring, data, WORK, "--json")
        job = workload.id_of(client)
        workload.wait_for_round(ring, job, 1)
        client.kill(signal.SIGINT)
        code = client.wait()
        view = workload.wait_for_end(ring, job)
        time.sleep(8)  # longer than a takeover would take
        driver = workload.driver_of(ring, job)
        return Row(
            "Ctrl-C in the client",
            "the job is cancelled, and says so; nobody drives it on",
            code == 130 and view.end == CANCELLED and driver is None,
            {"exit code": code},
            heard(client, "cancelled"),
        )


def a_queue_of_jobs(folder: Path) -> Row:
    """One job runs, seven wait; one more in the foreground says its place, the next is refused."""
    data = workload.small_letters(folder)
    with cluster(folder / "ring", 4, failpoints=SLOW) as ring:
        for _ in range(WAITING_MAX - 1):
            assert workload.start(ring, data, LONG, "--detach").wait() == 0
        waiting = workload.start(ring, data, LONG)
        until(lambda: heard(waiting, "waiting"), "it says its place")
        refused = workload.start(ring, data, LONG)
        code = refused.wait()
        return Row(
            f"{WAITING_MAX} jobs at once, and one more",
            "all but one wait and say so; the last is refused, exit code 77",
            code == 77,
            {"exit code": code},
            heard(waiting, "waiting") + heard(refused, "jobs"),
        )


def _line(running: ManagedProcess) -> str:
    return running.err.read_text().strip()


def _port_with(taken: set[int]) -> int | None:
    """A free port whose address hashes to an identifier that is taken."""
    port = free_port()
    return port if Ring(bits=3, successors=2, replicas=3).key(f"127.0.0.1:{port}") in taken else None


ROWS = (port_clash, duplicate_identifier, supernode_dead, ctrl_c, a_queue_of_jobs)
