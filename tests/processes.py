"""Real processes on loopback for the tests: a supernode, nodes and clients on ports that the system chooses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
PATIENCE_S = 60.0  # generous: machines are shared and slow; nothing is asserted about it


def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait for a condition, and return what it came to."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {patience_s:g} s")


class Running:
    """One process of ours, and what it has printed."""

    def __init__(self, script: str, arguments: list[str], folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / script), *arguments, "--end-with-parent"],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT, cwd=folder,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def port(self) -> int:
        """Where it listens, as soon as it says so."""

        def said() -> list[str]:
            assert self.process.poll() is None, self.text
            return [line for line in self.text.splitlines() if "listening at" in line]

        return int(until(said, "listening")[0].split("listening at ")[1].split(",")[0].rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


class Ring:
    """A supernode and its nodes in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node_list = folder / "compute_nodes.txt"
        self.nodes: list[Running] = []
        self.started = 0
        self.supernode = self.start_supernode(0)

    def start_supernode(self, port: int, *options: str) -> Running:
        running = self._start("supernode.py", ["--port", str(port), "--state-dir", str(self.folder), *options])
        self.supernode_port = running.port
        return running

    def start_node(self, *options: str) -> Running:
        node = self._start(
            "compute_node.py", ["0", "127.0.0.1", str(self.supernode_port), "--register", *options]
        )
        self.nodes.append(node)
        return node

    def form(self, count: int, *options: str) -> "Ring":
        """Start so many nodes at once, and return when the ring is whole."""
        for _ in range(count):
            self.start_node(*options)
        self.wait_until_whole(count)
        return self

    def client(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_client(*arguments, "--supernode", f"127.0.0.1:{self.supernode_port}", cwd=self.folder)

    def status(self) -> list[dict[str, Any]]:
        done = self.client("status", "--json")
        nodes: list[dict[str, Any]] = json.loads(done.stdout)["nodes"] if done.returncode == 0 else []
        return nodes

    def wait_until_whole(self, count: int) -> list[dict[str, Any]]:
        """Until there is one ring of so many nodes, every successor and every finger right."""
        return until(lambda: whole(self.status(), count), f"one ring of {count} nodes")

    def stop(self) -> None:
        for running in (*self.nodes, self.supernode):
            running.process.kill()
        for running in (*self.nodes, self.supernode):
            running.process.wait()
            if running.process.stdin:
                running.process.stdin.close()

    def _start(self, script: str, arguments: list[str]) -> Running:
        self.started += 1
        arguments = [*arguments, "--nodes", str(self.node_list)]
        return Running(script, arguments, self.folder, f"{self.started}-{script}")


def whole(nodes: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """The nodes, if they are so many and agree on one ring with right fingers; otherwise nothing."""
    ids = sorted(int(n["id"], 16) for n in nodes)
    if len(ids) != count:
        return []

    def owner(key: int) -> int:
        return next((i for i in ids if i >= key), ids[0])

    for node in nodes:
        place = ids.index(int(node["id"], 16))
        if int(node["successors"][0], 16) != ids[(place + 1) % count] or int(node["predecessor"], 16) != ids[place - 1]:
            return []
        if any(int(f["node"], 16) != owner(int(f["start"], 16)) for f in node["fingers"]):
            return []
    return nodes


@contextmanager
def ring(folder: Path) -> Iterator[Ring]:
    made = Ring(folder)
    try:
        yield made
    finally:
        made.stop()


def run_client(*arguments: str, cwd: Path = ROOT, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
    """One run of client.py."""
    return subprocess.run(
        [sys.executable, str(ROOT / "client.py"), *map(str, arguments)], cwd=cwd, timeout=timeout_s,
        capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"},
    )


def children_of(pid: int) -> set[int]:
    """Processes whose command line names this checkout and that descend from pid."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    found, frontier = set(), {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return found


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
