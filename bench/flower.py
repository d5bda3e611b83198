"""Flower on the same letters: its simulation, and deployed. What it prints is told by bench/peers/flower_app.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.machine import PEERS_PYTHON, ROOT, environment
from roundelay.testing.cluster import free_port
from roundelay.testing.waiting import Stuck, until

ROUNDS = 6
NODES = 4
TIMEOUT_S = 120.0
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
class Found:
    """What Flower has told of its rounds; nothing where it is not installed, or has not come so far."""

    name: str
    rounds: tuple[dict[str, float], ...] = ()
    why_not: str = ""
    how: str = ""

    @property
    def overhead_ms(self) -> float | None:
        """Of every round but the first, in which files are read."""
        later = [1000 * (r["seconds"] - r["slowest"]) for r in self.rounds[1:]]
        return median(later) if later else None

    @property
    def first_round_s(self) -> float | None:
        """From its command's start."""
        return self.rounds[0]["since_start"] if self.rounds else None


def simulated(folder: Path) -> Found:
    """Four clients in Ray, in one command."""
    name = "Flower, simulation"
    if not PEERS_PYTHON.exists():
        return Found(name, why_not="make bench-peers")
    told = folder / "simulated.jsonl"
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [PEERS_PYTHON, "-m", "bench.peers.flower_simulation"],
            cwd=ROOT,
            env=_environment(told, folder),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    return Found(name, _read(told), "no round finished", "Flower's simulation: run_simulation, half a core a client.")


def deployed(folder: Path) -> Found:
    """A SuperLink and four SuperNodes on loopback, and `flwr run`."""
    name = "Flower, deployed"
    if not PEERS_PYTHON.exists():
        return Found(name, why_not="make bench-peers")
    told = folder / "deployed.jsonl"
    with ExitStack() as stack:
        _start_all(_environment(told, folder), folder, stack)
        with suppress(Stuck):
            until(lambda: len(_read(told)) >= ROUNDS, "Flower's rounds", TIMEOUT_S)
    return Found(
        name,
        _read(told),
        "no round finished within two minutes",
        "Flower deployed: SuperLink and SuperNodes without TLS, subprocess isolation as by default; with "
        "process isolation and a SuperExec beside each node a round takes as long (decision 10).",
    )


def _start_all(env: dict[str, str], folder: Path, stack: ExitStack) -> None:
    port, bin_ = free_port(), PEERS_PYTHON.parent
    link = [bin_ / "flower-superlink", "--insecure", "--port", port, "--disable-runtime-dependency-installation"]
    _start(stack, link, env, folder / "superlink.log")
    time.sleep(5.0)  # it has no line that says when it listens
    for number in range(NODES):
        node = [
            bin_ / "flower-supernode",
            "--insecure",
            "--superlink",
            f"127.0.0.1:{port}",
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
        f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'
    )
    _start(stack, [bin_ / "flwr", "run", app, "here"], env, folder / "flwr.log")


def _start(stack: ExitStack, command: Sequence[object], env: dict[str, str], log: Path) -> None:
    output = stack.enter_context(log.open("wb"))
    child = stack.enter_context(
        subprocess.Popen([str(c) for c in command], env=env, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    )
    stack.callback(child.terminate)


def _environment(told: Path, folder: Path) -> dict[str, str]:
    return environment() | {
        "BENCH_TELL": str(told),
        "BENCH_ROUNDS": str(ROUNDS),
        "BENCH_BEGAN": str(time.time()),
        "BENCH_ROOT": str(ROOT),
        "FLWR_HOME": str(folder / "flwr"),
        "FLWR_TELEMETRY_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "PATH": f"{PEERS_PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
    }


def _read(told: Path) -> tuple[dict[str, float], ...]:
    if not told.exists():
        return ()
    return tuple(json.loads(line) for line in told.read_text().splitlines())
