"""Runs NVFlare's swarm learning on the same letters; bench/peers/nvflare_app.py reports its rounds."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.flower import Rounds
from bench.machine import PEERS_PYTHON, ROOT, environment
from roundelay.testing.namespaces import Host
from roundelay.testing.waiting import Stuck, until

ADMIN = "admin@bench.local"
PORT = 8002
PROVISION_TIMEOUT_S = 120.0
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0
REGISTERED = "Client: New client "  # a line of the server for each site
STOPPED = re.compile(r"Aborting current RUN due to FATAL_SYSTEM_ERROR received: (.*)")
ABORTING = "already running a task: aborting it"
BUILDERS = ("workspace.Workspace", "static_file.StaticFile", "cert.Cert", "signature.Signature")
Child = subprocess.Popen[bytes]


@contextmanager
def follow(folder: Path, hosts: Sequence[Host], rounds: int, hidden: str) -> Iterator[Callable[[], Rounds]]:
    """Run a server on the first host, where this process is, and a site on each other one; submit the job.

    Yield a function that returns the rounds so far, and raises Stuck if NVFlare has given up. All end with the block. A
    Stuck names the sites that learn no more.
    """
    folder = folder / "nvflare"
    folder.mkdir()
    reports, sites = folder / "rounds.jsonl", len(hosts) - 1
    env = environment() | {
        "BENCH_TELL": str(reports),
        "BENCH_ROUNDS": str(rounds),
        "BENCH_CLIENTS": str(sites),
        "BENCH_HIDDEN": hidden,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{PEERS_PYTHON.parent}{os.pathsep}{os.environ['PATH']}",
    }
    kits, console, children = _provision(folder, hosts[0].ipv4, sites, env), folder / "server.log", list[Child]()
    try:
        children.append(_start(_kit(kits / hosts[0].ipv4), env, console))
        for number, host in enumerate(hosts[1:]):
            command = (*host.wrapper(), *_kit(kits / f"site-{number}"))
            children.append(_start(command, env, folder / f"site-{number}.log"))
        until(lambda: _text(console).count(REGISTERED) >= sites, "NVFlare's sites register", START_TIMEOUT_S)
        job = _start((PEERS_PYTHON, "-m", "bench.peers.nvflare_job", kits / ADMIN), env, folder / "job.log")
        children.append(job)
        yield lambda: rounds_of(reports, console, job, rounds)
    except Stuck as error:
        raise Stuck(f"{error}{lost_tasks(folder)}") from error
    finally:
        _stop(children, hosts)


def _provision(folder: Path, address: str, sites: int, env: dict[str, str]) -> Path:
    """Make the startup kits of a server, the sites and an administrator, as NVFlare's documentation does."""
    participants = [
        {"name": address, "type": "server", "org": "bench", "fed_learn_port": PORT},
        *({"name": f"site-{number}", "type": "client", "org": "bench"} for number in range(sites)),
        {"name": ADMIN, "type": "admin", "org": "bench", "role": "project_admin"},
    ]
    builders = [{"path": f"nvflare.lighter.impl.{name}Builder", "args": {}} for name in BUILDERS]
    project = {"api_version": 3, "name": "letters", "participants": participants, "builders": builders}
    (folder / "project.yml").write_text(json.dumps(project))  # JSON is YAML, too
    subprocess.run(
        [PEERS_PYTHON.parent / "nvflare", "provision", "-p", folder / "project.yml", "-w", folder / "kits"],
        env=env,
        capture_output=True,
        timeout=PROVISION_TIMEOUT_S,
        check=True,
    )
    kits = folder / "kits" / "letters" / "prod_00"
    for given in kits.glob("*/local/resources.json.default"):  # by which the server keeps its jobs in /tmp/nvflare
        given.with_suffix("").write_text(given.read_text().replace('"/tmp/nvflare', f'"{folder}/server'))
    return kits


def _kit(kit: Path) -> tuple[str, ...]:
    return ("bash", str(kit / "startup" / "sub_start.sh"), "--once")


def _start(command: Sequence[object], env: dict[str, str], console: Path) -> Child:
    with console.open("wb") as output:
        return subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def _stop(children: Sequence[Child], hosts: Sequence[Host]) -> None:
    """End the processes, and those that they have started for the job, which see late that their parents have ended."""
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for host in hosts:
        host.kill_all()


def rounds_of(reports: Path, console: Path, job: subprocess.Popen[bytes], rounds: int) -> Rounds:
    """Return the rounds so far. Raises Stuck, with the server's own words, if NVFlare has given up."""
    stopped, code = STOPPED.search(_text(console)), job.poll()
    made = tuple(json.loads(line) for line in _text(reports).splitlines())
    if len(made) < rounds and (stopped or code is not None):
        raise Stuck(stopped[1] if stopped else f"the job ended with code {code}")
    return made


def lost_tasks(folder: Path) -> str:
    """Return the sites that have ended their learning because a task came while they were busy, with their words."""
    lost = [console.stem for console in sorted(folder.glob("site-*.log")) if ABORTING in _text(console)]
    return f"; {', '.join(lost)}: {ABORTING}" if lost else ""


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
