"""Rings of 4, 16 and 64 real nodes: forming, memory, idle calls, lookups, and the rounds of a short job.

Every node is a process, and so is every trainer. With 64 of each on two cores, the figures contain the time that
processes wait for a core.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

from bench import counted_node, echo_servers
from bench.figures import Limit, Line, Table
from bench.round import Job
from bench.topologies import small_files
from roundelay.chord.lookup import find_successor
from roundelay.chord.refs import Address
from roundelay.client.connection import RingEntry, client_runtime, find_member
from roundelay.node import trainer
from roundelay.node.addresses import read
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing import process_stats
from roundelay.testing.cluster import Cluster, trainers_of
from roundelay.testing.waiting import Stuck, until

SIZES = (4, 16, 64)
BUDGET_S = 200.0  # larger rings are skipped after as many seconds
FORM_PATIENCE_S = 90.0
SETTLES_S, IDLE_S = 12.0, 6.0  # fingers are checked more often at first
LOOKUPS = 300
ROUNDS = 6
VALIDATION = "validation"
MEMORY_LIMIT_MB, IDLE_LIMIT = 50.0, 8.0


def measure(folder: Path) -> list[Table]:
    began, tables = time.monotonic(), []
    data = _data(folder / "data")
    for count in SIZES:
        if time.monotonic() - began < BUDGET_S:
            tables.append(_table(folder / str(count), count, data))
    return tables


def _table(folder: Path, count: int, data: Path) -> Table:
    title, ring = f"{count} real nodes", Cluster(folder)
    try:
        return Table(title, *_measured(ring, count, data))
    except Stuck as error:
        return Table(title, (Line("time to form", "s", None, why_not=str(error)[:80]),))
    finally:
        ring.stop()


def _measured(ring: Cluster, count: int, data: Path) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Measure one ring. Raises Stuck."""
    began = time.monotonic()
    ring.start_supernode()
    counts = [ring.folder / f"calls-{number}" for number in range(count)]
    for file in counts:
        ring.add_node(wrapper=[sys.executable, counted_node.__file__, str(file)])
    ring.wait_until_converged(FORM_PATIENCE_S)
    formed_s = time.monotonic() - began
    memory = [process_stats.take(node.pid).memory_kib / 1024 for node in ring.nodes]
    time.sleep(SETTLES_S)
    idle = _idle_calls(counts)
    times = sorted(_lookup_ms(ring))
    before = _trainers(ring)
    job = _job(ring, data)
    during = _trainers(ring)
    lines = [
        Line("time to form, from the first command", "s", formed_s),
        Line(
            "memory of a node without its trainer, median",
            "MB",
            median(memory),
            limit=Limit(MEMORY_LIMIT_MB, at_least=False),
        ),
        Line("idle calls a node and second, mean", "", mean(idle), limit=Limit(IDLE_LIMIT, at_least=False)),
        Line("idle calls a node and second, most", "", max(idle), limit=Limit(IDLE_LIMIT, at_least=False)),
        Line("a lookup, p50", "ms", median(times)),
        Line("a lookup, p99", "ms", times[len(times) * 99 // 100]),
        Line("overhead of a round: its wall without the slowest trainer's", "ms", median(job.overheads_ms)),
        Line("a round", "s", job.round_s),
        Line("trainers before the job", "", before, limit=Limit(0, at_least=False)),
        Line("trainers as it ends", "", during, limit=Limit(count)),
    ]
    if count == min(SIZES):
        lines += _after_the_idle_minute(ring)
    note = (
        f"The job: {len(list(data.iterdir())) - 1} files in turn on all nodes, {ROUNDS} rounds, medians of all but "
        "the first. Its client, nodes and trainers share these cores: the more of them, the more is waiting."
    )
    return tuple(lines), (note,)


def _idle_calls(counts: list[Path]) -> list[float]:
    """Return the calls per second of each node on an idle ring."""
    before, began = [counted_node.calls(file) for file in counts], time.monotonic()
    time.sleep(IDLE_S)
    seconds = time.monotonic() - began
    return [(counted_node.calls(file) - asked) / seconds for file, asked in zip(counts, before, strict=True)]


def _lookup_ms(ring: Cluster) -> list[float]:
    """Look up random keys from a client, and return the milliseconds."""
    runtime, rng, times = client_runtime(), random.Random(0), []
    entry = entry_of(ring)
    for _ in range(LOOKUPS):
        began = time.perf_counter()
        runtime.run(find_successor(entry.node, rng.getrandbits(entry.ring.bits)))
        times.append(1000 * (time.perf_counter() - began))
    runtime.stop(1.0)
    return times


def entry_of(ring: Cluster) -> RingEntry:
    runtime = client_runtime()
    try:
        return runtime.run(find_member(Address(echo_servers.HOST, ring.supernode.port), read(ring.node_list).nodes))
    finally:
        runtime.stop(1.0)


# --- a job


def _data(folder: Path) -> Path:
    """Write small files, at least one for each node of the largest ring."""
    contents, files = small_files()
    folder.mkdir(parents=True)
    for file in files:
        (folder / (VALIDATION if file is files[-1] else file.name)).write_bytes(contents[file.digest])
    return folder


def _job(ring: Cluster, data: Path) -> Job:
    """Run one job. Raises Stuck."""
    client = ring.start_client(
        "train", str(data), VALIDATION, "--rounds", str(ROUNDS), "--placement", "round-robin", "--json"
    )
    code = client.wait()
    if code:
        raise Stuck(f"the job's client ended with {code}: {client.text[-60:]}")
    return Job(0.0, (), json.loads(client.out.read_text()))


def _trainers(ring: Cluster) -> int:
    return sum(len(trainers_of(node)) for node in ring.nodes)


def _after_the_idle_minute(ring: Cluster) -> list[Line]:
    """Wait until the last idle trainer has ended, and measure when. Raises Stuck."""
    began, timeout_s = time.monotonic(), 2 * trainer.IDLE_S
    until(_is_without_trainers(ring.nodes), "all trainers end", timeout_s)
    return [
        Line(
            "until the last trainer ends, from the job's end",
            "s",
            time.monotonic() - began,
            limit=Limit(trainer.IDLE_S + 5, at_least=False),
        ),
        Line("trainers then", "", _trainers(ring), limit=Limit(0, at_least=False)),
    ]


def _is_without_trainers(nodes: list[ManagedProcess]) -> Callable[[], bool]:
    return lambda: not any(trainers_of(node) for node in nodes)
