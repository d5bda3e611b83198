"""What aggregation costs the driver: star and tree on 4, 16 and 64 real nodes, and on 1,000 simulated ones.

    python -m bench topologies [--nodes 4,16,64] [--simulated 1000] [--json]

Every node trains one file or more in every round. The driver is this process, and counts each byte that it sends and
receives: orders, weights, sums, its ring crawl, and the records of the round. Writes docs/results/topologies.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

from bench.machine import short_sentence
from bench.report import markdown_table, write
from bench.simulated import simulate
from roundelay.client.connection import client_runtime, find_members
from roundelay.federation.driver import Driver
from roundelay.federation.effects import Clocks
from roundelay.federation.errors import JobEnded
from roundelay.federation.records import RoundReport, RoundResult
from roundelay.federation.requests import TrainingFile
from roundelay.federation.settings import Settings
from roundelay.federation.spec import JobSpec
from roundelay.federation.upload import store_and_publish
from roundelay.node.subprocesses import ROOT
from roundelay.rpc.transport import FramedSocket
from roundelay.store.blobs import digest_of
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import Stuck

TOPOLOGIES = ("star", "tree")  # gossip makes no common model: see bench gossip
NODES, SIMULATED = (4, 16, 64), 1000
ROUNDS, ROWS, HIDDEN = 4, 24, 256
FEATURES, CLASSES = 16, 26
CLOCKS = Clocks(time.monotonic, time.time_ns)
FLAT = 1.5  # limit of the growth of the tree's traffic at the driver, from the smallest ring to the largest
FILES = max(NODES)
ATTEMPTS_MAX = 5


@dataclass(frozen=True)
class Row:
    """One job on one ring."""

    nodes: int
    topology: str
    simulated: bool
    driver_bytes: int  # a round
    driver_orders: int  # a round
    passed_on: int  # orders from node to node, a round
    depth: int
    seconds: float  # a round
    model_sha256: str


class Traffic:
    """Bytes through this process's sockets."""

    def __init__(self) -> None:
        self.bytes = 0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench topologies", description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", default=",".join(map(str, NODES)))
    parser.add_argument("--simulated", type=int, default=SIMULATED)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    sizes = sorted(int(part) for part in chosen.nodes.split(","))
    began = time.monotonic()
    rows = [*real(sizes), *(simulated(chosen.simulated, topology) for topology in TOPOLOGIES)]
    found = {
        "bench": "topologies",
        "seconds": round(time.monotonic() - began, 1),
        "rows": [asdict(r) for r in rows],
        "held": held(rows),
    }
    text = document(rows)
    write("topologies.md", text)
    print(json.dumps(found) if chosen.json else text)
    return 0 if all(held(rows).values()) else 1


def simulated(count: int, topology: str) -> Row:
    """Run one job in the simulator."""
    found = simulate(count, topology)
    return Row(**{field.name: found[field.name] for field in fields(Row)})


def held(rows: Sequence[Row]) -> dict[str, bool]:
    """Return what the table must show, and whether it does."""
    trees = [r for r in rows if r.topology == "tree"]
    measured = [r.driver_bytes for r in trees if not r.simulated]
    return {
        "one_hash": all(len({r.model_sha256 for r in rows if r.simulated == s}) == 1 for s in (True, False)),
        "flat_driver_traffic": max(measured) <= FLAT * min(measured),
        "n_minus_1_messages": all(r.passed_on == r.nodes - 1 for r in trees),
    }


def real(sizes: Sequence[int]) -> Iterator[Row]:
    """Grow one ring, and run a job of each topology at every size."""
    contents, files = small_files()
    with tempfile.TemporaryDirectory(prefix="roundelay-topologies-") as folder:
        ring = Cluster(Path(folder))
        try:
            ring.start_supernode()
            for size in sizes:
                for _ in range(size - len(ring.nodes)):
                    ring.add_node()
                ring.wait_until_converged()
                for topology in TOPOLOGIES:
                    yield _run_by_ourselves(ring, size, topology, contents, files)
        finally:
            ring.stop()


