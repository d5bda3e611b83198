"""Runs a ring in which nodes keep dying: nothing may be lost, nothing may grow, the ring must recover in time.

    python -m chaos soak [--nodes 20] [--minutes 10] [--every 10] [--keys 400] [--seed 1] [--json] [--out FILE]

Every few seconds a node is killed (kill -9) and restarted some seconds later: half of the nodes with a state
directory, the others empty. The supernode and a few nodes are spared; their memory, threads and descriptors must not
rise. A client puts and gets all the time. In the end one more node is killed, and the time is taken until every
predicate of the ring holds again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.kv_workload import KeyValueClient
from roundelay.chord.crawl import crawl_views
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.invariants import check
from roundelay.client.connection import RingEntry
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.process_stats import KINDS, LEVEL, Chart
from roundelay.testing.waiting import POLL_S, Stuck, until

SPARED = 4
SAMPLE_EVERY_S = 2.0
WARM_UP_SHARE = 0.2  # of the time, while memory is allocated for the first time
RECOVERS_WITHIN_S = 5.0
HEADINGS = ["process", *(f"{kind}: now, rise" for kind in KINDS), "flat"]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds from one kill to the next")
    parser.add_argument("--keys", type=int, default=400, help="stored before the first kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write a document as well")
    chosen = parser.parse_args(arguments)
    if chosen.nodes <= SPARED or min(chosen.minutes, chosen.every, chosen.keys) <= 0:
        parser.error(f"--nodes takes more than {SPARED}; --minutes, --every and --keys take more than 0")
    with tempfile.TemporaryDirectory(prefix="roundelay-soak-") as folder:
        found = soak(Path(folder), chosen.nodes, 60.0 * chosen.minutes, chosen.every, chosen.keys, chosen.seed)
    print(json.dumps(found)) if chosen.json else Console().print(table(found))
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(document(found, " ".join(("python -m chaos soak", *arguments))))
    return 0 if found["held"] else 1


def soak(folder: Path, nodes: int, seconds: float, every_s: float, keys: int, seed: int) -> dict[str, Any]:
    """Run the soak, and return its figures."""
    ring = Cluster(folder / "ring")
    try:
        ring.start_supernode()
        for number in range(nodes):
            state = ("--state-dir", str(folder / f"state-{number}")) if number % 2 else ()
            ring.add_node(*state)
        ring.wait_until_converged()
        client = KeyValueClient(ring, seed)
        client.fill(keys)
        client.start()
        churn = Churn(ring, random.Random(seed), seconds, every_s)
        churn.run()
        client.stopping.set()
        client.join()
        recovery_s = recovery_after_a_kill(ring)
        client.read_all()
        client.close()
        return judge(nodes, churn, client, recovery_s, _ended(ring))
    finally:
        ring.stop()


class Churn:
    """Kills and restarts nodes one after the other, and samples the spared processes."""

    def __init__(self, ring: Cluster, rng: random.Random, seconds: float, every_s: float) -> None:
        self.kills = 0
        self.seconds = seconds
        self.charts = {p.name: Chart() for p in (ring.supernode, *ring.nodes[:SPARED])}
        self._ring = ring
        self._rng = rng
        self.every_s = every_s
        self._down: tuple[float, ManagedProcess] | None = None  # the node that is down, and when to restart it

    def run(self) -> None:
        """Return when the time is over and all nodes run."""
        began = time.monotonic()
        next_kill, next_sample = began, began + self.seconds * WARM_UP_SHARE
        while (now := time.monotonic()) < began + self.seconds:
            if self._down is not None and now >= self._down[0]:
                self._restart()
            if now >= next_kill and self._down is None:
                self._kill()
                next_kill = max(next_kill + self.every_s, now)
            if now >= next_sample:
                self._sample()
                next_sample += SAMPLE_EVERY_S
            time.sleep(POLL_S)
        self._restart()
        self._ring.wait_until_converged()

    def _kill(self) -> None:
        victim = self._rng.choice(self._ring.nodes[SPARED:])
        victim.kill()
        self.kills += 1
        self._down = time.monotonic() + self._rng.uniform(0.0, 0.6 * self.every_s), victim
        print(f"kill {self.kills}: {victim.name}", file=sys.stderr, flush=True)

    def _restart(self) -> None:
        if self._down is not None:
            self._ring.restart(self._down[1])
            self._down = None

    def _sample(self) -> None:
        for process in (self._ring.supernode, *self._ring.nodes[:SPARED]):
            self.charts[process.name].note(process.pid)


def recovery_after_a_kill(ring: Cluster) -> float:
    """Kill a node; return the seconds until every predicate holds for the other nodes. Raises Stuck."""
    ring.nodes[-1].kill()
    began = time.monotonic()
    until(lambda: is_ideal(ring), "every predicate holds after the last kill")
    return time.monotonic() - began


def is_ideal(ring: Cluster) -> bool:
    """Return True if all running nodes are members, and every predicate of the ring holds."""

    def holds(entry: RingEntry) -> Procedure[bool]:
        views = yield from crawl_views((entry.node,))
        complete = len(views) == sum(node.is_running for node in ring.nodes)
        return complete and all(finding.holds for finding in check(views, entry.ring.successors))

    try:
        return ring.ask(holds)
    except ChordError:
        return False


def judge(nodes: int, churn: Churn, client: KeyValueClient, recovery_s: float, ended: list[str]) -> dict[str, Any]:
    """Return the figures, and whether all promises were kept."""
    found = {
        "suite": "soak",
        "nodes": nodes,
        "seconds": churn.seconds,
        "every_s": churn.every_s,
        "kills": churn.kills,
        **asdict(client.counts),
        "recovery_s": round(recovery_s, 2),
        "ended": ended,
        "latest": {name: asdict(chart.latest()) for name, chart in churn.charts.items()},
        "rise": {name: asdict(chart.rises()) for name, chart in churn.charts.items()},
        "slope_an_hour": {name: asdict(chart.slopes()) for name, chart in churn.charts.items()},
        "flat": {name: chart.is_flat() for name, chart in churn.charts.items()},
    }
    return found | {"held": all(holds for _, _, holds in verdicts(found))}


def table(found: dict[str, Any]) -> Table:
    """Return one row for each spared process."""
    made = Table(title=summary(found), title_justify="left")
    for heading in HEADINGS:
        made.add_column(heading)
    for row in rows(found):
        made.add_row(*row)
    return made


def document(found: dict[str, Any], command: str) -> str:
    """Return the figures as Markdown."""
    lines = [
        "# A ring in which nodes keep dying",
        "",
        f"Written by `{command}` on {time.strftime('%Y-%m-%d')}; do not edit. {found['nodes']} real nodes on loopback "
        f"for {found['seconds'] / 60:g} minutes, on {os.cpu_count()} cores shared with others: every "
        f"{found['every_s']:g} s one is killed with -9 and restarted some seconds later: half of them with a state "
        "directory, the others empty. A client puts and gets all the time. The supernode and "
        f"{SPARED} nodes are never killed: their use of resources must not rise.",
        "",
        f"{summary(found)}.",
        "",
        "| must hold | found | holds |",
        "| --- | --- | --- |",
        *(f"| {what} | {value} | {'yes' if holds else '**no**'} |" for what, value, holds in verdicts(found)),
        "",
        f"Resident memory, threads and descriptors, sampled every {SAMPLE_EVERY_S:g} s after the first "
        f"{WARM_UP_SHARE:.0%} of the time. *Rise* is from the mean of the first third of the samples to that of the "
        f"last; flat is a rise below {', '.join(f'{LEVEL[kind]:g} {kind}' for kind in KINDS)}.",
        "",
        *("| " + " | ".join(row) + " |" for row in (HEADINGS, ["---"] * len(HEADINGS), *rows(found))),
    ]
    return "\n".join([*lines, ""])


def verdicts(found: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return each promise, what was found, and whether it was kept."""
    flat = sum(found["flat"].values())
    return [
        ("no acknowledged key is lost", f"{len(found['lost'])} of {found['acknowledged']} lost", not found["lost"]),
        (
            f"every predicate holds {RECOVERS_WITHIN_S:g} s after the last kill",
            f"after {found['recovery_s']} s",
            found["recovery_s"] <= RECOVERS_WITHIN_S,
        ),
        (
            "memory, threads and descriptors are flat",
            f"in {flat} of {len(found['flat'])} processes",
            flat == len(found["flat"]),
        ),
        ("no node ended by itself", f"{len(found['ended'])} did", not found["ended"]),
    ]


def summary(found: dict[str, Any]) -> str:
    return (
        f"{found['nodes']} nodes for {found['seconds']:g} s, {found['kills']} kills; {found['acknowledged']} puts "
        f"acknowledged, {found['refused']} refused, {found['read']} gets answered, {found['waited']} of them after "
        f"retries, {len(found['lost'])} keys lost; recovered {found['recovery_s']} s after the last kill"
    )


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the figures of each spared process, by HEADINGS."""
    return [
        [
            name,
            *(f"{found['latest'][name][kind]:.0f}, {found['rise'][name][kind]:+.1f}" for kind in KINDS),
            "yes" if flat else "NO",
        ]
        for name, flat in found["flat"].items()
    ]


def _ended(ring: Cluster) -> list[str]:
    """Return the nodes that should run and do not; the last was killed on purpose."""
    return [node.name for node in ring.nodes[:-1] if not node.is_running]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stuck as error:
        sys.exit(str(error))
