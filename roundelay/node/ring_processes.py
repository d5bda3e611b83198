"""A supernode and compute nodes as child processes on this machine, with one node list in one folder.

`--local`, the lab and the test harness build on it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node.options import journal_of
from roundelay.node.subprocesses import ManagedProcess, stop_all

START_TIMEOUT_S = 60.0
START_TIMEOUT_PER_NODE_S = 2.0


def start_deadline(nodes: int) -> float:
    """Return the time by which a ring of that many nodes must have started."""
    return time.monotonic() + START_TIMEOUT_S + nodes * START_TIMEOUT_PER_NODE_S


class RingProcesses:
    """The processes of one ring. `environment` and the options are those of every start."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        supernode_options: Sequence[str] = (),
        node_options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.node_list = folder / "compute_nodes.txt"
        self.nodes: list[ManagedProcess] = []
        self._environment = dict(environment or {})
        self._supernode_options, self._node_options = supernode_options, node_options
        self.supernode = self.process("supernode")
        self.supernode_address: Address

    def process(self, name: str) -> ManagedProcess:
        """Return a process of this ring that is not started yet."""
        process = ManagedProcess(name, self.folder)
        process.environment = dict(self._environment)
        return process

    def start_supernode(self, deadline: float | None = None) -> None:
        """Start the supernode and wait until it listens. Raises LocalRingFailed."""
        self.launch_supernode()
        self.await_supernode(deadline)

    def launch_supernode(self) -> None:
        """Start the supernode on a free port, or restart it where it was with its journal."""
        if self.supernode.known_port:
            self._rename_first_journal()
        place = ["--port", str(self.supernode.known_port), "--state-dir", str(self.folder)]
        self.supernode.start("supernode", *place, "--register", *self._shared, *self._supernode_options)

    def await_supernode(self, deadline: float | None = None) -> None:
        """Wait until the supernode listens. Raises LocalRingFailed."""
        self.supernode_address = self.supernode.ready(deadline)

    def start_node(self) -> ManagedProcess:
        """Start one more node; it joins by itself."""
        node = self.process(f"node{len(self.nodes)}")
        self.nodes.append(node)
        supernode = ["--supernode", str(self.supernode_address)]
        node.start("node", "0", *supernode, "--register", "--quiet", *self._shared, *self._node_options)
        return node

    def require_running(self) -> None:
        """Raise LocalRingFailed if a process has ended."""
        for process in (self.supernode, *self.nodes):
            process.require_running()

    def last_lines(self) -> str:
        """Return the last line that each process printed."""
        return "; ".join(f"{process.name}: {process.last_line}" for process in (self.supernode, *self.nodes))

    def stop(self, kill: bool = False) -> None:
        """End every process: in order, or at once if `kill`."""
        stop_all((self.supernode, *self.nodes), kill)

    @property
    def _shared(self) -> list[str]:
        return ["--nodes", str(self.node_list), "--end-with-parent"]

    def _rename_first_journal(self) -> None:
        """Name the journal of the supernode's first life, which is named after port 0, after its real port."""
        first = journal_of(self.folder, 0)
        if first.exists():
            first.rename(journal_of(self.folder, self.supernode.known_port))
