"""A network that falls into two, with network namespaces: two hosts, one cable, and the cable is cut.

Needs root and the ip command; without them these rows are skipped, and say so. Nothing of it
touches the network of this machine, and the namespaces go with the block.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import jobs
from bench.jobs import Data, Work
from bench.ring import Running, free_port, until
from bench.rows import Row, heard
from node.failpoints import VARIABLE

WORK = Work(rounds=6)
SLOW = "trainer.train.before=sleep:1"
LEFT, RIGHT = "10.77.0.1", "10.77.0.2"
CUT_S = 25.0
COMMAND_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Hosts:
    """Two network namespaces and the cable between them."""

    left: str
    right: str

    def cut(self) -> None:
        """Silence, in both directions: packets vanish."""
        _ip("-n", self.left, "link", "set", "cable", "down")

    def mend(self) -> None:
        _ip("-n", self.left, "link", "set", "cable", "up")


class Halves:
    """A ring with the supernode and some nodes on the left host, and the others on the right one."""

    def __init__(self, folder: Path, hosts: Hosts) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.hosts = hosts
        self.node_list = folder / "compute_nodes.txt"
        self.running: list[Running] = []
        self.port = free_port()

    def form(self, sides: str) -> None:
        """Nodes join one after the other, L on the left host and R on the right one."""
        self._start("supernode", "supernode.py", self.hosts.left, [
            "--host", LEFT, "--port", str(self.port), "--state-dir", str(self.folder), "--register",
        ])
        for side in sides:
            node = self._add_node("left" if side == "L" else "right")
            until(partial(_has_joined, node), f"{node.name} joins")
        until(lambda: len(self.nodes_seen("left")) == len(sides), "one ring")

    def _add_node(self, side: str) -> Running:
        where, host = (self.hosts.left, LEFT) if side == "left" else (self.hosts.right, RIGHT)
        arguments = ["0", LEFT, str(self.port), "--host", host, "--register", "--quiet"]
        return self._start(f"node{len(self.running)}-{side}", "compute_node.py", where, arguments)

    def client(self, side: str, *arguments: str) -> Running:
        where = self.hosts.left if side == "left" else self.hosts.right
        return self._start(f"client{len(self.running)}-{side}", "client.py", where,
                           [*arguments, "--supernode", f"{LEFT}:{self.port}"], is_client=True)

    def nodes_seen(self, side: str) -> list[dict[str, object]]:
        """The ring as one side sees it."""
        status = self.client(side, "status", "--json")
        if status.wait() != 0:
            return []
        found: list[dict[str, object]] = json.loads(status.out.read_text())["nodes"]
        return found

    def jobs_seen(self, side: str) -> list[dict[str, object]]:
        listing = self.client(side, "jobs", "--json")
        if listing.wait() != 0:
            return []
        found: list[dict[str, object]] = json.loads(listing.out.read_text())["jobs"]
        return found

    def stop(self) -> None:
        for running in self.running:
            if running.is_running:
                running.kill()

    def _start(self, name: str, script: str, where: str, arguments: list[str], is_client: bool = False) -> Running:
        running = Running(name, script, self.folder)
        running.environment = {VARIABLE: SLOW}
        ending = [] if is_client else ["--end-with-parent"]
        running.start([*arguments, "--nodes", str(self.node_list), *ending], ("ip", "netns", "exec", where))
        self.running.append(running)
        return running


def the_smaller_side_waits(folder: Path) -> Row:
    """Two nodes and the client are cut off from four others; each file has three copies."""
    return _partition(folder, "LRLRRR", "cut for 25 s: client, supernode and 2 nodes on one side, 4 nodes on the other")


def each_side_has_copies(folder: Path) -> Row:
    """Three and three nodes: a newcomer halves the largest gap, so these six lie in turn round the ring."""
    return _partition(folder, "LLLRRR", "cut for 25 s: 3 nodes on either side, in turn round the ring")


def _partition(folder: Path, sides: str, done: str) -> Row:
    promise = "no side averages fewer files; after it one ring, one chain, the same model"
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return Row(done, promise, held=False, skipped="needs root and the ip command")
    data = jobs.small_letters(folder)
    with two_hosts() as hosts:
        halves = Halves(folder / "ring", hosts)
        try:
            halves.form(sides)
            return _cut_in_a_job(halves, data, done, promise, len(sides))
        finally:
            halves.stop()


def _cut_in_a_job(halves: Halves, data: Data, done: str, promise: str, nodes: int) -> Row:
    train = ("train", str(data.folder), str(data.validation), *WORK.options, "--json")
    first = halves.client("left", *train)
    assert first.wait() == 0, first.text
    expected = json.loads(first.out.read_text())["model_sha256"]
    client = halves.client("left", *train)
    until(lambda: "round 2 of" in client.text, "two rounds")
    halves.hosts.cut()
    time.sleep(CUT_S)
    during = {side: _state(halves, side) for side in ("left", "right")}
    halves.hosts.mend()
    code = client.wait()
    result = json.loads(client.out.read_text()) if code == 0 else {}
    for side in ("left", "right"):
        until(partial(_sees, halves, side, nodes), f"one ring, seen from the {side}")
    ends = {str(job["state"]) for side in ("left", "right") for job in halves.jobs_seen(side)}
    drivers = [r for r in halves.running if "driving job" in r.text]
    return Row(
        done, promise, result.get("model_sha256") == expected and ends == {"done"} and len(result["placement"]) == 12,
        {f"job at the end of the cut, {side}": state for side, state in during.items()},
        heard(client, "waiting", "answer", "ring", "copies") + tuple(s for r in drivers for s in heard(r, "job")),
    )


def _has_joined(node: Running) -> bool:
    return "joined the ring" in node.text


def _sees(halves: Halves, side: str, nodes: int) -> bool:
    return len(halves.nodes_seen(side)) == nodes


def _state(halves: Halves, side: str) -> str:
    """Of the last job, as this side sees it."""
    seen = halves.jobs_seen(side)
    return f"{seen[-1]['state']} {seen[-1]['round']}" if seen else "cannot be read"


@contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Namespaces of our own, with one cable between them."""
    hosts = Hosts(f"roundelay-{os.getpid()}-left", f"roundelay-{os.getpid()}-right")
    try:
        for name in (hosts.left, hosts.right):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", hosts.left, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", hosts.right)
        for name, address in ((hosts.left, LEFT), (hosts.right, RIGHT)):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        yield hosts
    finally:
        for name in (hosts.left, hosts.right):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=COMMAND_TIMEOUT_S)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=COMMAND_TIMEOUT_S)


ROWS = (the_smaller_side_waits, each_side_has_copies)
