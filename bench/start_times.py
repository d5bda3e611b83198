"""What each program imports when it starts, and how long that takes as a multiple of `python -c pass`.

The modules are counted, because their number is the same under any load. Times are the processor time of the child
process, measured in turns with `python -c pass`; they still vary by a quarter from run to run, so nothing judges them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

from bench.compare import ratio, take_turns
from bench.machine import ROOT, environment

TURNS = 7
TIMEOUT_S = 60.0
NOTHING = ("-c", "pass")
HELPS = ("client.py", "client.py train", "client.py jobs", "compute_node.py", "supernode.py", "client.py dashboard")
# Until it serves: what its entry point imports, and what that runs.
STARTS = {
    "a node": "roundelay.cli.main, roundelay.cli.compute_node, roundelay.cli.run_compute_node",
    "the supernode": "roundelay.cli.main, roundelay.cli.supernode, roundelay.cli.run_supernode",
    "the client, until its ring comes up": "roundelay.cli.main, roundelay.cli.commands, roundelay.cli.settings, "
    "roundelay.cli.configuration, roundelay.client.local",
    "a trainer": "roundelay.ml.trainer, roundelay.ml.worker",
}
WITHOUT_NUMPY = ("a node", "the supernode")  # and every --help


def start_ratios() -> dict[str, float]:
    """Return each program's start as a multiple of `python -c pass`: the median over interleaved turns."""
    measures = {name: partial(cpu_seconds, *words) for name, words in programs().items()}
    found = take_turns(measures | {"nothing": partial(cpu_seconds, *NOTHING)}, TURNS)
    return {f"start of {name}, python -c pass = 1": round(ratio(found["nothing"], found[name]), 2) for name in measures}


def module_counts() -> dict[str, int]:
    """Return how many modules each program imports beyond those of Python itself.

    What `site` imports counts: it depends on how this Python was installed, and most programs import it anyway.
    """
    own = set(imported_modules("-S", *NOTHING))
    return {
        f"modules that {name} imports": len(set(imported_modules(*words)) - own) for name, words in programs().items()
    }


def numpy_imports() -> int:
    """Return how many programs import numpy that should not."""
    guarded = (words for name, words in programs().items() if name in WITHOUT_NUMPY or name.endswith("--help"))
    return sum("numpy" in imported_modules(*words) for words in guarded)


def programs() -> dict[str, tuple[str, ...]]:
    """Return the arguments of Python for each program."""
    helps = {f"{words} --help": (*words.split(), "--help") for words in HELPS}
    return helps | {name: ("-c", f"import {modules}") for name, modules in STARTS.items()}


def cpu_seconds(*words: str) -> float:
    """Run Python, and return the processor time that it took, in seconds."""
    child = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"python {' '.join(words)} ended with code {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def imported_modules(*words: str) -> list[str]:
    """Run Python, and return the modules that it imports, in the order in which their imports end."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        cwd=ROOT,
        env=environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
