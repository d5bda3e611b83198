"""A ring of real processes on loopback whose nodes can be killed, paused, cut off and restarted.

Every process ends with this one, and knows nothing of our ROUNDELAY_* variables.
"""

from __future__ import annotations

import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from roundelay.chord.crawl import crawl_status
from roundelay.chord.effects import Procedure
from roundelay.chord.errors import ChordError, LookupFailed, NodeUnreachable, NotYet
from roundelay.chord.refs import NodeRef
from roundelay.chord.requests import Status
from roundelay.client.connection import RingEntry, client_runtime, find_member
from roundelay.node import trainer_process
from roundelay.node.addresses import read
from roundelay.node.failpoints import ARMED_VARIABLE, VARIABLE
from roundelay.node.readiness import is_converged
from roundelay.node.ring_processes import RingProcesses
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.kits import Kits
from roundelay.testing.waiting import POLL_S, TIMEOUT_S, until

R = TypeVar("R")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class Cluster(RingProcesses):
    """A supernode, nodes and clients in one folder.

    keep_state: each node has a state directory. failpoints: those of the nodes that are started from now on. secured:
    every process has a kit.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep_state: bool = False,
        failpoints: str = "",
        supernode_options: Sequence[str] = (),
        node_options: Sequence[str] = ("--quiet", "--register"),
        environment: Mapping[str, str] | None = None,
        secured: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.kits = Kits(folder / "authority") if secured else None
        super().__init__(folder, {"COLUMNS": "200"} | dict(environment or {}), supernode_options, node_options)
        self.failpoints, self.supernode_failpoints = failpoints, ""
        self.exits_are_armed = True  # an `exit` failpoint waits for its file: see `arming`
        self.clients: list[ManagedProcess] = []
        self._others: list[ManagedProcess] = []
        self._keep_state = keep_state
        self._options: dict[str, tuple[str, ...]] = {}  # of each node, by name
        self._runtime = client_runtime(self.kit("operator", "tests"))
        if self.kits is not None:
            self._supernode_options = *self._supernode_options, *self._kit_options("supernode", "supernode")

    # --- processes

    def kit(self, role: str, name: str) -> Path | None:
        """Return a new kit, or None if the ring is not secured."""
        return self.kits.issue(role, name) if self.kits is not None else None

    def _kit_options(self, role: str, name: str) -> tuple[str, ...]:
        kit = self.kit(role, name)
        return ("--kit", str(kit)) if kit is not None else ()

    def form(self, count: int, *options: str) -> Cluster:
        """Start `count` nodes at once, and return when they are one ring. Raises Stuck, LocalRingFailed."""
        self.start_supernode()
        for _ in range(count):
            self.add_node(*options)
        self.wait_until_converged()
        return self

    def process(self, name: str) -> ManagedProcess:
        process = super().process(name)
        process.cwd = self.folder
        return process

    def launch_supernode(self) -> None:
        self.supernode.environment |= self._failpoints(self.supernode_failpoints)
        super().launch_supernode()

    def add_node(self, *options: str, port: int = 0, wrapper: Sequence[str] = ()) -> ManagedProcess:
        """Start one more node. It has the options and the wrapper in all of its lives."""
        node = self.process(f"node{len(self.nodes)}")
        node.wrapper = tuple(wrapper)
        self._options[node.name] = *options, *self._kit_options("node", node.name)
        self.nodes.append(node)
        self.restart(node, port)
        return node

    def add_leaf(self, *options: str) -> ManagedProcess:
        """Start one more node that only dials out; it does not belong to the ring."""
        name = f"leaf{len(self._others)}"
        way = ("--outbound", "--quiet", "--supernode", str(self.supernode_address))
        return self.start("node", *way, *self._kit_options("node", name), *options)

    def restart(self, node: ManagedProcess, port: int = 0) -> None:
        """Start a node again at its port. It may be running no longer."""
        node.environment |= self._failpoints(self.failpoints)
        state = ["--state-dir", str(self.folder / f"{node.name}-state")] if self._keep_state else []
        place = [str(node.known_port or port), "--supernode", str(self.supernode_address)]
        node.start("node", *place, *self._shared, *self._node_options, *state, *self._options[node.name])

    def restart_with(self, node: ManagedProcess, *options: str) -> None:
        """Start a node that has ended again with other options, in this and all later lives."""
        self._options[node.name] = *options, *self._kit_options("node", node.name)
        self.restart(node)

    def start(self, program: str, *arguments: str) -> ManagedProcess:
        """Start any program of ours with this ring's node list, and nothing else of it."""
        process = self.process(f"{program}-{len(self._others)}")
        self._others.append(process)
        process.start(program, *arguments, "--nodes", str(self.node_list), "--end-with-parent")
        return process

    def start_client(self, subcommand: str, *arguments: str, failpoints: str = "") -> ManagedProcess:
        client = self.process(f"client{len(self.clients)}")
        client.environment |= self._failpoints(failpoints, "clients")
        self.clients.append(client)
        way = ("--supernode", str(self.supernode_address), "--nodes", str(self.node_list))
        client.start(subcommand, *arguments, *way, *self._kit_options("submitter", client.name))
        return client

    def stop(self, kill: bool = True) -> None:
        """Kill every process."""
        for process in (*self.clients, *self._others, *self.nodes, self.supernode):
            if process.is_running:
                process.kill(signal.SIGCONT)  # a paused one too
                process.kill()
            process.close()
        self._runtime.stop(1.0)

    def keep_logs(self, target: Path) -> None:
        """Copy what the processes printed, and all else in the folder but databases, to `target`."""
        shutil.copytree(self.folder, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite*"))

    def arming(self, point: str, who: str = "nodes") -> Path:
        """Return the file that arms an `exit` failpoint of the nodes and the supernode, or of the clients."""
        folder = self.folder / f"armed-{who}"
        folder.mkdir(exist_ok=True)
        return folder / point

    # --- questions

    def ask(self, make: Callable[[RingEntry], Procedure[R]]) -> R:
        """Run a procedure through any node that answers. Raises ChordError."""
        entry = self._runtime.run(find_member(self.supernode_address, read(self.node_list).nodes))
        return self._runtime.run(make(entry))

    def ask_again(self, make: Callable[[RingEntry], Procedure[R]]) -> R:
        """Do as `ask`, and again while no answer comes in time or a node asks for patience. Raises ChordError."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                return self.ask(make)
            except (LookupFailed, NodeUnreachable, NotYet):
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_S)

    def statuses(self) -> list[Status]:
        """Return every node's status, or nothing while the ring cannot be crawled."""
        try:
            return self.ask(lambda entry: crawl_status((entry.node,)))
        except ChordError:
            return []

    def wait_until_converged(self, timeout_s: float = TIMEOUT_S) -> list[Status]:
        """Wait until all running nodes are one ring. Raises Stuck."""
        count = sum(node.is_running for node in self.nodes)

        def converged() -> list[Status] | None:
            statuses = self.statuses()
            return statuses if is_converged(statuses, count) else None

        return until(converged, f"one ring of {count} nodes", timeout_s)

    def wait_until_replicated(self, timeout_s: float = TIMEOUT_S) -> None:
        """Wait until every entry has all of its copies. Raises Stuck."""
        until(lambda: not self.missing_copies(), "all copies restored", timeout_s)

    def missing_copies(self) -> dict[str, int]:
        """Return the entries with fewer copies than they should have; "some node" if one does not answer."""
        statuses = self.statuses()
        running = sum(node.is_running for node in self.nodes)
        if len(statuses) != running:
            return {"some node": 0}
        copies = Counter(name for status in statuses for name in set(status.names))
        return {name: count for name, count in copies.items() if count < min(statuses[0].ring.replicas, running)}

    def node_at(self, ref: NodeRef) -> ManagedProcess:
        return next(node for node in self.nodes if node.known_port == ref.port or node.port == ref.port)

    def _failpoints(self, failpoints: str, who: str = "nodes") -> dict[str, str]:
        armed = str(self.arming("", who)) if self.exits_are_armed else ""
        return {VARIABLE: failpoints, ARMED_VARIABLE: armed}


@contextmanager
def cluster(
    folder: Path, count: int, keep_state: bool = False, failpoints: str = "", secured: bool = False
) -> Iterator[Cluster]:
    """Start a ring of `count` nodes, which ends with the block."""
    ring = Cluster(folder, keep_state=keep_state, failpoints=failpoints, secured=secured)
    try:
        yield ring.form(count)
    finally:
        ring.stop()


def trainers_of(node: ManagedProcess) -> list[int]:
    """Return the process ids of a node's trainers; a child that does not run its program yet is none."""
    found: list[int] = []
    for task in Path(f"/proc/{node.pid}/task").iterdir():
        try:
            found += [int(pid) for pid in (task / "children").read_text().split() if _is_trainer(pid)]
        except OSError:
            continue
    return found


def _is_trainer(pid: str) -> bool:
    return trainer_process.MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
