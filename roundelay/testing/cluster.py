"""A ring of real processes on loopback, for proofs: each can be killed, paused and started again.

Every process ends with this one, whatever becomes of it: its standard input is our pipe. Logs are
kept per process, over all of its lives.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from roundelay.chord.crawl import crawl_status
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError, LookupFailed, NodeUnreachable
from roundelay.chord.refs import Address, NodeRef
from roundelay.chord.requests import Status
from roundelay.cli.entry import RingEntry, client_runtime, find_member
from roundelay.node.addresses import read
from roundelay.node.failpoints import ARMED_VARIABLE, VARIABLE
from roundelay.node.subprocesses import ROOT

R = TypeVar("R")

PATIENCE_S = 120.0  # machines are shared and slow; who waits longer has found a fault
LOOK_EVERY_S = 0.1
ASKS_MAX = 20  # of one question, where only an answer counts
LISTENING = "listening at "


def free_port() -> int:
    """A port at which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Stuck(Exception):
    """Something that must come about did not; the message says what, and after how long."""


def until(condition: Callable[[], R | None], what: str, timeout_s: float = PATIENCE_S) -> R:
    """Wait for a condition, and return what it came to. Raises Stuck."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(LOOK_EVERY_S)
    raise Stuck(f"{what}: not within {timeout_s:g} s")


class Running:
    """One of our programs, from start to start."""

    def __init__(self, name: str, script: str, folder: Path) -> None:
        self.name = name
        self.log, self.out = folder / f"{name}.log", folder / f"{name}.out"
        self.environment: dict[str, str] = {}
        self.port = 0
        self.options: tuple[str, ...] = ()
        self._script = script
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._earlier_bytes = 0  # printed in earlier lives

    def start(self, arguments: Sequence[str], wrapper: Sequence[str] = ()) -> None:
        """A new life. Standard output goes to `out`, standard error to `log`, after what was there."""
        self.close()  # an earlier life that somebody else has killed
        self.out.touch()
        self._earlier_bytes = self.out.stat().st_size
        with self.log.open("ab") as log, self.out.open("ab") as out:
            self._process = subprocess.Popen(
                [*wrapper, sys.executable, str(ROOT / self._script), *arguments],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                env=os.environ | {"COLUMNS": "160"} | self.environment,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """Its exit code, when it has ended."""
        return self._process.poll() if self._process is not None else None

    @property
    def text(self) -> str:
        """All that it has printed, in all of its lives."""
        return self.out.read_text(errors="replace") + self.log.read_text(errors="replace")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; after SIGKILL it is gone when this returns."""
        assert self._process is not None
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait()
            self.close()

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code. Raises Stuck."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise Stuck(f"{self.name} has not ended within {timeout_s:g} s") from error
        self.close()
        return code

    def listening_port(self) -> int:
        """The port that it says it listens at."""
        lines = until(self._listening_lines, f"{self.name} listens")
        return int(lines[-1].split(LISTENING)[1].split(",")[0].rpartition(":")[2])

    def _listening_lines(self) -> list[str]:
        if not self.is_running:
            raise Stuck(f"{self.name} has ended: {self.text[-500:]}")
        said = self.out.read_bytes()[self._earlier_bytes :].decode(errors="replace")
        return [line for line in said.splitlines() if LISTENING in line]

    def close(self) -> None:
        """Let go of a process that has ended."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


class ProcessRing:
    """A supernode and `nodes`, in a folder of their own."""

    def __init__(self, folder: Path, keep_state: bool = False, bits: int = 160, replicas: int = 3) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.node_list = folder / "compute_nodes.txt"
        self.supernode = Running("supernode", "supernode.py", folder)
        self.supernode.port = free_port()  # not 0: its journal is named after it
        self.nodes: list[Running] = []
        self.clients: list[Running] = []
        self.failpoints = ""  # of nodes that are started from now on
        self.arms = True  # whether their exits wait for a file in our folder
        self._keep_state = keep_state
        self._parameters = "--bits", str(bits), "--replicas", str(replicas)
        self._runtime = client_runtime()

    # --- its processes

    def form(self, count: int) -> ProcessRing:
        """Start so many nodes at once; returns when they are one ring. Raises Stuck."""
        self.start_supernode()
        for _ in range(count):
            self.add_node()
        for node in self.nodes:
            node.port = node.listening_port()
        self.wait_whole()
        return self

    def start_supernode(self, failpoints: str = "") -> None:
        self.supernode.environment = self._environment(failpoints)
        self.supernode.start(
            [
                "--port",
                str(self.supernode.port),
                "--nodes",
                str(self.node_list),
                "--state-dir",
                str(self.folder),
                *self._parameters,
                "--register",
                "--end-with-parent",
            ]
        )
        self.supernode.listening_port()

    def add_node(self, *options: str, port: int = 0, wrapper: Sequence[str] = ()) -> Running:
        """One more; the options are its own in all of its lives."""
        node = Running(f"node{len(self.nodes)}", "compute_node.py", self.folder)
        node.port, node.options = port, options
        self.nodes.append(node)
        self.start_node(node, wrapper=wrapper)
        return node

    def start_node(self, node: Running, wrapper: Sequence[str] = ()) -> None:
        """Start it, or start it again where it listened before."""
        node.environment = self._environment(self.failpoints)
        state = ["--state-dir", str(self.folder / f"{node.name}-state")] if self._keep_state else []
        node.start(
            [
                str(node.port),
                "127.0.0.1",
                str(self.supernode.port),
                "--nodes",
                str(self.node_list),
                "--register",
                "--quiet",
                "--end-with-parent",
                *state,
                *node.options,
            ],
            wrapper,
        )

    def start_client(self, *arguments: str, failpoints: str = "") -> Running:
        client = Running(f"client{len(self.clients)}", "client.py", self.folder)
        client.environment = self._environment(failpoints, "clients")
        client.start([*arguments, "--supernode", f"127.0.0.1:{self.supernode.port}", "--nodes", str(self.node_list)])
        self.clients.append(client)
        return client

    def stop(self) -> None:
        for running in (*self.clients, *self.nodes, self.supernode):
            if running.is_running:
                running.kill(signal.SIGCONT)
                running.kill()
            running.close()
        self._runtime.stop(1.0)

    # --- what it is asked

    def ask(self, make: Callable[[RingEntry], Procedure[R]]) -> R:
        """A procedure from any node that answers. Raises ChordError."""
        supernode = Address("127.0.0.1", self.supernode.port)
        entry = self._runtime.run(find_member(supernode, read(self.node_list).nodes))
        return self._runtime.run(make(entry))

    def ask_again(self, make: Callable[[RingEntry], Procedure[R]]) -> R:
        """The same, put again while nobody answers in time: silence is no verdict. Raises ChordError."""
        for _ in range(ASKS_MAX):
            try:
                return self.ask(make)
            except (LookupFailed, NodeUnreachable):
                time.sleep(LOOK_EVERY_S)
        return self.ask(make)

    def survey(self) -> list[Status]:
        """Of every node; nothing while the ring cannot be walked."""
        try:
            return self.ask(lambda entry: crawl_status(entry.node))
        except ChordError:
            return []

    def wait_whole(self, timeout_s: float = PATIENCE_S) -> list[Status]:
        """Until all that run are one ring, each with the right neighbours. Raises Stuck."""
        count = sum(node.is_running for node in self.nodes)
        return until(lambda: _whole(self.survey(), count), f"one ring of {count} nodes", timeout_s)

    def wait_copied(self, timeout_s: float = PATIENCE_S) -> None:
        """Until every name is on as many nodes as it should be. Raises Stuck."""
        until(lambda: not self.short_of_copies(), "all copies restored", timeout_s)

    def short_of_copies(self) -> dict[str, int]:
        """Names with fewer copies than they should have; the names of no node are short of everything."""
        statuses = self.survey()
        running = sum(node.is_running for node in self.nodes)
        if len(statuses) != running:
            return {"some node": 0}
        counts: dict[str, int] = {}
        for status in statuses:
            for name in set(status.names):
                counts[name] = counts.get(name, 0) + 1
        return {name: count for name, count in counts.items() if count < min(statuses[0].ring.replicas, running)}

    def node_at(self, ref: NodeRef) -> Running:
        """The process that listens there."""
        return next(node for node in self.nodes if node.port == ref.port)

    def arming(self, point: str, who: str = "nodes") -> Path:
        """The file that arms an exit of the nodes and the supernode, or of the clients."""
        folder = self.folder / f"armed-{who}"
        folder.mkdir(exist_ok=True)
        return folder / point

    def _environment(self, failpoints: str, who: str = "nodes") -> dict[str, str]:
        return {VARIABLE: failpoints} | ({ARMED_VARIABLE: str(self.arming("", who))} if self.arms else {})


@contextmanager
def process_ring(folder: Path, count: int, keep_state: bool = False, failpoints: str = "") -> Iterator[ProcessRing]:
    """A ring of so many nodes, which ends with the block."""
    ring = ProcessRing(folder, keep_state)
    ring.failpoints = failpoints
    try:
        yield ring.form(count)
    finally:
        ring.stop()


def trainers_of(node: Running) -> list[int]:
    """The process ids of its children: its trainer, where it has one."""
    children = Path(f"/proc/{node.pid}/task/{node.pid}/children")
    found: list[int] = []
    for task in children.parent.parent.iterdir():
        try:
            found += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _whole(statuses: list[Status], count: int) -> list[Status]:
    """The statuses, if they are so many nodes that agree on one ring; otherwise nothing."""
    if len(statuses) != count:
        return []
    for place, status in enumerate(statuses):
        before, after = statuses[place - 1].node, statuses[(place + 1) % count].node
        if status.predecessor != before or status.successors[0] != after:
            return []
    return statuses
