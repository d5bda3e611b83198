"""A ring of one's own on this machine: a supernode and some nodes, on free ports, that leave nothing behind.

Its processes come up while whoever has begun it does something else; so this imports nothing that takes long.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from roundelay.chord.refs import Address
from roundelay.node.errors import LocalRingFailed
from roundelay.node.subprocesses import Processes

START_TIMEOUT_S = 60.0
START_TIMEOUT_PER_NODE_S = 2.0


@dataclass(frozen=True)
class LocalRing:
    """Where it is."""

    supernode: Address
    node_list: Path
    require_running: Callable[[], None]  # raises LocalRingFailed


class StartingRing:
    """A ring whose processes are starting, or have started; from `begin` on it is to be stopped."""

    def __init__(self, folder: Path, count: int, of_supernode: Sequence[str], of_nodes: Sequence[str]) -> None:
        self._folder = folder
        self._count = count
        self._of_supernode, self._of_nodes = of_supernode, of_nodes
        self._node_list = folder / "compute_nodes.txt"
        self._deadline = time.monotonic() + START_TIMEOUT_S + count * START_TIMEOUT_PER_NODE_S
        self._processes = Processes(folder)
        self._starter = threading.Thread(target=self._start_nodes, name="ring", daemon=True)
        self._lock = threading.Lock()  # held while a node is started
        self._given_up = self._is_whole = False
        self._supernode: Address
        self._failure: LocalRingFailed | OSError | None = None

    def begin(self) -> None:
        """Start the supernode, and have the nodes started as soon as it listens."""
        self._processes.start(
            "supernode", [*self._shared, "--port", "0", "--state-dir", str(self._folder), *self._of_supernode]
        )
        self._starter.start()

    def wait(self) -> LocalRing:
        """Until all nodes have joined. Raises LocalRingFailed, OSError."""
        from roundelay.node.readiness import (
            wait_until_converged,  # brings what a client of the ring needs, who has it by now
        )

        self._starter.join()
        if self._failure is not None:
            raise self._failure
        wait_until_converged(self._processes, self._supernode, self._count, self._deadline)
        self._is_whole = True
        return LocalRing(self._supernode, self._node_list, self._processes.require_running)

    def stop(self) -> None:
        """End every process, also those that are still starting."""
        with self._lock:
            self._given_up = True
        self._processes.stop(kill=not self._is_whole)  # nobody has put anything there
        self._starter.join()  # ends: so has the supernode

    @property
    def _shared(self) -> list[str]:
        return ["--nodes", str(self._node_list), "--register"]

    def _start_nodes(self) -> None:
        try:
            # Not before: they might ask another ring's, at the default port.
            self._supernode = self._processes.address(0, self._deadline)
            words = ["0", self._supernode.host, str(self._supernode.port), "--quiet", *self._shared, *self._of_nodes]
            for _ in range(self._count):
                with self._lock:
                    if self._given_up:
                        return
                    self._processes.start("node", words)
        except (LocalRingFailed, OSError) as error:
            self._failure = error


def begin_local_ring(
    count: int, stack: ExitStack, of_supernode: Sequence[str] = (), of_nodes: Sequence[str] = ()
) -> StartingRing:
    """Start a supernode and `count` nodes; `wait` says when all have joined, the stack ends them.

    They can be given options.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-")))
    ring = StartingRing(folder, count, of_supernode, of_nodes)
    ring.begin()
    stack.callback(ring.stop)
    return ring


def start_local_ring(
    count: int, stack: ExitStack, of_supernode: Sequence[str] = (), of_nodes: Sequence[str] = ()
) -> LocalRing:
    """The same, and return when all have joined. Raises LocalRingFailed, OSError."""
    return begin_local_ring(count, stack, of_supernode, of_nodes).wait()
