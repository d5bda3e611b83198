"""What the dashboard costs: processor share, memory and bytes sent, with a page open on rings of several sizes.

The dashboard's process is measured from outside (/proc), the nodes' and the browser's are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1, 4, 64)
SETTLE_S = 15.0
ADDRESS = "dashboard at "
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")
COUNT = "() => { window.seen = 0; const apply = roundelay.apply; roundelay.apply = (n, c) => { " \
        "window.seen += JSON.stringify(c).length; apply(n, c) } }"


@dataclass(frozen=True)
class Cost:
    """Of one dashboard with one page open."""

    nodes: int
    seconds: float
    cores: float  # processor seconds a second
    first_mb: float  # resident, after the page has settled
    last_mb: float
    sent_bytes_a_second: float
    elements: int  # of the page, at the end
    elements_before: int


def main(arguments: list[str]) -> int:
    made = argparse.ArgumentParser(prog="python -m bench page", description=__doc__)
    made.add_argument("--json", action="store_true", help="print one line, one JSON object")
    made.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="nodes (default: 1 4 64)")
    made.add_argument("--seconds", type=float, default=60.0, help="how long each is measured (default: %(default)s)")
    chosen = made.parse_args(arguments)
    costs = [measure(nodes, chosen.seconds) for nodes in chosen.sizes]
    if chosen.json:
        print(json.dumps({"page": [asdict(cost) for cost in costs]}))
        return 0
    print("| nodes | seconds | cores | MB, then | bytes sent a second | elements, then |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for cost in costs:
        print(f"| {cost.nodes} | {cost.seconds:.0f} | {cost.cores:.3f} | {cost.first_mb:.1f}, {cost.last_mb:.1f} | "
              f"{cost.sent_bytes_a_second:.0f} | {cost.elements_before}, {cost.elements} |")
    return 0


def measure(nodes: int, seconds: float) -> Cost:
    with dashboard(nodes) as (process, address), open_page(address) as page:
        page.wait_for_function("n => document.querySelectorAll('.ring .node').length === n", arg=nodes)
        page.evaluate(COUNT)
        time.sleep(SETTLE_S)
        elements, cpu_s, first = _elements(page), _cpu_s(process), _resident_mb(process)
        sent, began = page.evaluate("seen"), time.monotonic()
        time.sleep(seconds)
        took_s = time.monotonic() - began
        return Cost(nodes, took_s, (_cpu_s(process) - cpu_s) / took_s, first, _resident_mb(process),
                    (page.evaluate("seen") - sent) / took_s, _elements(page), elements)


@contextmanager
def dashboard(nodes: int) -> Iterator[tuple[int, str]]:
    """Its process and its address."""
    command = [sys.executable, "-m", "dashboard", "--lab", str(nodes), "--port", "0", "--end-with-parent"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            address = next((line.removeprefix(ADDRESS).strip() for line in child.stdout if ADDRESS in line), "")
            if not address:
                raise SystemExit(f"a dashboard with {nodes} nodes did not start: it said why")
            yield child.pid, address
        finally:
            child.stdin.close()


@contextmanager
def open_page(address: str) -> Iterator[Any]:
    """In a headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=shutil.which("chromium"), args=list(FLAGS))
        page = chromium.new_page()
        page.set_default_timeout(120_000)
        page.goto(address)
        yield page
        chromium.close()


def _elements(page: Any) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def _cpu_s(process: int) -> float:
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
