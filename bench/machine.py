"""Describes where a figure was measured: the machine, its load, and the versions that matter."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.blas import ONE_THREAD, kernel

ROOT = Path(__file__).resolve().parent.parent
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
OURS = ("numpy", "thrift")
PEERS = ("torch", "scikit-learn", "pandas", "grpcio", "flwr", "ray", "nvflare", "numpy")
CPU_INFO = Path("/proc/cpuinfo")
ASK_VERSIONS = """
from importlib import metadata
for name in %r:
    try:
        print(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        pass
"""


def describe() -> dict[str, object]:
    """Return the machine, and the versions on both sides."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "blas": kernel(),
        "ours": {name: metadata.version(name) for name in OURS},
        "peers": peer_versions(),
    }


def sentence(machine: Mapping[str, Any]) -> str:
    """Return a description as a sentence."""
    ours, peers = (
        ", ".join(f"{name} {version}" for name, version in machine[side].items()) for side in ("ours", "peers")
    )
    return (
        f"{machine['date']}, {machine['cores']} cores ({machine['processor']}), load {machine['load']} when it "
        f"began, {machine['system']}, Python {machine['python']}, {ours}, "
        f"BLAS kernel {machine['blas'] or 'unknown'}. "
        f"Peers: {peers or 'none installed (make bench-peers)'}."
    )


def short_sentence() -> str:
    """Return the machine and our versions in a few words."""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores shared with others, "
        f"Python {platform.python_version()}, numpy {metadata.version('numpy')}"
    )


def peer_versions() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    if not PEERS_PYTHON.exists():
        return {}
    done = subprocess.run([PEERS_PYTHON, "-c", ASK_VERSIONS % (PEERS,)], capture_output=True, text=True, check=False)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def environment(folder: Path | None = None) -> dict[str, str]:
    """Return the environment of programs whose start is timed: bytecode is kept, and BLAS has one thread."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | ONE_THREAD | {"PYTHONPYCACHEPREFIX": str(folder)} if folder else kept | ONE_THREAD


def use_one_core() -> None:
    """Pin this process, and those that it starts, to the last core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def other_core() -> int | None:
    """Return a core besides that of `use_one_core`, before that is called; None if this process may use only one."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return cores[0] if len(cores) > 1 else None


def move_to_core(pid: int, core: int) -> None:
    """Pin every thread of a process to a core, and so those that it starts."""
    for thread in (Path("/proc") / str(pid) / "task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _processor() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    return platform.processor() or sys.platform
