"""Figures of a ring of real processes: memory, lookups, a job, and leaving."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median

from bench import echo_servers
from bench.figures import Limit, Line
from bench.job_runs import Job
from bench.topologies import small_files
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import Address
from roundelay.client.connection import RingEntry, client_runtime, find_member
from roundelay.node import trainer
from roundelay.node.addresses import read
from roundelay.node.subprocesses import ManagedProcess
from roundelay.sim.experiments.walks import hops
from roundelay.testing import process_stats
from roundelay.testing.cluster import Cluster, trainers_of
from roundelay.testing.waiting import Stuck, until

JOB_PATIENCE_S, LEAVE_PATIENCE_S = 300.0, 120.0
VALIDATION = "validation"
MEMORY_LIMIT_MB, SHARE_LIMIT_MB = 50.0, 24.0
PREDICTED_LIMIT = 1.25  # times what the simulator predicts


def memory(ring: Cluster) -> list[Line]:
    each_mb = [process_stats.take(pid).memory_kib / 1024 for pid in node_pids(ring)]
    own_mb = share_mb(node_pids(ring)) / len(each_mb)
    return [
        Line(
            "memory of a node without its trainer, median",
            "MB",
            median(each_mb),
            limit=Limit(MEMORY_LIMIT_MB, at_least=False),
        ),
        Line(
            "of that its own, and its share of the pages that several have",
            "MB",
            own_mb,
            limit=Limit(SHARE_LIMIT_MB, at_least=False),
        ),
    ]


def share_mb(pids: Sequence[int]) -> float:
    """Return the memory of all these processes together, with each page that several share counted once."""
    return sum(process_stats.proportional_kib(pid) for pid in pids) / 1024


def beside(what: str, ours: float, predicted: float) -> Line:
    """Return the line of a figure that must not be much larger than the simulator predicts."""
    limit = Limit(PREDICTED_LIMIT, at_least=False)
    return Line(what, "", ours, "simulator", predicted, ours / predicted, limit)


def processor_s(ring: Cluster) -> float:
    return sum(process_stats.processor_s(pid) for pid in node_pids(ring))


def leave(ring: Cluster) -> list[Line]:
    """Ask all nodes at once to leave, and measure how they do."""
    trainers, began = trainer_pids(ring), time.monotonic()
    for node in ring.nodes:
        node.kill(signal.SIGTERM)
    with suppress(Stuck):  # those that have not left by then are counted
        until(lambda: not any(node.is_running for node in ring.nodes), "all nodes end", LEAVE_PATIENCE_S)
    seconds = time.monotonic() - began
    left = sum("left the ring" in node.text for node in ring.nodes)
    running = sum(process_stats.is_running(pid) for pid in [*node_pids(ring), *trainers])
    return [
        Line("all nodes leave at once, in", "s", seconds),
        Line("nodes that say that they have left", "", left, limit=Limit(len(ring.nodes))),
        Line("processes of theirs that go on", "", running, limit=Limit(0, at_least=False)),
    ]


def look_up(ring: Cluster, count: int) -> tuple[list[float], float]:
    """Look up random keys from a client. Return the milliseconds, and the hops as a mean."""
    runtime, rng, times, steps = client_runtime(), random.Random(0), [], 0
    entry = entry_of(ring)
    for _ in range(count):
        began = time.perf_counter()
        steps += hops(runtime.run(find_successor(entry.node, rng.getrandbits(entry.ring.bits))))
        times.append(1000 * (time.perf_counter() - began))
    runtime.stop(1.0)
    return times, steps / count


def entry_of(ring: Cluster) -> RingEntry:
    runtime = client_runtime()
    try:
        return runtime.run(find_member(Address(echo_servers.HOST, ring.supernode.port), read(ring.node_list).nodes))
    finally:
        runtime.stop(1.0)


# --- a job


def make_files(folder: Path, count: int) -> Path:
    """Write small files, at least one for each node, and one for validation."""
    contents, files = small_files(count)
    folder.mkdir(parents=True)
    for file in files:
        (folder / (VALIDATION if file is files[-1] else file.name)).write_bytes(contents[file.digest])
    return folder


def run_job(ring: Cluster, data: Path, rounds: int) -> Job:
    """Run one job. Raises Stuck."""
    client = ring.start_client(
        "train", str(data), VALIDATION, "--rounds", str(rounds), "--placement", "round-robin", "--json"
    )
    code = client.wait(JOB_PATIENCE_S)
    if code:
        raise Stuck(f"the job's client ended with {code}: {client.text[-60:]}")
    return Job(0.0, (), json.loads(client.out.read_text()))


def node_pids(ring: Cluster) -> list[int]:
    return [node.pid for node in ring.nodes]


def trainer_pids(ring: Cluster) -> list[int]:
    return [pid for node in ring.nodes for pid in trainers_of(node)]


def wait_for_idle_trainers(ring: Cluster, worked_at: float) -> list[Line]:
    """Wait until the last idle trainer has ended, and measure when. Raises Stuck."""
    until(_is_without_trainers(ring.nodes), "all trainers end", 2 * trainer.IDLE_S)
    return [
        Line(
            "until the last trainer ends, from the job's end",
            "s",
            time.monotonic() - worked_at,
            limit=Limit(trainer.IDLE_S + 5, at_least=False),
        ),
        Line("trainers then", "", len(trainer_pids(ring)), limit=Limit(0, at_least=False)),
    ]


def _is_without_trainers(nodes: list[ManagedProcess]) -> Callable[[], bool]:
    return lambda: not any(trainers_of(node) for node in nodes)