def _run_by_ourselves(
    ring: Cluster, size: int, topology: str, contents: dict[str, bytes], files: tuple[TrainingFile, ...]
) -> Row:
    """Run a job as its driver. If a node takes it over because this machine stalls, measure another."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            row = _run(ring, size, topology, contents, files)
        except JobEnded as error:
            print(f"{size} nodes, {topology}, attempt {attempt}: {error}", file=sys.stderr, flush=True)
        else:
            print(row, file=sys.stderr, flush=True)
            return row
    raise Stuck(f"{size} nodes, {topology}: {ATTEMPTS_MAX} jobs were taken over")


def _run(ring: Cluster, size: int, topology: str, contents: dict[str, bytes], files: tuple[TrainingFile, ...]) -> Row:
    settings = Settings(rounds=ROUNDS, epochs=1, hidden=(HIDDEN,), eta=0.1, placement="round-robin", topology=topology)
    spec = JobSpec(settings, files[:-1], files[-1], FEATURES, CLASSES, nonce=f"{topology} {time.time_ns()}")
    reported: list[tuple[int, RoundReport]] = []
    runtime = client_runtime()
    with counted() as traffic:

        def tell(result: RoundResult, report: RoundReport) -> None:
            reported.append((traffic.bytes, report))

        ring.ask(lambda entry: store_and_publish(entry.node, entry.ring, spec, contents, time.time_ns()))
        entry, members = ring.ask(find_members)
        driver = Driver(spec, entry.ring, entry.node, "bench", CLOCKS, tell, members=members)
        runtime.start("beat", driver.heartbeat(), lambda error: None)
        try:
            runtime.run(driver.drive())
        finally:
            runtime.stop(1.0)
    between = [later[0] - earlier[0] for earlier, later in pairwise(reported)]
    last = reported[-1][1]
    asked = len(set(last.placement.values())) if topology == "star" else 1
    return Row(
        size,
        topology,
        False,
        round(mean(between)),
        asked,
        last.passed_on,
        max(0, len(last.tiers) - 1),
        round(median(report.seconds for _, report in reported), 3),
        digest_of(driver.weights),
    )


def small_files(count: int = FILES) -> tuple[dict[str, bytes], tuple[TrainingFile, ...]]:
    """Make `count` files of a few rows each, and one for validation."""
    lines = [
        line
        for path in sorted((ROOT / "letters").iterdir())
        if path.is_file() and not path.suffix
        for line in path.read_bytes().split()
    ]
    contents, files = {}, []
    for index in range(count + 1):
        content = b"\n".join(lines[index * ROWS : (index + 1) * ROWS]) + b"\n"
        digest = digest_of(content)
        contents[digest] = content
        files.append(TrainingFile(index, f"part-{index:03d}", digest, len(content), ROWS))
    return contents, tuple(files)


@contextmanager
def counted() -> Iterator[Traffic]:
    """Count every byte that this process's connections carry, for the length of the block."""
    traffic, plain = Traffic(), FramedSocket._in_time

    def counting(self: FramedSocket, way: int, transfer: Any, argument: Any) -> Any:
        done = plain(self, way, transfer, argument)
        traffic.bytes += done if isinstance(done, int) else len(done)
        return done

    FramedSocket._in_time = counting  # type: ignore[method-assign]
    try:
        yield traffic
    finally:
        FramedSocket._in_time = plain  # type: ignore[method-assign]


def document(rows: Sequence[Row]) -> str:
    good = held(rows)
    lines = [
        "# Topologies: star and tree",
        "",
        f"`python -m bench topologies`, {short_sentence()}. Real nodes: {FILES} files of {ROWS} rows, layers "
        f"16-{HIDDEN}-26, {ROUNDS} rounds, placed round-robin so that every node works in every round. Bytes are "
        "all that the driver sends and receives in a round: orders, weights, sums, its ring crawl, and the records "
        "of the round. Simulated nodes: one small file each, bytes as encoded for the wire, virtual seconds.",
        "",
        *markdown_table(
            (
                "nodes",
                "topology",
                "bytes at the driver",
                "orders from the driver",
                "orders from node to node",
                "levels below the top",
                "seconds a round",
            ),
            [
                (
                    f"{r.nodes}{' (simulated)' if r.simulated else ''}",
                    r.topology,
                    f"{r.driver_bytes:,}",
                    r.driver_orders,
                    r.passed_on,
                    r.depth,
                    r.seconds,
                )
                for r in rows
            ],
        ),
        "",
        *(f"- {what.replace('_', ' ')}: {'yes' if holds else '**no**'}" for what, holds in good.items()),
        "",
    ]
    return "\n".join(lines)
