"""Starts a ring on a Ray cluster, one actor for each compute node, and runs a job on it.

    python -m deploy.ray_ring --nodes 8 [--address auto] -- ./letters validate_letters.txt --rounds 10

Ray places and restarts processes that are ordinary compute nodes. The supernode and the client run here; no file and
no weights go through Ray. Everything ends with this process. Needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from roundelay.chord.refs import Address
from roundelay.cli import exits, legacy_arguments, train
from roundelay.cli import main as programs
from roundelay.node.errors import LocalRingFailed
from roundelay.node.options import NODES_MAX
from roundelay.node.readiness import wait_until_converged
from roundelay.node.ring_processes import RingProcesses, start_deadline
from roundelay.node.subprocesses import ROOT, ManagedProcess, run_in_foreground

ANY_NODE = "*,*\n"  # the node list: an actor may be restarted on any machine, at any port
POLL_S = 0.5
OBJECTS_BYTES = 80 << 20  # the smallest object store that Ray accepts: we put nothing there
NOT_UPLOADED = [
    "/.git",
    "/.venv*",
    "/tests",
    "/bench",
    "/chaos",
    "/docs",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
]
RESERVED = ("local", "bootstrap", "supernode", "detach")  # client options that name another ring, or outlive this one


@dataclass(frozen=True)
class RayRingOptions:
    """What to start, and the client's arguments."""

    nodes: int
    address: str
    cpus: float
    client: tuple[str, ...]


class NodeActor:
    """A compute node and its guard. When either dies so does the other, and Ray restarts both."""

    def __init__(self, supernode: tuple[str, int]) -> None:
        import ray

        host = str(ray.util.get_node_ip_address())
        folder = Path(f"node-{os.getpid()}")  # in Ray's copy of our files, which Ray removes
        folder.mkdir(exist_ok=True)
        node_list = folder / "compute_nodes.txt"
        self._node = ManagedProcess("node", folder)
        place = ["0", *map(str, supernode), "--host", host, "--insecure", "--nodes", str(node_list)]
        self._node.start("node", *place, "--quiet", "--end-with-parent")
        self._node.ready()

    def is_ready(self) -> None:
        """Return when the node listens: the constructor has run by then."""

    def run(self) -> None:
        """Watch the node, and crash the actor when it ends."""
        try:
            while True:
                self._node.require_running()
                time.sleep(POLL_S)
        except LocalRingFailed as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    with redirect_stdout(sys.stderr), ExitStack() as stack:  # standard output is the client's alone
        ray = connect(chosen.address, stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-")))
        ring = RingProcesses(folder, supernode_options=("--host", str(ray.util.get_node_ip_address()), "--insecure"))
        stack.callback(ring.stop)
        began = time.monotonic()
        try:
            start_ring(ray, ring, chosen, stack)
        except LocalRingFailed as error:
            raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
        where = ring.supernode_address
        exits.say(
            f"a ring of {chosen.nodes} nodes on Ray, supernode at {where}, up after {time.monotonic() - began:.1f} s"
        )
        place = ["--supernode", str(where), "--nodes", str(ring.node_list)]
        return run_in_foreground("train", *chosen.client, *place)


def start_ring(ray: Any, ring: RingProcesses, chosen: RayRingOptions, stack: ExitStack) -> None:
    """Start the supernode here, and nodes where Ray has room. Raises LocalRingFailed."""
    deadline = start_deadline(chosen.nodes)
    ring.node_list.write_text(ANY_NODE)
    ring.start_supernode(deadline)
    start_actors(ray, chosen, ring.supernode_address, deadline, stack)
    wait_until_converged(ring, chosen.nodes, deadline)


def start_actors(ray: Any, chosen: RayRingOptions, supernode: Address, deadline: float, stack: ExitStack) -> None:
    """Start the actors; return when all of their nodes listen, and are guarded. Raises LocalRingFailed."""
    remote = ray.remote(NodeActor).options(
        num_cpus=chosen.cpus, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD"
    )
    actors = [remote.remote((supernode.host, supernode.port)) for _ in range(chosen.nodes)]
    stack.callback(actors.clear)  # Ray ends an actor that nothing refers to
    answers = [actor.is_ready.remote() for actor in actors]
    ready, waiting = ray.wait(answers, num_returns=chosen.nodes, timeout=deadline - time.monotonic())
    try:
        ray.get(ready)
    except ray.exceptions.RayError as error:
        raise LocalRingFailed(f"Ray cannot start a node: {str(error).strip().splitlines()[-1]}") from error
    if waiting:
        raise LocalRingFailed(
            f"Ray placed only {len(ready)} of {chosen.nodes} nodes in time; check that the cluster has room for all, "
            f"with {chosen.cpus:g} processors each"
        )
    for actor in actors:
        actor.run.remote()


def connect(address: str, stack: ExitStack) -> Any:
    """Connect to a cluster, or start one, and upload our files; the stack disconnects. Raises Exit."""
    try:
        import ray
    except ImportError:
        raise exits.Exit(exits.UNAVAILABLE, "Ray is not installed; type  pip install '.[ray]'") from None
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": OBJECTS_BYTES}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry from a cluster of our own
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"working_dir": str(ROOT), "excludes": NOT_UPLOADED},
            **(own if address == "local" else {}),
        )
    except Exception as error:  # Ray raises errors of many kinds
        raise exits.Exit(exits.UNAVAILABLE, f"Ray at {address}: {str(error).strip().splitlines()[0]}") from error
    stack.callback(ray.shutdown)
    signal.signal(signal.SIGTERM, on_term)  # Ray has replaced our handler
    return ray


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise exits.Exit(exits.USAGE, f"{self.prog}: {message} (see --help)")


def parse(arguments: Sequence[str]) -> RayRingOptions:
    """Read the options, and check the client's own before the ring is started. Raises Exit."""
    parser = Parser(
        "python -m deploy.ray_ring",
        usage="%(prog)s [options] -- client arguments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--nodes", type=int, default=4, metavar="N", help="number of compute nodes (default: %(default)s)"
    )
    parser.add_argument(
        "--address",
        default="local",
        metavar="ADDRESS",
        help="the cluster, as ray.init takes it: auto or HOST:PORT (default: start one on this machine)",
    )
    parser.add_argument(
        "--cpus", type=float, default=0.0, metavar="C", help="processors to reserve for each node (default: none)"
    )
    parser.add_argument("client", nargs="+", metavar="ARGUMENT", help="arguments of client.py train")
    chosen = parser.parse_args(arguments)
    if not 1 <= chosen.nodes <= NODES_MAX:
        parser.error(f"--nodes takes 1 to {NODES_MAX}")
    if not 0 <= chosen.cpus < float("inf"):
        parser.error("--cpus takes 0 or more")
    client = legacy_arguments.translate(chosen.client[1:] if chosen.client[0] == "train" else chosen.client)
    job = programs.parse(train.parser(client), client)
    if given := next((name for name in RESERVED if getattr(job, name)), None):
        parser.error(f"--{given} is not allowed: the client uses the ring on Ray, which ends with its job")
    train.check_options(job)
    return RayRingOptions(chosen.nodes, chosen.address, chosen.cpus, tuple(client))


if __name__ == "__main__":
    exits.run(main)
