"""Rings of 4, 16, 64 and 256 real nodes: forming, memory, idle calls, lookups, a short job, and leaving.

Every node is a process, and so is every trainer. With hundreds of them on two cores, the figures contain the time that
processes wait for a core. Beside them is what the simulator predicts for a ring of that size.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median

from bench import counted_node, ring_figures
from bench.figures import Limit, Line, Table
from bench.scale_predicted import Prediction, predict
from roundelay.testing.cluster import Cluster
from roundelay.testing.waiting import Stuck

SMALL = (4, 16, 64)  # that are calm at the same time
LARGE = (256,)
OBSERVED = 4  # the ring whose trainers are waited for until they have ended
FORM_PATIENCE_S = 180.0
CALM_S, IDLE_S = 40.0, 10.0  # until checks are as rare as on a ring that does not change
LOOKUPS = 300
FILES, ROUNDS = 64, 6
MANY, ROUNDS_OF_MANY = 128, 3  # nodes, of which each has a file; more rounds take too long
IDLE_LIMIT = 8.0
PREDICTED = "The simulated ring has no node list: real nodes also probe an address of it now and then."


def measure(folder: Path, sizes: Sequence[int]) -> list[Table]:
    """Measure rings: they form, work and leave one after the other, and are calm and idle at the same time."""
    with ExitStack() as stack:
        rings = [RealRing(folder / str(count), count, stack) for count in sizes]
        for each in rings:
            each.add(each.formed)
        calm_at = time.monotonic() + CALM_S
        predictions = [predict(each.count, CALM_S, IDLE_S, LOOKUPS) for each in rings]
        time.sleep(max(0.0, calm_at - time.monotonic()))
        before = [each.usage() for each in rings]
        time.sleep(IDLE_S)
        for each, used, predicted in zip(rings, before, predictions, strict=True):
            each.add(partial(each.idle, used, predicted))
        for each in rings:
            each.add(each.worked)
        for each in reversed(rings):
            each.add(each.ended)
        return [each.table() for each in rings]


@dataclass(frozen=True)
class Usage:
    """What the nodes of a ring have used until now."""

    at_s: float
    processor_s: float
    calls: list[float]  # of each node


class RealRing:
    """One ring, and the lines of its table. A ring that gets stuck has no more lines."""

    def __init__(self, folder: Path, count: int, stack: ExitStack) -> None:
        self.count = count
        self._ring = Cluster(folder / "ring")
        stack.callback(self._ring.stop)
        files, self._rounds = (count, ROUNDS_OF_MANY) if count >= MANY else (FILES, ROUNDS)
        self._data = ring_figures.make_files(folder / "data", files)
        self._counts = [folder / "ring" / f"calls-{number}" for number in range(count)]
        self._lines: list[Line] = []
        self._stuck = False
        self._worked_at = 0.0
        self._note = (
            f"The job: {files} files in turn on all nodes, {self._rounds} rounds, medians of all but the first. Its "
            "client, nodes and trainers share these cores: the more of them, the more is waiting."
        )

    def add(self, measure: Callable[[], Sequence[Line]]) -> None:
        """Add the lines of one phase."""
        if self._stuck:
            return
        try:
            self._lines += measure()
        except Stuck as error:
            self._stuck = True
            self._lines.append(Line(f"stuck: {str(error)[:80]}", "", 1.0, limit=Limit(0, at_least=False)))

    def table(self) -> Table:
        return Table(f"{self.count} real nodes", tuple(self._lines), (self._note, PREDICTED))

    def usage(self) -> Usage:
        calls = [float(counted_node.calls(file)) for file in self._counts]
        return Usage(time.monotonic(), ring_figures.processor_s(self._ring), calls)

    def formed(self) -> list[Line]:
        """Start all nodes. Raises Stuck."""
        began = time.monotonic()
        self._ring.start_supernode()
        for file in self._counts:
            self._ring.add_node(wrapper=[sys.executable, counted_node.__file__, str(file)])
        self._ring.wait_until_converged(FORM_PATIENCE_S)
        seconds = time.monotonic() - began
        return [Line("time to form, from the first command", "s", seconds), *ring_figures.memory(self._ring)]

    def idle(self, before: Usage, predicted: Prediction) -> list[Line]:
        """Return what the nodes have used since `before`, and the cost of lookups."""
        now = self.usage()
        seconds = now.at_s - before.at_s
        calls = [(count - earlier) / seconds for count, earlier in zip(now.calls, before.calls, strict=True)]
        used_ms = 1000 * (now.processor_s - before.processor_s) / seconds / self.count
        times, found = ring_figures.look_up(self._ring, LOOKUPS)
        return [
            ring_figures.beside("idle calls a node and second, mean", mean(calls), predicted.calls),
            Line("idle calls a node and second, most", "", max(calls), limit=Limit(IDLE_LIMIT, at_least=False)),
            Line("processor time of an idle node", "ms/s", used_ms),
            Line("a lookup, p50", "ms", median(times)),
            Line("a lookup, p99", "ms", sorted(times)[len(times) * 99 // 100]),
            ring_figures.beside("hops of a lookup, mean", found, predicted.hops),
        ]

    def worked(self) -> list[Line]:
        """Run one job. Raises Stuck."""
        ring, before, began = self._ring, len(ring_figures.trainer_pids(self._ring)), time.monotonic()
        job = ring_figures.run_job(ring, self._data, self._rounds)
        self._worked_at = time.monotonic()
        trainers = ring_figures.trainer_pids(ring)
        return [
            Line("trainers before the job", "", before, limit=Limit(0, at_least=False)),
            Line("a job, from its command to its end", "s", self._worked_at - began),
            Line("overhead of a round: its wall without the slowest trainer's", "ms", median(job.overheads_ms)),
            Line("a round", "s", job.round_s),
            Line("trainers as it ends", "", len(trainers), limit=Limit(self.count)),
            Line(
                "memory of all nodes and trainers then",
                "GB",
                ring_figures.share_mb([*ring_figures.node_pids(ring), *trainers]) / 1000,
            ),
        ]

    def ended(self) -> list[Line]:
        """Ask all nodes at once to leave. Raises Stuck."""
        idle = ring_figures.wait_for_idle_trainers(self._ring, self._worked_at) if self.count == OBSERVED else []
        return [*idle, *ring_figures.leave(self._ring)]
