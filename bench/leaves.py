"""Leaves: 64 sites that only dial out, on two nodes, beside 64 ordinary nodes that train the same files.

Both train the letters as 64 files, one for each trainer in turn, so that the two jobs differ only in how orders and
results travel. The overhead of a round is its wall-clock time minus that of the slowest trainer.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.figures import Limit, Line, Table
from bench.machine import ROOT
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.process_stats import take
from roundelay.testing.waiting import until

ABOUT = "Leaves: sites that only dial out"
TRAINERS, PUBLIC, ROUNDS = 64, 2, 10
TIMEOUT_S = 500.0
LETTERS = ROOT / "letters"


def main(arguments: Sequence[str]) -> int:
    return report.main("leaves", ABOUT, measure, arguments)


@dataclass(frozen=True)
class Job:
    """One run of the client. mib: resident memory of a public node, at the end."""

    printed: dict[str, Any]
    mib: float

    @property
    def model(self) -> str:
        return str(self.printed["model_sha256"])

    @property
    def overhead_ms(self) -> float:
        """The median overhead of a round, without the first, in which trainers start."""
        return float(median(1000 * (r["seconds"] - r["slowest_node_seconds"]) for r in self.printed["history"][1:]))

    @property
    def round_s(self) -> float:
        return float(median(r["seconds"] for r in self.printed["history"][1:]))


def measure() -> list[Table]:
    with tempfile.TemporaryDirectory(prefix="roundelay-bench-") as name:
        folder = Path(name)
        data = divide(folder / "letters")
        leaves = on_leaves(folder / "leaves", data)
        killed = on_leaves(folder / "killed", data, kill=True)
        nodes = on_nodes(folder / "nodes", data)
    same = sum(job.model == nodes.model for job in (leaves, killed))
    lines = (
        Line("overhead of a round, 64 leaves on 2 nodes", "ms", leaves.overhead_ms),
        Line("overhead of a round, 64 ordinary nodes", "ms", nodes.overhead_ms),
        Line("a round, 64 leaves on 2 nodes", "s", leaves.round_s),
        Line("a round, 64 ordinary nodes", "s", nodes.round_s),
        Line("a round, when a node is killed in the third round", "s", killed.round_s),
        Line("rounds that 64 leaves finished", "rounds", len(leaves.printed["history"]), limit=Limit(ROUNDS)),
        Line("rounds, one of the two nodes killed", "rounds", len(killed.printed["history"]), limit=Limit(ROUNDS)),
        Line("of these two jobs, those with the model of the ordinary nodes", "jobs", same, limit=Limit(2)),
        Line("memory of a node with 64 leaves", "MiB", leaves.mib),
        Line("memory of an ordinary node", "MiB", nodes.mib),
    )
    notes = (
        f"{ROUNDS} rounds of the shipped letters as {TRAINERS} files, --placement round-robin, default settings; "
        f"medians of rounds 2 to {ROUNDS}. All processes share the cores, so a trainer takes as long as 64 at once.",
        f"Model of the ordinary nodes: {nodes.model}.",
    )
    return [Table(f"{TRAINERS} leaves on {PUBLIC} public nodes, and {TRAINERS} ordinary nodes", lines, notes)]


def divide(folder: Path) -> Path:
    """Write the rows of the shipped letters as one file for each trainer, and the validation file beside them."""
    folder.mkdir(parents=True)
    sources = sorted(path for path in LETTERS.iterdir() if path.is_file() and not path.suffix)
    rows = [row for source in sources for row in source.read_text().splitlines()]
    for number in range(TRAINERS):
        (folder / f"part-{number:02}").write_text("\n".join(rows[number::TRAINERS]) + "\n")
    (folder / "validate_letters.txt").write_bytes((LETTERS / "validate_letters.txt").read_bytes())
    return folder


def on_leaves(folder: Path, data: Path, kill: bool = False) -> Job:
    """Run the job on leaves; if `kill`, one of the two nodes is killed in the third round."""
    ring = Cluster(folder)
    try:
        ring.form(PUBLIC)
        for number in range(TRAINERS):
            ring.add_leaf(str(1024 + number))
        until(lambda: _attached(ring) == [TRAINERS] * PUBLIC, "all leaves attached to both nodes", TIMEOUT_S)
        client = _start(ring, data)
        if kill:
            until(lambda: "round 2 of" in client.text or not client.is_running, "the third round", TIMEOUT_S)
            ring.nodes[0].kill()
        return _end(client, ring.nodes[-1])
    finally:
        ring.stop()


def on_nodes(folder: Path, data: Path) -> Job:
    ring = Cluster(folder)
    try:
        ring.form(TRAINERS)
        return _end(_start(ring, data), ring.nodes[-1])
    finally:
        ring.stop()


def _attached(ring: Cluster) -> list[int]:
    return [len(status.leaves) for status in ring.statuses()]


def _start(ring: Cluster, data: Path) -> ManagedProcess:
    job = (str(data), "validate_letters.txt", "--rounds", str(ROUNDS), "--placement", "round-robin", "--json")
    return ring.start_client("train", *job)


def _end(client: ManagedProcess, node: ManagedProcess) -> Job:
    if client.wait(TIMEOUT_S) != 0:
        raise RuntimeError(client.text)
    return Job(json.loads(client.out.read_text()), take(node.pid).memory_kib / 1024)
