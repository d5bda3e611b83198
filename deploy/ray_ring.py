"""A ring on a Ray cluster, and a job on it: one actor for each compute node.

    python -m deploy.ray_ring --nodes 8 [--address auto] -- ./letters validate_letters.txt --rounds 10

Ray only places and restarts processes that are ordinary compute nodes; the supernode and the client run
here, and no file or weight goes through Ray. All of it ends with this process. Needs the extra `ray`.
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
from pathlib import Path
from typing import Any, NoReturn

from roundelay.chord.refs import Address
from roundelay.cli import exits, legacy_arguments, options, train
from roundelay.node.errors import LocalRingFailed
from roundelay.node.local import START_TIMEOUT_PER_NODE_S, START_TIMEOUT_S
from roundelay.node.options import NODES_MAX
from roundelay.node.readiness import wait_until_converged
from roundelay.node.subprocesses import ROOT, Processes

ANYBODY = "*,*\n"  # the node list: an actor may be restarted on any machine, at any port
LOOK_EVERY_S = 0.5
OBJECTS_BYTES = 80 << 20  # Ray's least: nothing of ours goes through its store
STAYS_HERE = [
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
OURS = ("local", "bootstrap", "supernode", "detach")  # the ring is the one on Ray, and it ends with the job


class NodeActor:
    """A compute node and its guard: when one of them dies, so does the other, and Ray starts both again."""

    def __init__(self, supernode: tuple[str, int]) -> None:
        import ray

        host = str(ray.util.get_node_ip_address())
        folder = Path(f"node-{os.getpid()}")  # in the copy of our files that Ray has made, and removes
        folder.mkdir(exist_ok=True)
        self._processes = Processes(folder)
        self._number = self._processes.start(
            "node", ["0", *map(str, supernode), "--host", host, "--quiet", "--nodes", str(listed(folder))]
        )
        self._processes.address(self._number, time.monotonic() + START_TIMEOUT_S)

    def listens(self) -> None:
        """Asked for in order to wait: this is answered when the node listens."""

    def run(self) -> None:
        """For as long as the node lives; the actor ends with it, as by a crash."""
        try:
            while True:
                self._processes.require_running()
                time.sleep(LOOK_EVERY_S)
        except LocalRingFailed as error:
            print(error, file=sys.stderr, flush=True)
            os._exit(1)


def start_ring(ray: Any, processes: Processes, folder: Path, chosen: argparse.Namespace, stack: ExitStack) -> Address:
    """A supernode here, whose address is returned, and nodes where Ray has room. Raises LocalRingFailed."""
    deadline = time.monotonic() + START_TIMEOUT_S + chosen.nodes * START_TIMEOUT_PER_NODE_S
    listed(folder).write_text(ANYBODY)
    number = processes.start(
        "supernode",
        [
            "--host",
            str(ray.util.get_node_ip_address()),
            "--port",
            "0",
            "--nodes",
            str(listed(folder)),
            "--state-dir",
            str(folder),
        ],
    )
    supernode = processes.address(number, deadline)
    place(ray, chosen.nodes, chosen.cpus, supernode, deadline, stack)
    wait_until_converged(processes, supernode, chosen.nodes, deadline)
    return supernode


def place(ray: Any, count: int, cpus: float, supernode: Address, deadline: float, stack: ExitStack) -> None:
    """So many actors; returns when all of their nodes listen, and are guarded. Raises LocalRingFailed."""
    made = ray.remote(NodeActor).options(
        num_cpus=cpus, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD"
    )
    actors = [made.remote((supernode.host, supernode.port)) for _ in range(count)]
    stack.callback(actors.clear)  # until then: Ray ends an actor that nobody holds
    answers = [actor.listens.remote() for actor in actors]
    ready, waiting = ray.wait(answers, num_returns=count, timeout=deadline - time.monotonic())
    try:
        ray.get(ready)
    except ray.exceptions.RayError as error:
        raise LocalRingFailed(f"Ray cannot start a node: {str(error).strip().splitlines()[-1]}") from error
    if waiting:
        raise LocalRingFailed(
            f"Ray has placed {len(ready)} of {count} nodes in time: has the cluster room for all, "
            f"with {cpus:g} processors each?"
        )
    for actor in actors:
        actor.run.remote()


def listed(folder: Path) -> Path:
    """The node list of whoever lives in that folder."""
    return folder / "compute_nodes.txt"


def connect(address: str, stack: ExitStack) -> Any:
    """Ray, with our files on their way to its machines; the stack leaves it. Raises Exit."""
    try:
        import ray
    except ImportError:
        raise exits.Exit(exits.UNAVAILABLE, "Ray is an extra: type  pip install '.[ray]'") from None
    own: dict[str, Any] = {"include_dashboard": False, "object_store_memory": OBJECTS_BYTES}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of our own tells nobody that it was there
    on_term = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"working_dir": str(ROOT), "excludes": STAYS_HERE},
            **(own if address == "local" else {}),
        )
    except Exception as error:  # plain ones as well, and those of other libraries
        raise exits.Exit(exits.UNAVAILABLE, f"Ray at {address}: {str(error).strip().splitlines()[0]}") from error
    stack.callback(ray.shutdown)
    signal.signal(signal.SIGTERM, on_term)  # it has put its own in the place of ours
    return ray


def main(arguments: list[str]) -> int:
    chosen = parse(arguments)
    with redirect_stdout(sys.stderr), ExitStack() as stack:  # the output is the client's; Ray's messages go beside it
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roundelay-")))
        ray = connect(chosen.address, stack)
        processes = Processes(folder)
        stack.callback(processes.stop)
        began = time.monotonic()
        try:
            supernode = start_ring(ray, processes, folder, chosen, stack)
        except LocalRingFailed as error:
            raise exits.Exit(exits.UNAVAILABLE, str(error)) from error
        exits.say(
            f"a ring of {chosen.nodes} nodes on Ray, supernode at {supernode}, "
            f"up after {time.monotonic() - began:.1f} s"
        )
        return processes.foreground(
            "train", [*chosen.client, "--supernode", str(supernode), "--nodes", str(listed(folder))]
        )


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise exits.Exit(exits.USAGE, f"{self.prog}: {message} (see --help)")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; the client's own words are read now as well, not when the ring is up. Raises Exit."""
    made = Parser(
        "python -m deploy.ray_ring",
        usage="%(prog)s [options] -- client arguments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--nodes", type=int, default=4, metavar="N", help="so many compute nodes (default: %(default)s)")
    made.add_argument(
        "--address",
        default="local",
        metavar="ADDRESS",
        help="of the cluster, as ray.init takes it: auto, HOST:PORT (default: one of our own, here)",
    )
    made.add_argument(
        "--cpus", type=float, default=0.0, metavar="C", help="processors that each node reserves (default: none)"
    )
    made.add_argument("client", nargs="+", metavar="ARGUMENT", help="as client.py train takes them")
    chosen = made.parse_args(arguments)
    if not 1 <= chosen.nodes <= NODES_MAX:
        made.error(f"--nodes takes 1 to {NODES_MAX}")
    if not 0 <= chosen.cpus < float("inf"):
        made.error("--cpus takes 0 or more")
    chosen.client = legacy_arguments.translate(chosen.client[1:] if chosen.client[0] == "train" else chosen.client)
    job = options.parse(train.parser(chosen.client), chosen.client)
    if given := next((name for name in OURS if getattr(job, name)), None):
        made.error(f"--{given} is not for the client here: it uses the ring on Ray, which ends with its job")
    train.check_sources(job)
    return chosen


if __name__ == "__main__":
    exits.run(main)
