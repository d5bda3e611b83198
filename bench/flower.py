"""Runs Flower on the same letters, simulated and deployed; bench/peers/flower_app.py reports its rounds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.machine import PEERS_PYTHON, ROOT, environment
from roundelay.testing.cluster import free_port
from roundelay.testing.namespaces import Host
from roundelay.testing.waiting import Stuck, until

ROUNDS = 6
NODES = 4
TIMEOUT_S = 120.0
FAR_TIMEOUT_S = 420.0  # of all rounds, between hosts that are far apart
Rounds = tuple[dict[str, float], ...]  # as the app reports them
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "letters"
version = "1.0.0"
dependencies = []
[tool.hatch.build.targets.wheel]
packages = ["."]
[tool.flwr.app]
publisher = "bench"
[tool.flwr.app.components]
serverapp = "flower_app:server"
clientapp = "flower_app:client"
[tool.flwr.app.config]
"""


@dataclass(frozen=True)
class FlowerRounds:
    """The rounds that Flower reported; empty if it is not installed or did not get so far."""

    name: str
    rounds: Rounds = ()
    why_not: str = ""
    how: str = ""

    @property
    def overhead_ms(self) -> float | None:
        """The overhead of every round but the first, in which files are read."""
        later = [1000 * (r["seconds"] - r["slowest"]) for r in self.rounds[1:]]
        return median(later) if later else None

    @property
    def first_round_s(self) -> float | None:
        """Seconds from the start of the command to the end of the first round."""
        return self.rounds[0]["since_start"] if self.rounds else None


def simulated(folder: Path) -> FlowerRounds:
    """Run four clients in Ray, with one command."""
    name = "Flower, simulation"
    if not PEERS_PYTHON.exists():
        return FlowerRounds(name, why_not="make bench-peers")
    reports = folder / "simulated.jsonl"
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [PEERS_PYTHON, "-m", "bench.peers.flower_simulation"],
            cwd=ROOT,
            env=_environment(reports, folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    return FlowerRounds(
        name, _read(reports), "no round finished", "Flower's simulation: run_simulation, half a core a client."
    )


def deployed(folder: Path, hosts: Sequence[Host] = ()) -> FlowerRounds:
    """Run a SuperLink and four SuperNodes, and `flwr run`.

    hosts: that of the SuperLink, on which this process is, and those of the SuperNodes; empty: all on loopback.
    """
    name = "Flower, deployed"
    if not PEERS_PYTHON.exists():
        return FlowerRounds(name, why_not="make bench-peers")
    reports, timeout_s = folder / "deployed.jsonl", FAR_TIMEOUT_S if hosts else TIMEOUT_S
    with ExitStack() as stack, suppress(Stuck):
        _start_all(_environment(reports, folder), folder, stack, hosts)
        until(lambda: len(_read(reports)) >= ROUNDS, "Flower's rounds", timeout_s)
    return FlowerRounds(
        name,
        _read(reports),
        f"no round finished within {timeout_s / 60:g} minutes",
        "Flower deployed: SuperLink and SuperNodes without TLS, subprocess isolation as by default; with "
        "process isolation and a SuperExec beside each node a round takes as long (decision 10).",
    )


@contextmanager
def follow(folder: Path, hosts: Sequence[Host], rounds: int, hidden: str) -> Iterator[Callable[[], Rounds]]:
    """Run a SuperLink on the first host, where this process is, and a SuperNode on each other one.

    Yield a function that returns the rounds so far. All end with the block.
    """
    reports = folder / "deployed.jsonl"
    sizes = {"BENCH_ROUNDS": str(rounds), "BENCH_CLIENTS": str(len(hosts) - 1), "BENCH_HIDDEN": hidden}
    with ExitStack() as stack:
        _start_all(_environment(reports, folder) | sizes, folder, stack, hosts)
        yield lambda: _read(reports)


def _start_all(env: dict[str, str], folder: Path, stack: ExitStack, hosts: Sequence[Host]) -> None:
    port, bin_, host = free_port(), PEERS_PYTHON.parent, hosts[0].ipv4 if hosts else "127.0.0.1"
    place = ["--host", host, "--port", port]
    link = [bin_ / "flower-superlink", "--insecure", *place, "--disable-runtime-dependency-installation"]
    _start(stack, link, env, folder / "superlink.log")
    until(lambda: _listens(host, port), "Flower's SuperLink listens", TIMEOUT_S)
    for number in range(len(hosts) - 1 if hosts else NODES):
        node = [
            *(hosts[number + 1].wrapper() if hosts else ()),
            bin_ / "flower-supernode",
            "--insecure",
            "--superlink",
            f"{host}:{port}",
            "--port",
            free_port(),
            "--node-config",
            f"partition-id={number}",
        ]
        _start(stack, node, env, folder / f"supernode-{number}.log")
    app, home = folder / "app", Path(env["FLWR_HOME"])
    app.mkdir()
    home.mkdir(exist_ok=True)
    (app / "pyproject.toml").write_text(PROJECT)
    shutil.copy(ROOT / "bench" / "peers" / "flower_app.py", app)
    (home / "config.toml").write_text(
        f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "{host}:{port}"\ninsecure = true\n'
    )
    _start(stack, [bin_ / "flwr", "run", app, "here"], env, folder / "flwr.log")


def _listens(host: str, port: int) -> bool:
    """Return whether a process accepts connections: the SuperLink does not announce that it does."""
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return False
    return True


def _start(stack: ExitStack, command: Sequence[object], env: dict[str, str], log: Path) -> None:
    output = stack.enter_context(log.open("wb"))
    child = stack.enter_context(
        subprocess.Popen([str(c) for c in command], env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    )
    stack.callback(child.terminate)


def _environment(reports: Path, folder: Path) -> dict[str, str]:
    return environment() | {
        "BENCH_TELL": str(reports),
        "BENCH_ROUNDS": str(ROUNDS),
        "BENCH_BEGAN": str(time.time()),
        "BENCH_ROOT": str(ROOT),
        "FLWR_HOME": str(folder / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "PATH": f"{PEERS_PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
    }


def _read(reports: Path) -> Rounds:
    if not reports.exists():
        return ()
    return tuple(json.loads(line) for line in reports.read_text().splitlines())
