"""A ring of our own that is there to be disturbed: nodes added, killed, paused, cut off from one another, and the
supernode killed and started again."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node import partition_fault
from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import START_TIMEOUT_PER_NODE_S, START_TIMEOUT_S
from roundelay.node.options import NODES_MAX
from roundelay.node.readiness import wait_until_converged
from roundelay.node.subprocesses import Processes
from roundelay.node.supernode import journal_of

STARTING_MAX = 8  # nodes that are not listening yet: a crowd that starts at once answers nobody in time


class Lab:
    """A supernode and nodes on this machine. Everything ends with `stop`, or with this process."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._nodes: dict[Address, int] = {}  # those that were not killed, and their numbers among the processes
        self._paused: set[Address] = set()
        self._folder = Path()
        self._cut_file = Path()
        self._processes: Processes
        self._supernode_number = 0
        self.has_supernode = False
        self.supernode: Address
        self.node_list: Path

    def start(self, count: int) -> None:
        """Start the ring, and return when it is whole. Raises LocalRingFailed."""
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-lab-")))
        self._cut_file = self._folder / "cut"
        self.node_list = self._folder / "compute_nodes.txt"
        self._processes = Processes(self._folder, {partition_fault.VARIABLE: str(self._cut_file)})
        self._stack.callback(self._processes.stop)
        deadline = time.monotonic() + START_TIMEOUT_S + count * START_TIMEOUT_PER_NODE_S
        self._start_supernode(0, deadline)
        for begun in range(0, count, STARTING_MAX):
            numbers = [self._start_node() for _ in range(min(STARTING_MAX, count - begun))]
            self._nodes |= {self._processes.address(number, deadline): number for number in numbers}
        wait_until_converged(self._processes, self.supernode, count, deadline)

    def stop(self) -> None:
        for address in list(self._paused):
            self.resume(address)
        self._stack.close()

    # --- what may be done to it

    def add(self) -> Address:
        """One more node. Raises LocalRingFailed."""
        with self._lock:
            if len(self._nodes) >= NODES_MAX:
                raise LocalRingFailed(f"{NODES_MAX} nodes are as many as may be")
            if not self.has_supernode:
                raise LocalRingFailed("nobody can join while the supernode is dead: start it again first")
            number = self._start_node()
            address = self._processes.address(number, time.monotonic() + START_TIMEOUT_S)
            self._nodes[address] = number
            return address

    def kill(self, address: Address) -> None:
        """As kill -9: nothing is handed over or said. Raises LocalRingFailed."""
        with self._lock:
            self._processes.signal(self._number(address), signal.SIGKILL)
            del self._nodes[address]
            self._paused.discard(address)

    def pause(self, address: Address) -> None:
        """It neither answers nor ends. Raises LocalRingFailed."""
        with self._lock:
            self._processes.signal(self._number(address), signal.SIGSTOP)
            self._paused.add(address)

    def resume(self, address: Address) -> None:
        """It goes on where it stood. Raises LocalRingFailed."""
        with self._lock:
            self._processes.signal(self._number(address), signal.SIGCONT)
            self._paused.discard(address)

    def kill_supernode(self) -> None:
        """As kill -9: what it knew is in its journal. Raises LocalRingFailed."""
        with self._lock:
            if not self.has_supernode:
                raise LocalRingFailed("the supernode is dead already")
            self._processes.signal(self._supernode_number, signal.SIGKILL)
            self.has_supernode = False

    def start_supernode(self) -> None:
        """Again, where it was, with its journal. Raises LocalRingFailed."""
        with self._lock:
            if self.has_supernode:
                raise LocalRingFailed("the supernode is running")
            self._start_supernode(self.supernode.port, time.monotonic() + START_TIMEOUT_S)

    def cut(self, one: list[Address], other: list[Address]) -> None:
        """These do not reach those any more."""
        partition_fault.write(self._cut_file, [one, other])

    def heal(self) -> None:
        """Everybody reaches everybody again."""
        partition_fault.write(self._cut_file, [])

    # --- helpers

    @property
    def _shared(self) -> list[str]:
        return ["--nodes", str(self.node_list), "--register"]

    def _start_supernode(self, port: int, deadline: float) -> None:
        """At this port, or a free one for the first time."""
        first = journal_of(self._folder, 0)
        if port and first.exists():  # of its first life, when the port was not known yet
            first.rename(journal_of(self._folder, port))
        self._supernode_number = self._processes.start(
            "supernode", [*self._shared, "--port", str(port), "--state-dir", str(self._folder)]
        )
        self.supernode = self._processes.address(self._supernode_number, deadline)
        self.has_supernode = True

    def _start_node(self) -> int:
        place = [self.supernode.host, str(self.supernode.port)]
        return self._processes.start("node", ["0", *place, "--quiet", *self._shared])

    def _number(self, address: Address) -> int:
        if address not in self._nodes:
            raise LocalRingFailed(f"{address} is no living node of this lab")
        return self._nodes[address]

    @property
    def paused(self) -> frozenset[Address]:
        return frozenset(self._paused)

    @property
    def nodes(self) -> tuple[Address, ...]:
        """Those that were not killed, in the order in which they were started."""
        return tuple(self._nodes)
