"""Rings of 4, 16, 64 and 256 real nodes: forming, memory, idle calls, lookups, a short job, and leaving.

Every node is a process, and so is every trainer. With hundreds of them on two cores, the figures contain the time that
processes wait for a core. Beside them is what the simulator predicts for a ring of that size.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import mean, median

from bench import counted_node, echo_servers
from bench.figures import Limit, Line, Table
from bench.job_runs import Job
from bench.scale_predicted import Prediction, predict
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

SIZES = (4, 16, 64, 256)
BUDGET_S = 400.0  # larger rings are skipped after as many seconds
FORM_PATIENCE_S, JOB_PATIENCE_S, LEAVE_PATIENCE_S = 180.0, 300.0, 120.0
CALM_S, IDLE_S = 40.0, 10.0  # until checks are as rare as on a ring that does not change
LOOKUPS = 300
FILES, ROUNDS = 64, 6
MANY, ROUNDS_OF_MANY = 128, 3  # nodes, of which each has a file; more rounds take too long
VALIDATION = "validation"
MEMORY_LIMIT_MB, SHARE_LIMIT_MB, IDLE_LIMIT = 50.0, 24.0, 8.0
PREDICTED_LIMIT = 1.25  # times what the simulator predicts
PREDICTED = "The simulated ring has no node list: real nodes also probe an address of it now and then."


def measure(folder: Path) -> list[Table]:
    began, tables = time.monotonic(), []
    for count in SIZES:
        if time.monotonic() - began < BUDGET_S:
            tables.append(table(folder / str(count), count))
    return tables


def table(folder: Path, count: int) -> Table:
    """Measure one ring."""
    title, ring = f"{count} real nodes", Cluster(folder / "ring")
    files, rounds = (count, ROUNDS_OF_MANY) if count >= MANY else (FILES, ROUNDS)
    note = (
        f"The job: {files} files in turn on all nodes, {rounds} rounds, medians of all but the first. Its client, "
        "nodes and trainers share these cores: the more of them, the more is waiting."
    )
    try:
        return Table(title, _measured(ring, count, _data(folder / "data", files), rounds), (note, PREDICTED))
    except Stuck as error:
        return Table(title, (Line("time to form", "s", None, why_not=str(error)[:80]),))
    finally:
        ring.stop()


def _measured(ring: Cluster, count: int, data: Path, rounds: int) -> tuple[Line, ...]:
    """Measure one ring. Raises Stuck."""
    predicted = predict(count, CALM_S, IDLE_S, LOOKUPS)
    began = time.monotonic()
    ring.start_supernode()
    counts = [ring.folder / f"calls-{number}" for number in range(count)]
    for file in counts:
        ring.add_node(wrapper=[sys.executable, counted_node.__file__, str(file)])
    ring.wait_until_converged(FORM_PATIENCE_S)
    lines = [
        Line("time to form, from the first command", "s", time.monotonic() - began),
        *_memory(ring),
        *_idle(ring, counts, predicted),
        Line("trainers before the job", "", len(_trainers(ring)), limit=Limit(0, at_least=False)),
        *_work(ring, data, rounds),
        Line("trainers as it ends", "", len(_trainers(ring)), limit=Limit(count)),
        Line("memory of all nodes and trainers then", "GB", _share_mb([*_pids(ring), *_trainers(ring)]) / 1000),
    ]
    if count == min(SIZES):
        lines += _after_the_idle_minute(ring)
    return *lines, *_ended(ring)


def _memory(ring: Cluster) -> list[Line]:
    memory = [process_stats.take(pid).memory_kib / 1024 for pid in _pids(ring)]
    own_mb = _share_mb(_pids(ring)) / len(memory)
    return [
        Line(
            "memory of a node without its trainer, median",
            "MB",
            median(memory),
            limit=Limit(MEMORY_LIMIT_MB, at_least=False),
        ),
        Line(
            "of that its own, and its share of the pages that several have",
            "MB",
            own_mb,
            limit=Limit(SHARE_LIMIT_MB, at_least=False),
        ),
    ]


def _share_mb(pids: Sequence[int]) -> float:
    """Return the memory of all these processes together, with each page that several share counted once."""
    return sum(process_stats.proportional_kib(pid) for pid in pids) / 1024


def _idle(ring: Cluster, counts: list[Path], predicted: Prediction) -> list[Line]:
    """Measure a ring that has been calm for a while, and its lookups."""
    time.sleep(CALM_S)
    before_s = _processor_s(ring)
    calls = _idle_calls(counts)
    used_ms = 1000 * (_processor_s(ring) - before_s) / IDLE_S / len(counts)
    times, found = _lookups(ring)
    return [
        _beside("idle calls a node and second, mean", mean(calls), predicted.calls),
        Line("idle calls a node and second, most", "", max(calls), limit=Limit(IDLE_LIMIT, at_least=False)),
        Line("processor time of an idle node", "ms/s", used_ms),
        Line("a lookup, p50", "ms", median(times)),
        Line("a lookup, p99", "ms", sorted(times)[len(times) * 99 // 100]),
        _beside("hops of a lookup, mean", found, predicted.hops),
    ]


def _beside(what: str, ours: float, predicted: float) -> Line:
    """Return the line of a figure that must not be much larger than the simulator predicts."""
    limit = Limit(PREDICTED_LIMIT, at_least=False)
    return Line(what, "", ours, "simulator", predicted, ours / predicted, limit)


def _processor_s(ring: Cluster) -> float:
    return sum(process_stats.processor_s(pid) for pid in _pids(ring))


def _work(ring: Cluster, data: Path, rounds: int) -> list[Line]:
    """Run one job. Raises Stuck."""
    began = time.monotonic()
    job = _job(ring, data, rounds)
    return [
        Line("a job, from its command to its end", "s", time.monotonic() - began),
        Line("overhead of a round: its wall without the slowest trainer's", "ms", median(job.overheads_ms)),
        Line("a round", "s", job.round_s),
    ]


def _ended(ring: Cluster) -> list[Line]:
    """Ask all nodes at once to leave, and measure how they do."""
    trainers, began = _trainers(ring), time.monotonic()
    for node in ring.nodes:
        node.kill(signal.SIGTERM)
    with suppress(Stuck):  # those that have not left by then are counted
        until(lambda: not any(node.is_running for node in ring.nodes), "all nodes end", LEAVE_PATIENCE_S)
    seconds = time.monotonic() - began
    left = sum("left the ring" in node.text for node in ring.nodes)
    running = sum(process_stats.is_running(pid) for pid in [*_pids(ring), *trainers])
    return [
        Line("all nodes leave at once, in", "s", seconds),
        Line("nodes that say that they have left", "", left, limit=Limit(len(ring.nodes))),
        Line("processes of theirs that go on", "", running, limit=Limit(0, at_least=False)),
    ]


def _idle_calls(counts: list[Path]) -> list[float]:
    """Return the calls per second of each node on an idle ring."""
    before, began = [counted_node.calls(file) for file in counts], time.monotonic()
    time.sleep(IDLE_S)
    seconds = time.monotonic() - began
    return [(counted_node.calls(file) - asked) / seconds for file, asked in zip(counts, before, strict=True)]


def _lookups(ring: Cluster) -> tuple[list[float], float]:
    """Look up random keys from a client. Return the milliseconds, and the hops as a mean."""
    runtime, rng, times, steps = client_runtime(), random.Random(0), [], 0
    entry = entry_of(ring)
    for _ in range(LOOKUPS):
        began = time.perf_counter()
        steps += hops(runtime.run(find_successor(entry.node, rng.getrandbits(entry.ring.bits))))
        times.append(1000 * (time.perf_counter() - began))
    runtime.stop(1.0)
    return times, steps / LOOKUPS


def entry_of(ring: Cluster) -> RingEntry:
    runtime = client_runtime()
    try:
        return runtime.run(find_member(Address(echo_servers.HOST, ring.supernode.port), read(ring.node_list).nodes))
    finally:
        runtime.stop(1.0)


# --- a job


def _data(folder: Path, count: int) -> Path:
    """Write small files, at least one for each node, and one for validation."""
    contents, files = small_files(count)
    folder.mkdir(parents=True)
    for file in files:
        (folder / (VALIDATION if file is files[-1] else file.name)).write_bytes(contents[file.digest])
    return folder


def _job(ring: Cluster, data: Path, rounds: int) -> Job:
    """Run one job. Raises Stuck."""
    client = ring.start_client(
        "train", str(data), VALIDATION, "--rounds", str(rounds), "--placement", "round-robin", "--json"
    )
    code = client.wait(JOB_PATIENCE_S)
    if code:
        raise Stuck(f"the job's client ended with {code}: {client.text[-60:]}")
    return Job(0.0, (), json.loads(client.out.read_text()))


def _pids(ring: Cluster) -> list[int]:
    return [node.pid for node in ring.nodes]


def _trainers(ring: Cluster) -> list[int]:
    return [pid for node in ring.nodes for pid in trainers_of(node)]


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
        Line("trainers then", "", len(_trainers(ring)), limit=Limit(0, at_least=False)),
    ]


def _is_without_trainers(nodes: list[ManagedProcess]) -> Callable[[], bool]:
    return lambda: not any(trainers_of(node) for node in nodes)
