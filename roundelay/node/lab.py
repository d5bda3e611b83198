"""The lab: a ring on this machine whose nodes and supernode can be killed, paused, restarted and cut off."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node import operating_system, partition_fault
from roundelay.node.errors import LocalRingFailed
from roundelay.node.options import NODES_MAX
from roundelay.node.readiness import wait_until_converged
from roundelay.node.ring_processes import RingProcesses, start_deadline
from roundelay.node.subprocesses import ManagedProcess

STARTING_MAX = 8  # nodes that start at once: more would answer too late


class Lab:
    """A supernode and nodes. All processes end with `stop`, or with this process."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._nodes: dict[Address, ManagedProcess] = {}  # those that were not killed
        self._paused: set[Address] = set()
        self._cut_file = Path()
        self._ring: RingProcesses
        self.has_supernode = False

    def start(self, count: int) -> None:
        """Start the ring, and return when it has converged. Raises LocalRingFailed."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-lab-")))
        self._cut_file = folder / "cut"
        self._ring = RingProcesses(folder, {partition_fault.VARIABLE: str(self._cut_file)})
        self._stack.callback(self._ring.stop)
        deadline = start_deadline(count)
        self._ring.start_supernode(deadline)
        self.has_supernode = True
        for begun in range(0, count, STARTING_MAX):
            nodes = [self._ring.start_node() for _ in range(min(STARTING_MAX, count - begun))]
            self._nodes |= {node.ready(deadline): node for node in nodes}
        wait_until_converged(self._ring, count, deadline)

    def stop(self) -> None:
        """End every process."""
        for address in list(self._paused):
            self.resume(address)
        self._stack.close()

    @property
    def supernode(self) -> Address:
        return self._ring.supernode_address

    @property
    def node_list(self) -> Path:
        return self._ring.node_list

    @property
    def nodes(self) -> tuple[Address, ...]:
        """The nodes that were not killed, in the order in which they were started."""
        return tuple(self._nodes)

    @property
    def paused(self) -> frozenset[Address]:
        return frozenset(self._paused)

    # --- faults

    def add(self) -> Address:
        """Start one more node. Raises LocalRingFailed."""
        with self._lock:
            if len(self._nodes) >= NODES_MAX:
                raise LocalRingFailed(f"the lab has {NODES_MAX} nodes already, the most that it can have")
            if not self.has_supernode:
                raise LocalRingFailed("no node can join while the supernode is dead; restart it first")
            node = self._ring.start_node()
            address = node.ready()
            self._nodes[address] = node
            return address

    def kill(self, address: Address) -> None:
        """Kill a node as kill -9 does: it hands nothing over. Raises LocalRingFailed."""
        with self._lock:
            self._signal(address, operating_system.KILL)
            del self._nodes[address]
            self._paused.discard(address)

    def pause(self, address: Address) -> None:
        """Stop a node, so that it neither answers nor ends. Raises LocalRingFailed."""
        with self._lock:
            self._signal(address, operating_system.PAUSE)
            self._paused.add(address)

    def resume(self, address: Address) -> None:
        """Let a paused node go on. Raises LocalRingFailed."""
        with self._lock:
            self._signal(address, operating_system.RESUME)
            self._paused.discard(address)

    def kill_supernode(self) -> None:
        """Kill the supernode as kill -9 does; its journal remains. Raises LocalRingFailed."""
        with self._lock:
            if not self.has_supernode:
                raise LocalRingFailed("the supernode is dead already")
            self._ring.supernode.kill()
            self.has_supernode = False

    def start_supernode(self) -> None:
        """Restart the supernode at its port, with its journal. Raises LocalRingFailed."""
        with self._lock:
            if self.has_supernode:
                raise LocalRingFailed("the supernode is running")
            self._ring.start_supernode()
            self.has_supernode = True

    def cut(self, one: list[Address], other: list[Address]) -> None:
        """Cut the network between two groups of nodes."""
        partition_fault.write(self._cut_file, [one, other])

    def heal(self) -> None:
        """Undo `cut`."""
        partition_fault.write(self._cut_file, [])

    def _signal(self, address: Address, number: int) -> None:
        if not number:
            raise LocalRingFailed("this operating system cannot pause a process")
        if address not in self._nodes:
            raise LocalRingFailed(f"the lab has no running node at {address}")
        self._nodes[address].kill(number)
