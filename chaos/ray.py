"""Run deploy.ray_ring on three machines of Ray that are processes of this machine; take one away, and add another.

    python -m chaos ray

Six nodes train on a head and two machines with room for just these; one machine is lost in the middle of the job, and
another is added, on which Ray starts the lost nodes again. The model must be that of the same job, undisturbed.
Needs the extra `ray`. The raylets end with this process; they listen at the address that Ray finds for this machine, so
without another network it is loopback:  unshare --net sh -c "ip link set lo up; python -m chaos ray"
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.engines import Outcome, clean_up_when_terminated, record, undisturbed
from roundelay.ml.readers import saved_model
from roundelay.node.subprocesses import ROOT
from roundelay.testing.waiting import Stuck, until

NODES = 6
ROOM = 2  # nodes on each machine
ROUNDS, LOST_AFTER, ROUNDS_BETWEEN = 1500, 20, 20
JOB = ("./letters", "validate_letters.txt", "--epochs", "1", "--hidden", "32", "--keep", "last", "--rounds")
OBJECTS_BYTES = 80 << 20
START_S, JOB_S, POLL_S = 300.0, 900.0, 0.2


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos ray", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the job (default: %(default)s)")
    rounds = parser.parse_args(arguments).rounds
    os.environ.setdefault("RAY_raylet_start_wait_time_s", f"{START_S:.0f}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        from ray.cluster_utils import Cluster
    except ImportError:
        print("the Ray run needs Ray: pip install '.[ray]'", file=sys.stderr)
        return 69
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-ray-")))
        machine = {"num_cpus": ROOM, "object_store_memory": OBJECTS_BYTES, "node_ip_address": "127.0.0.1"}
        cluster = Cluster(initialize_head=True, head_node_args=machine | {"include_dashboard": False})
        stack.callback(cluster.shutdown)
        clean_up_when_terminated()  # Ray has replaced our handler
        lost = [cluster.add_node(**machine) for _ in range(NODES // ROOM - 1)][-1]
        outcome = disturbed(Machines(cluster, lost, machine), rounds, folder, ray.__version__)
    record(outcome)
    print(outcome)
    return 0 if outcome.held else 1


@dataclass(frozen=True)
class Machines:
    """The machines of a cluster, that which will be lost, and what a new one is like."""

    cluster: Any
    lost: Any
    like: Mapping[str, Any]


def disturbed(machines: Machines, rounds: int, folder: Path, version: str) -> Outcome:
    """Run the job; remove a machine and add one while it trains. Raises Stuck, CalledProcessError."""
    began, cluster, client = time.monotonic(), machines.cluster, [*JOB, str(rounds)]
    expected = undisturbed(client, folder)
    ring = [sys.executable, "-m", "deploy.ray_ring", "--nodes", str(NODES), "--cpus", "1", "--address", cluster.address]
    job = Job([*ring, "--", *client], folder)
    try:
        until(lambda: job.rounds() >= LOST_AFTER, f"round {LOST_AFTER}", JOB_S, POLL_S)
        cluster.remove_node(machines.lost, allow_graceful=False)
        until(lambda: job.members() == NODES - ROOM, "the end of the lost nodes", JOB_S, POLL_S)
        after = job.rounds()
        until(lambda: job.rounds() > after + ROUNDS_BETWEEN, "rounds without them", JOB_S, POLL_S)
        cluster.add_node(**machines.like)
        until(lambda: job.members() == NODES, "the nodes on the added machine", JOB_S, POLL_S)
        is_shared = job.rounds() < rounds
        found = job.model()
    finally:
        job.stop()
    what = f"{NODES} nodes on 3 raylets; one raylet killed, one added; {rounds} rounds"
    return Outcome("Ray", version, "make ray", what, is_shared and found == expected, time.monotonic() - began)


class Job:
    """A ring on Ray with its job, which runs as a process of its own."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._said, self._model = folder / "said", folder / "model.npz"
        with self._said.open("w") as output:
            self._process = subprocess.Popen(
                [*command, "--out", str(self._model)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )

    def rounds(self) -> int:
        """Return the last round that it has told. Raises Stuck if it has ended: with more --rounds it trains longer."""
        if self._process.poll() is not None:
            raise Stuck(f"the job has ended already:\n{self._said.read_text()}")
        return max(map(int, re.findall(r"^round (\d+) of", self._said.read_text(), re.MULTILINE)), default=0)

    def members(self) -> int:
        """Return how many nodes answer in the ring. Raises Stuck."""
        self.rounds()
        (supernode,) = re.findall(r"supernode at (\S+),", self._said.read_text())
        asked = [sys.executable, "client.py", "status", "--supernode", supernode, "--json"]
        told = subprocess.run(
            asked, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
        )
        return len(json.loads(told.stdout)["nodes"]) if told.returncode == 0 else 0

    def model(self) -> str:
        """Wait for the end, and return the hash of the model. Raises TimeoutExpired, DataError."""
        self._process.wait(JOB_S)
        return saved_model.load(self._model).sha256

    def stop(self) -> None:
        """End the ring."""
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
