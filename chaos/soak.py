"""A ring for a while, in which nodes keep dying: is anything lost, does anything grow, is it whole again soon?

    python -m chaos soak [--nodes 20] [--minutes 10] [--every 10] [--keys 400] [--seed 1] [--json] [--out FILE]

Every few seconds a node is killed (kill -9) and started again some seconds later, one half of them
with the state they had on their disks, the other with nothing. A few nodes and the supernode are
spared: their memory, threads and descriptors must not rise. A customer puts and gets all the time.
In the end one more node dies, and the time is taken until every predicate of the ring holds again.
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

from chaos.kv_workload import Keys
from roundelay.chord.crawl import crawl_views
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError
from roundelay.chord.invariants import check
from roundelay.cli.entry import RingEntry
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster
from roundelay.testing.process_stats import KINDS, LEVEL, Chart
from roundelay.testing.waiting import POLL_S, Stuck, until

SPARED = 4
SAMPLE_EVERY_S = 2.0
WARM_UP_SHARE = 0.2  # of the time: until then memory is still being taken for the first time
WHOLE_WITHIN_S = 5.0
HEADINGS = ["process", *(f"{kind}: now, rise" for kind in KINDS), "flat"]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m chaos soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds from one kill to the next")
    parser.add_argument("--keys", type=int, default=400, help="stored before the first kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it down there as a document too")
    chosen = parser.parse_args(arguments)
    if chosen.nodes <= SPARED or min(chosen.minutes, chosen.every, chosen.keys) <= 0:
        parser.error(f"more than {SPARED} nodes, and numbers above 0, please")
    with tempfile.TemporaryDirectory(prefix="roundelay-soak-") as folder:
        found = soak(Path(folder), chosen.nodes, 60.0 * chosen.minutes, chosen.every, chosen.keys, chosen.seed)
    print(json.dumps(found)) if chosen.json else Console().print(table(found))
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(document(found, " ".join(("python -m chaos soak", *arguments))))
    return 0 if found["held"] else 1


def soak(folder: Path, nodes: int, seconds: float, every_s: float, keys: int, seed: int) -> dict[str, Any]:
    """Let it run, and say what came of it."""
    ring = Cluster(folder / "ring")
    try:
        ring.start_supernode()
        for number in range(nodes):
            state = ("--state-dir", str(folder / f"state-{number}")) if number % 2 else ()
            ring.add_node(*state)
        ring.wait_until_converged()
        customer = Keys(ring, seed)
        customer.fill(keys)
        customer.start()
        trouble = Trouble(ring, random.Random(seed), seconds, every_s)
        trouble.make()
        customer.stopping.set()
        customer.join()
        whole_s = whole_after_a_kill(ring)
        customer.read_all()
        customer.close()
        return judge(nodes, trouble, customer, whole_s, _ended(ring))
    finally:
        ring.stop()


class Trouble:
    """Kills and restarts, one after the other, while the spared are watched."""

    def __init__(self, ring: Cluster, rng: random.Random, seconds: float, every_s: float) -> None:
        self.kills = 0
        self.seconds = seconds
        self.charts = {p.name: Chart() for p in (ring.supernode, *ring.nodes[:SPARED])}
        self._ring = ring
        self._rng = rng
        self.every_s = every_s
        self._down: tuple[float, ManagedProcess] | None = None  # when to start whom again

    def make(self) -> None:
        """Returns when the time is over and everybody is up."""
        began = time.monotonic()
        next_kill, next_sample = began, began + self.seconds * WARM_UP_SHARE
        while (now := time.monotonic()) < began + self.seconds:
            if self._down is not None and now >= self._down[0]:
                self._start_again()
            if now >= next_kill and self._down is None:
                self._kill()
                next_kill = max(next_kill + self.every_s, now)
            if now >= next_sample:
                self._sample()
                next_sample += SAMPLE_EVERY_S
            time.sleep(POLL_S)
        self._start_again()
        self._ring.wait_until_converged()

    def _kill(self) -> None:
        victim = self._rng.choice(self._ring.nodes[SPARED:])
        victim.kill()
        self.kills += 1
        self._down = time.monotonic() + self._rng.uniform(0.0, 0.6 * self.every_s), victim
        print(f"kill {self.kills}: {victim.name}", file=sys.stderr, flush=True)

    def _start_again(self) -> None:
        if self._down is not None:
            self._ring.restart(self._down[1])
            self._down = None

    def _sample(self) -> None:
        for process in (self._ring.supernode, *self._ring.nodes[:SPARED]):
            self.charts[process.name].note(process.pid)


def whole_after_a_kill(ring: Cluster) -> float:
    """Seconds from the last death until the survivors are one ring in which every predicate holds. Raises Stuck."""
    ring.nodes[-1].kill()
    began = time.monotonic()
    until(lambda: ring_is_whole(ring), "a whole ring after the last death")
    return time.monotonic() - began


def ring_is_whole(ring: Cluster) -> bool:
    """Do all that run believe what they should?"""

    def look(entry: RingEntry) -> Procedure[bool]:
        seen = yield from crawl_views((entry.node,))
        all_there = len(seen) == sum(node.is_running for node in ring.nodes)
        return all_there and all(finding.holds for finding in check(seen, entry.ring.successors))

    try:
        return ring.ask(look)
    except ChordError:
        return False


def judge(nodes: int, trouble: Trouble, customer: Keys, whole_s: float, ended: list[str]) -> dict[str, Any]:
    """The figures, and whether they are as they should be."""
    found = {
        "suite": "soak",
        "nodes": nodes,
        "seconds": trouble.seconds,
        "every_s": trouble.every_s,
        "kills": trouble.kills,
        **asdict(customer.counts),
        "whole_s": round(whole_s, 2),
        "ended": ended,
        "latest": {name: asdict(chart.latest()) for name, chart in trouble.charts.items()},
        "rise": {name: asdict(chart.rises()) for name, chart in trouble.charts.items()},
        "slope_an_hour": {name: asdict(chart.slopes()) for name, chart in trouble.charts.items()},
        "flat": {name: chart.is_flat() for name, chart in trouble.charts.items()},
    }
    return found | {"held": all(holds for _, _, holds in verdicts(found))}


def table(found: dict[str, Any]) -> Table:
    """One row for each process that was spared."""
    made = Table(title=summary(found), title_justify="left")
    for heading in HEADINGS:
        made.add_column(heading)
    for row in rows(found):
        made.add_row(*row)
    return made


def document(found: dict[str, Any], command: str) -> str:
    """The same for a reader who was not there."""
    lines = [
        "# A ring in which nodes keep dying",
        "",
        f"Written by `{command}` on {time.strftime('%Y-%m-%d')}; do not edit. {found['nodes']} real nodes on loopback "
        f"for {found['seconds'] / 60:g} minutes, on {os.cpu_count()} cores shared with others: every "
        f"{found['every_s']:g} s one is killed with -9 and started again some seconds later, one half of them with "
        "the state on their disks, the other with nothing. A customer puts and gets all the time. The supernode and "
        f"{SPARED} nodes are never killed: what they take must not rise.",
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
    """Each promise, what became of it, and whether that will do."""
    flat = sum(found["flat"].values())
    return [
        ("no acknowledged key is lost", f"{len(found['lost'])} of {found['acknowledged']} lost", not found["lost"]),
        (
            f"every predicate holds {WHOLE_WITHIN_S:g} s after the last death",
            f"after {found['whole_s']} s",
            found["whole_s"] <= WHOLE_WITHIN_S,
        ),
        (
            "memory, threads and descriptors are flat",
            f"in {flat} of {len(found['flat'])} processes",
            flat == len(found["flat"]),
        ),
        ("nobody has ended by itself", f"{len(found['ended'])} have", not found["ended"]),
    ]


def summary(found: dict[str, Any]) -> str:
    return (
        f"{found['nodes']} nodes for {found['seconds']:g} s, {found['kills']} kills; {found['acknowledged']} puts "
        f"acknowledged, {found['refused']} refused, {found['read']} gets answered, {found['waited']} of them not "
        f"at once, {len(found['lost'])} keys lost; whole {found['whole_s']} s after the last death"
    )


def rows(found: dict[str, Any]) -> list[list[str]]:
    """What each process that was spared takes, by HEADINGS."""
    return [
        [
            name,
            *(f"{found['latest'][name][kind]:.0f}, {found['rise'][name][kind]:+.1f}" for kind in KINDS),
            "yes" if flat else "NO",
        ]
        for name, flat in found["flat"].items()
    ]


def _ended(ring: Cluster) -> list[str]:
    """Nodes that should run and do not; the last was killed on purpose."""
    return [node.name for node in ring.nodes[:-1] if not node.is_running]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stuck as error:
        sys.exit(str(error))
