"""What the dashboard costs: processor time, memory and bytes sent, with a page open on rings of several sizes.

    python -m bench page [--sizes 1 4 64] [--seconds 60] [--training-seconds 240] [--json] [--out FILE]

Each ring is measured while it is idle and while it trains, with the page on the view that changes most. The
dashboard's process is measured from outside (/proc); the nodes and the browser are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine import ROOT, short_sentence
from bench.report import markdown_table
from roundelay.node.parent import ready_address

SIZES = (1, 4, 64)
SETTLE_S = 10.0
BUDGET_CORES = 0.25
ROUNDS = 1700  # more than it can finish
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COUNT = (
    "() => { window.seen = 0; const apply = roundelay.apply; roundelay.apply = (n, c) => { "
    "window.seen += JSON.stringify(c).length; apply(n, c) } }"
)
DONE = "() => Number(document.querySelector('.jobhead + progress')?.value ?? 0)"
HEADINGS = (
    "nodes",
    "ring",
    "seconds",
    "rounds",
    "cores, first and second half",
    "MB, then",
    "bytes sent a second",
    "elements, then",
)


@dataclass(frozen=True)
class Reading:
    """All figures at one moment."""

    at_s: float
    cpu_s: float
    memory_mb: float  # resident
    sent_bytes: int
    elements: int  # of the page
    rounds: int


@dataclass(frozen=True)
class Cost:
    """One dashboard with one page open: readings at the beginning, in the middle and at the end."""

    nodes: int
    training: bool
    readings: tuple[Reading, Reading, Reading]

    @property
    def seconds(self) -> float:
        return self.readings[2].at_s - self.readings[0].at_s

    @property
    def cores(self) -> tuple[float, float]:
        """Processor seconds per second, in both halves."""
        begin, middle, end = self.readings
        return share(begin, middle), share(middle, end)

    @property
    def cells(self) -> tuple[object, ...]:
        begin, _, end = self.readings
        sent = (end.sent_bytes - begin.sent_bytes) / self.seconds
        return (
            self.nodes,
            "trains" if self.training else "idle",
            f"{self.seconds:.0f}",
            end.rounds - begin.rounds,
            "{:.3f}, {:.3f}".format(*self.cores),
            f"{begin.memory_mb:.1f}, {end.memory_mb:.1f}",
            f"{sent:.0f}",
            f"{begin.elements}, {end.elements}",
        )


def share(begin: Reading, end: Reading) -> float:
    return (end.cpu_s - begin.cpu_s) / (end.at_s - begin.at_s)


def main(arguments: Sequence[str]) -> int:
    made = argparse.ArgumentParser(prog="python -m bench page", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    made.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="nodes (default: 1 4 64)")
    made.add_argument("--seconds", type=float, default=60.0, help="per idle ring (default: %(default)s)")
    made.add_argument("--training-seconds", type=float, default=240.0, help="per training ring (default: %(default)s)")
    made.add_argument("--out", type=Path, metavar="FILE", help="write a document as well")
    chosen = made.parse_args(arguments)
    costs = []
    for nodes in chosen.sizes:
        for cost in measure(nodes, chosen.seconds, chosen.training_seconds):
            print(*cost.cells, sep="  ", file=sys.stderr, flush=True)
            costs.append(cost)
    lines = markdown_table(HEADINGS, [cost.cells for cost in costs])
    print(json.dumps({"page": [asdict(cost) for cost in costs]}) if chosen.json else "\n".join(lines))
    if chosen.out is not None:
        chosen.out.write_text(document(costs, lines, " ".join(("python -m bench page", *arguments))))
    return 0


def measure(nodes: int, seconds: float, training_seconds: float) -> Iterator[Cost]:
    """Measure an idle ring, and the same ring while it trains."""
    with dashboard(nodes) as (process, address), open_page(address) as page:
        page.wait_for_function("n => document.querySelectorAll('.ring .node').length === n", arg=nodes)
        page.evaluate(COUNT)
        yield Cost(nodes, False, watch(page, process, seconds))
        launch(page)
        yield Cost(nodes, True, watch(page, process, training_seconds))


def watch(page: Any, process: int, seconds: float) -> tuple[Reading, Reading, Reading]:
    time.sleep(SETTLE_S)
    begin = read(page, process)
    time.sleep(seconds / 2)
    middle = read(page, process)
    time.sleep(seconds / 2)
    return begin, middle, read(page, process)


def launch(page: Any) -> None:
    """Launch an endless job on the shipped letters; return when the first round is done."""
    page.get_by_role("tab", name="Training").click()
    page.get_by_label("rounds", exact=True).fill(str(ROUNDS))
    page.get_by_role("button", name="Launch training").click()
    page.wait_for_function(f"() => ({DONE})() >= 1")


def read(page: Any, process: int) -> Reading:
    return Reading(
        time.monotonic(),
        _cpu_s(process),
        _resident_mb(process),
        int(page.evaluate("seen")),
        int(page.evaluate("document.querySelectorAll('*').length")),
        int(page.evaluate(DONE)),
    )


def document(costs: Sequence[Cost], lines: Sequence[str], command: str) -> str:
    """Return docs/results/page.md."""
    most = max(max(cost.cores) for cost in costs)
    verdict = "under" if most < BUDGET_CORES else "NOT under"
    grown = max(cost.readings[2].memory_mb - cost.readings[1].memory_mb for cost in costs)
    return f"""# What the dashboard costs

Written by `{command}`
on {time.strftime("%Y-%m-%d")}; do not edit. {short_sentence()};
load {os.getloadavg()[0]:.1f} when it ended.
A page is open in headless Chromium, on the nodes of an idle ring or on the job of a ring that trains the letters.
The dashboard's process is measured from outside; the nodes and the browser are not counted, and share the cores.

{chr(10).join(lines)}

The most expensive half of a run took {most:.3f} of a core: {verdict} a quarter. In the second half memory rose by
{grown:.1f} MB at most. Up to 16 nodes are polled every 0.4 s, more every second; only changes are sent to the page.
"""


@contextmanager
def dashboard(nodes: int) -> Iterator[tuple[int, str]]:
    """Start a dashboard; yield its process id and its address."""
    command = [sys.executable, "-m", "roundelay", "dashboard", "--lab", str(nodes), "--port", "0", "--end-with-parent"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            address = next(filter(None, map(ready_address, child.stdout)), None)
            if not address:
                raise SystemExit(f"a dashboard with {nodes} nodes did not start")
            yield child.pid, address
        finally:
            child.stdin.close()


@contextmanager
def open_page(address: str) -> Iterator[Any]:
    """Open the page in a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = chromium.new_page()
        page.set_default_timeout(600_000)  # rings of many nodes on few cores
        page.goto(address)
        yield page
        chromium.close()


def _cpu_s(process: int) -> float:
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
