"""The ring of `--local`: a supernode and nodes on free ports of this machine, which leave nothing behind.

The processes come up while the client does something else, so this imports nothing that takes long.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node.errors import LocalRingFailed
from roundelay.node.ring_processes import RingProcesses, start_deadline
from roundelay.node.subprocesses import import_path


@dataclass(frozen=True)
class LocalRing:
    """Where a ring is that has converged."""

    supernode: Address
    node_list: Path
    processes: RingProcesses


class StartingRing:
    """A ring whose processes are starting, or have started; after `begin` it must be stopped."""

    def __init__(self, processes: RingProcesses, count: int) -> None:
        self.processes = processes
        self._count = count
        self._deadline = start_deadline(count)
        self._starter = threading.Thread(target=self._start_nodes, name="ring", daemon=True)
        self._lock = threading.Lock()  # held while a process is started
        self._stopped = self._converged = False
        self._failure: LocalRingFailed | OSError | None = None

    def begin(self) -> None:
        """Start the supernode, and in a thread the nodes as soon as it listens."""
        self.processes.launch_supernode()
        self._starter.start()

    def wait(self) -> LocalRing:
        """Wait until all nodes have joined. Raises LocalRingFailed, OSError."""
        from roundelay.node.readiness import wait_until_converged  # imports a client's half, which it has by now

        self._starter.join()
        if self._failure is not None:
            raise self._failure
        wait_until_converged(self.processes, self._count, self._deadline)
        self._converged = True
        return LocalRing(self.processes.supernode_address, self.processes.node_list, self.processes)

    def stop(self) -> None:
        """End every process, also those that are still starting."""
        with self._lock:
            self._stopped = True
        self.processes.stop(kill=not self._converged)  # nothing is stored yet
        self._starter.join()  # it ends, because the supernode has

    def _start_nodes(self) -> None:
        try:
            self.processes.await_supernode(self._deadline)  # else nodes might ask another ring's supernode
            for _ in range(self._count):
                with self._lock:
                    if self._stopped:
                        return
                    self.processes.start_node()
        except (LocalRingFailed, OSError) as error:
            self._failure = error


def begin_local_ring(
    count: int,
    stack: ExitStack,
    of_supernode: Sequence[str] = (),
    of_nodes: Sequence[str] = (),
    modules: Path | None = None,
) -> StartingRing:
    """Start a supernode and `count` nodes, which the stack ends. `wait` returns when all have joined.

    The nodes can import the modules in the folder `modules`.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-")))
    environment = import_path(modules) if modules else None
    ring = StartingRing(RingProcesses(folder, environment, of_supernode, of_nodes), count)
    ring.begin()
    stack.callback(ring.stop)
    return ring


def start_local_ring(
    count: int, stack: ExitStack, of_supernode: Sequence[str] = (), of_nodes: Sequence[str] = ()
) -> LocalRing:
    """Start a ring and return when all nodes have joined. Raises LocalRingFailed, OSError."""
    return begin_local_ring(count, stack, of_supernode, of_nodes).wait()
