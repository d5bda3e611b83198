"""Large models: memory, traffic and time of a round, for models of up to 124 million weights (the size of GPT-2).

Four nodes and their trainers on this machine train an mlp with two wide layers on a few rows, so that what is measured
is how weights and updates move. Traffic comes from the nodes' metrics: the driver's is what the nodes have served
beyond what they have sent to one another. Memory is the peak of a process's resident memory, as multiples of the
weights' own bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.figures import Limit, Line, Table
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, trainers_of
from roundelay.testing.process_stats import peak_bytes
from roundelay.testing.waiting import until

ABOUT = "Large models: memory, traffic and time of a round"
NODES, ROUNDS = 4, 3
FILES, ROWS, FEATURES, CLASSES = 4, 32, 16, 4
WEIGHT_BYTES = 4
TOPOLOGIES = ("star", "tree")
SMALL, LARGE = 4_000_000, 124_000_000  # weights
MEMORY_LIMIT = 3.0  # times the weights' own bytes, of every process
PROCESS_BYTES, JUDGED_FROM = (
    60 << 20,
    4,
)  # a process without any model; a model is judged that is this many times larger
TIMEOUT_S, SAMPLE_S = 1800.0, 0.5
COUNTED = re.compile(r'roundelay_call_bytes_total\{call="[^"]*",direction="(in|out)",side="(\w+)"\} ([\d.e+]+)')


@dataclass(frozen=True)
class Job:
    """One run of the client: what it printed, and what its processes took."""

    weights: int
    topology: str
    printed: dict[str, Any]
    peaks: dict[str, int]  # bytes of resident memory: of the largest process of each kind
    driver_bytes: int  # exchanged by the driver, with start and end
    nodes_bytes: int  # sent from node to node

    @property
    def model(self) -> str:
        return str(self.printed["model_sha256"])

    @property
    def round_s(self) -> float:
        return float(median(r["seconds"] for r in self.printed["history"][1:]))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench large", description=ABOUT)
    parser.add_argument("--weights", type=int, default=LARGE, help="of the large model (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    if find_spec("prometheus_client") is None:
        print("bench large reads the nodes' metrics: python3 -m pip install '.[metrics]'", file=sys.stderr)
        return os.EX_UNAVAILABLE
    return report.run("large", ABOUT, {"large": lambda: measure(chosen.weights)}, chosen.json)


def measure(weights: int) -> list[Table]:
    with tempfile.TemporaryDirectory(prefix="roundelay-large-") as name:
        folder = Path(name)
        data = write_rows(folder / "data")
        jobs = [
            run(folder / f"{topology}-{size}", data, size, topology)
            for size in (SMALL, weights)
            for topology in TOPOLOGIES
        ]
    return [*map(_table, jobs), _agreement(jobs)]


def write_rows(folder: Path) -> Path:
    """Write files of rows in classes that can be told apart, and a validation file."""
    folder.mkdir()
    draw = random.Random(1)
    for number in range(FILES + 1):
        lines = [",".join([f"x{at}" for at in range(FEATURES)] + ["class"])]
        for row in range(ROWS):
            middle = row % CLASSES
            numbers = [f"{draw.gauss(middle if at % CLASSES == middle else 0.0, 1.0):.4f}" for at in range(FEATURES)]
            lines.append(",".join([*numbers, f"c{middle}"]))
        name = "validation.csv" if number == FILES else f"part{number}.csv"
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def hidden_for(weights: int) -> str:
    """Return the sizes of two hidden layers whose model has about this many weights."""
    width = round((weights + (FEATURES / 2) ** 2) ** 0.5 - FEATURES / 2)
    return f"{width},{width}"


def run(folder: Path, data: Path, weights: int, topology: str) -> Job:
    """Run a job on a new ring. Raises Stuck; AssertionError if the client fails."""
    ring = Cluster(folder)
    try:
        ring.start_supernode()
        nodes = [ring.add_node("--metrics-port", "0") for _ in range(NODES)]
        ring.wait_until_converged()
        client = ring.start_client(
            "train",
            *(str(data), "validation.csv", "--label", "class", "--hidden", hidden_for(weights)),
            *("--rounds", str(ROUNDS), "--epochs", "1", "--batch", "32", "--eta", "0.01", "--keep", "last"),
            *("--placement", "round-robin", "--topology", topology, "--json"),
        )
        peaks = dict.fromkeys(("driver", "node", "trainer"), 0)

        def is_over() -> bool:
            is_running = client.is_running
            seen = {"driver": [client.pid], "node": [n.pid for n in nodes], "trainer": _trainers(nodes)}
            for kind, pids in seen.items():
                peaks[kind] = max([peaks[kind], *map(peak_bytes, pids)])
            time.sleep(SAMPLE_S)
            return not is_running

        until(is_over, "the job ends", TIMEOUT_S)
        assert client.wait() == 0, client.err.read_text()[-2000:]
        served, sent = (sum(_moved(node, side) for node in nodes) for side in ("served", "sent"))
        return Job(weights, topology, json.loads(client.out.read_text()), peaks, served - sent, sent)
    finally:
        ring.stop()


def _trainers(nodes: Sequence[ManagedProcess]) -> list[int]:
    return [pid for node in nodes for pid in trainers_of(node)]


def _moved(node: ManagedProcess, side: str) -> int:
    """Return the bytes of the calls that a node has served, or of those that it has sent, in both directions."""
    (address,) = re.findall(r"metrics at (http://\S+)/metrics", node.text)
    with urllib.request.urlopen(f"{address}/metrics") as answer:
        lines = COUNTED.findall(answer.read().decode())
    return sum(int(float(moved)) for _, which, moved in lines if which == side)


def _agreement(jobs: Sequence[Job]) -> Table:
    models = [{job.model for job in jobs if job.weights == weights} for weights in {job.weights for job in jobs}]
    same = sum(len(each) == 1 for each in models)
    return Table(
        "Agreement", (Line("sizes whose model is the same in star and tree", "", same, limit=Limit(len(models))),)
    )


def _table(job: Job) -> Table:
    model_bytes = WEIGHT_BYTES * job.weights
    limit = Limit(MEMORY_LIMIT, at_least=False) if model_bytes > JUDGED_FROM * PROCESS_BYTES else None
    memory = tuple(
        Line(f"peak memory of the {kind} : the weights", "", peak / model_bytes, limit=limit)
        for kind, peak in job.peaks.items()
    )
    return Table(
        f"{job.weights / 1e6:,.0f} million weights, {NODES} nodes, {job.topology}",
        (
            Line("a round", "s", job.round_s),
            *memory,
            Line("driver's traffic a round : the weights", "", job.driver_bytes / ROUNDS / model_bytes),
            Line("traffic between nodes a round : the weights", "", job.nodes_bytes / ROUNDS / model_bytes),
        ),
        (f"Weights: {model_bytes / 1e6:,.0f} MB. {ROUNDS} rounds; traffic with start and end. Model {job.model}.",),
    )
