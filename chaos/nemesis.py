"""Finds the process that plays a role, kills or pauses it, and restores the ring."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

from chaos.workload import owner_of
from roundelay.node.subprocesses import ManagedProcess
from roundelay.testing.cluster import Cluster, trainers_of
from roundelay.testing.waiting import until

ROLES = ("supernode", "client", "driver", "trainer", "owner", "holder")


def kill_role(ring: Cluster, role: str, choice: int, client: ManagedProcess, job: str, data: Path) -> str:
    """Kill the process that plays a role now. Return its name, or nothing if it had ended already.

    choice: which of several files or trainers.
    """
    if role == "trainer":
        trainers = trainer_pids(ring)
        pid = trainers[choice % len(trainers)]
        os.kill(pid, signal.SIGKILL)
        return f"trainer {pid}"
    victim = _victim(ring, role, choice, client, job, data)
    if not victim.is_running:
        return ""
    victim.kill()
    return victim.name


def kill_together(processes: list[ManagedProcess]) -> None:
    """Kill these at once, and return when all have ended."""
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    for process in processes:
        process.wait()


def kill_two_nodes(ring: Cluster, rng: random.Random, latest_s: float) -> list[ManagedProcess]:
    """Kill two nodes together at a random moment within `latest_s` seconds, and return them."""
    time.sleep(rng.uniform(0.0, latest_s))
    victims = rng.sample(ring.nodes, 2)
    kill_together(victims)
    return victims


def pause(process: ManagedProcess, seconds: float) -> None:
    """Stop a process (SIGSTOP) for that long."""
    process.kill(signal.SIGSTOP)
    time.sleep(seconds)
    process.kill(signal.SIGCONT)


def trainer_pids(ring: Cluster) -> list[int]:
    """Return the process ids of all trainers, as soon as there is one. Raises Stuck."""
    return until(lambda: [pid for node in ring.nodes for pid in trainers_of(node)], "a trainer")


def restore(ring: Cluster) -> None:
    """Restart what was killed; return when the ring has converged and every entry has its copies. Raises Stuck."""
    if not ring.supernode.is_running:
        ring.start_supernode()
    for node in ring.nodes:
        if not node.is_running:
            ring.restart(node)
    ring.wait_until_converged()
    ring.wait_until_replicated()


def _victim(ring: Cluster, role: str, choice: int, client: ManagedProcess, job: str, data: Path) -> ManagedProcess:
    if role == "supernode":
        return ring.supernode
    if role == "client":
        return client
    if role == "driver":
        return owner_of(ring, job)
    names = sorted(path.name for path in data.iterdir())
    place = 0 if role == "owner" else 1 + choice % 2
    return owner_of(ring, names[choice % len(names)], place)
