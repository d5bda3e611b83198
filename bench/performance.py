"""Runs the benchmarks that have a peer and writes docs/results/performance.md. `make bench` runs this.

Each benchmark is a process of its own; one that fails or exceeds its time is reported as such, and the others go on.
Sections of a benchmark that miss a limit are measured again while there is time: a limit counts as missed, and the exit
code is 1, only if all attempts miss it.
The largest costs of a round come from py-spy, which samples a whole job: client, nodes and trainers.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.machine import PEERS_PYTHON, ROOT, environment
from bench.report import KEPT, RESULTS

ATTEMPTS_MAX = 3  # to hold a limit
ALL_S = 900.0  # nothing is repeated if everything would then take longer
COSTS_S = 15.0  # that the profile takes
PROFILE_S = 60.0
PROFILED_ROUNDS = 20
SAMPLES_A_SECOND = 200
COSTS = 3
IDLE = {  # functions that wait, and the ends of their files' names
    "wait": "threading.py",
    "_wait_for_tstate_lock": "threading.py",
    "_bootstrap": "threading.py",
    "_worker": "thread.py",
    "select": "selectors.py",
    "_begin": "rpc/transport.py",
    "_in_time": "rpc/transport.py",
    "_read": "ml/frames.py",
    "read_frame": "ml/frames.py",
    "_wait": "node/parent.py",
}


@dataclass(frozen=True)
class Part:
    """A benchmark that is a part of this one."""

    name: str
    most_s: float  # then it is ended
    usual_s: float  # without repeats, on two cores


PARTS = (
    Part("trainer", 90.0, 35.0),
    Part("cnn", 120.0, 30.0),
    Part("wire", 90.0, 45.0),
    Part("round", 400.0, 165.0),
    Part("jobs", 400.0, 85.0),
    Part("scale", 700.0, 345.0),
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench performance", description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    where, began = machine.describe(), time.monotonic()
    found = {}
    for place, part in enumerate(PARTS):
        later_s = COSTS_S + sum(later.usual_s for later in PARTS[place + 1 :])
        found[part.name] = _attempts(part, began + ALL_S - later_s)
    costs = _costs()
    seconds = time.monotonic() - began
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "performance.md").write_text(document(where, found, costs, seconds))
    not_held = {name: each["not_held"] if each else ["did not end"] for name, each in found.items()}
    if chosen.json:
        print(
            json.dumps(
                {
                    "bench": "performance",
                    "machine": where,
                    "seconds": round(seconds),
                    "parts": found,
                    "costs": costs,
                    "not_held": not_held,
                }
            )
        )
    else:
        print(f"{RESULTS / 'performance.md'} written in {seconds:.0f} s")
        for name, lines in not_held.items():
            for line in lines:
                print(f"not held: {name}: {line}")
    return 1 if any(not_held.values()) else 0


def document(where: dict[str, object], found: dict[str, Any], costs: list[tuple[str, float]], seconds: float) -> str:
    """Return all tables, and the largest costs of a round, as Markdown."""
    parts = [
        "# How fast it is",
        f"Written by `make bench` in {seconds:.0f} s; do not edit. {machine.sentence(where)}",
        "Ours and the peer take turns in one run; a figure is the median over at least nine turns, *quartiles* are the "
        "first and the third. *limit* is about the ratio where there is a peer, else about ours. What misses a "
        f"limit is measured again, up to {ATTEMPTS_MAX} times in all, as long as everything takes "
        f"{ALL_S / 60:.0f} minutes at most; the tables show the last run.",
    ]
    for name, each in found.items():
        missing = f"## {name}\n\nIt did not end in time, or failed.\n"
        parts.append((KEPT / f"{name}.md").read_text() if each else missing)
    rows = "".join(f"| {what} | {share:.0%} |\n" for what, share in costs) or "| not measured: make bench-peers | |\n"
    parts.append(
        "## The largest costs of a round\n\n| where | of all samples that were at work |\n| --- | --- |\n"
        f"{rows}\nBy py-spy, {SAMPLES_A_SECOND} samples a second of all processes of a job of "
        f"{PROFILED_ROUNDS} rounds; waiting and imports are left out.\n"
    )
    return "\n\n".join(parts)


def _attempts(part: Part, until: float) -> dict[str, Any] | None:
    """Run a part; measure again the sections that miss a limit, while there is time.

    Return the last run; `not_held` has what all runs have missed, and `seconds` is the time of all.
    """
    missed: set[str] | None = None
    found: dict[str, Any] | None = None
    spent_s = 0.0
    for _ in range(ATTEMPTS_MAX):
        again: dict[str, float] = found["missed"] if found is not None else {}
        if found is not None and (not missed or time.monotonic() + sum(again.values()) > until):
            break
        latest = _run(part, tuple(again))
        if latest is not None:
            spent_s += latest["seconds"]
            missed = set(latest["not_held"]) if missed is None else missed & set(latest["not_held"])
            found = latest | {"not_held": sorted(missed), "seconds": round(spent_s, 1)}
        elif time.monotonic() > until:
            break
    return found


def _run(part: Part, only: Sequence[str]) -> dict[str, Any] | None:
    """Run a part, or these sections of it. Return its figures; None if it fails or takes too long."""
    options = ["--only", ",".join(only)] if only else []
    print(f"bench {' '.join([part.name, *options])} ...", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench", part.name, "--json", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            timeout=part.most_s,
            check=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        print(f"bench {part.name}: {error}", file=sys.stderr)
        return None
    return dict(json.loads(done.stdout))


def _costs() -> list[tuple[str, float]]:
    """Profile a job, and return the functions with the largest share of its time."""
    profiler = PEERS_PYTHON.parent / "py-spy"
    if not profiler.exists():
        return []
    with tempfile.TemporaryDirectory() as folder:
        stacks = Path(folder) / "stacks"
        subprocess.run(
            [
                profiler,
                "record",
                "--rate",
                str(SAMPLES_A_SECOND),
                "--subprocesses",
                "--format",
                "raw",
                "--output",
                stacks,
                "--",
                sys.executable,
                ROOT / "client.py",
                ROOT / "letters",
                "validate_letters.txt",
                "--local",
                "4",
                "--rounds",
                str(PROFILED_ROUNDS),
                "--json",
            ],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=PROFILE_S,
            check=False,
        )
        lines = stacks.read_text().splitlines() if stacks.exists() else []
    return largest(lines)


def largest(stacks: Sequence[str]) -> list[tuple[str, float]]:
    """Return the functions of collapsed stacks by their own share, without waiting and imports."""
    own: Counter[str] = Counter()
    for line in stacks:
        stack, _, samples = line.rpartition(" ")
        frames = [re.sub(r":\d+\)$", ")", f) for f in stack.split(";") if not f.startswith("process ")]
        if frames and not _is_idle(frames[-1]) and not any("importlib" in f for f in frames):
            role = "trainer" if "roundelay.ml.trainer" in stack else "node" if "roundelay node" in stack else "client"
            own[f"{role}: {frames[-1]}"] += int(samples)
    total = own.total() or 1
    return [(what, samples / total) for what, samples in own.most_common(COSTS)]


def _is_idle(frame: str) -> bool:
    """Return whether a frame, such as `Event.wait (threading.py)`, only waits."""
    name, _, place = frame.partition(" (")
    return place.removesuffix(")").endswith(IDLE.get(name.rpartition(".")[2], " "))
