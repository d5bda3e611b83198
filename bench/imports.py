"""What each program imports before it does anything: a count that no load changes, where seconds would.

Counted are modules of ours, and of others those that take long; the rest differs between versions of them.
"""

from __future__ import annotations

import subprocess
import sys

from bench.machine import ROOT, environment

OURS = frozenset(path.stem for path in ROOT.glob("*.py")) | {path.parent.name for path in ROOT.glob("*/__init__.py")}
SLOW = frozenset(
    {  # each with what it brings along
        "asyncio",
        "concurrent.futures",
        "dataclasses",
        "decimal",
        "email",
        "http",
        "importlib.metadata",
        "logging",
        "multiprocessing",
        "numpy",
        "pathlib",
        "rich",
        "sqlite3",
        "ssl",
        "statistics",
        "subprocess",
        "tempfile",
        "thrift",
        "tomllib",
        "torch",
        "unittest",
        "xml",
        "zipfile",
    }
)
HELPS = ("client.py", "client.py train", "client.py jobs", "compute_node.py", "supernode.py", "-m roundelay.dashboard")
# Until it serves: what its entry point imports, and what that runs.
STARTS = {
    "a node": "roundelay.cli.main, roundelay.cli.compute_node, roundelay.cli.run_compute_node",
    "the supernode": "roundelay.cli.main, roundelay.cli.supernode, roundelay.cli.run_supernode",
    "the client, until its ring comes up": "roundelay.cli.main, roundelay.cli.commands, roundelay.cli.settings, "
    "roundelay.cli.configuration, roundelay.client.local",
    "a trainer": "roundelay.ml.trainer, roundelay.ml.worker",
}
TIMEOUT_S = 60.0


def imports() -> dict[str, float]:
    """Counts by name."""
    found = {f"imports of {words} --help": imported(*words.split(), "--help") for words in HELPS}
    found |= {f"imports of {who}": imported("-c", f"import {modules}") for who, modules in STARTS.items()}
    counts = {name: float(len(modules)) for name, modules in found.items()}
    return counts | {
        "numpy in a node, or in a --help": float(
            sum("numpy" in modules for name, modules in found.items() if "node" in name or "help" in name)
        )
    }


def imported(*words: str) -> set[str]:
    """Which of the modules that count a run of Python imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        cwd=ROOT,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in lines}
    return {name for name in names if name in SLOW or name.partition(".")[0] in OURS}
