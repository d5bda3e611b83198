"""What certificates cost: a ring with kits beside one without, measured in turns. `python -m bench secured [--json]`.

Both rings have four nodes and train the shipped letters. A start is the time until four nodes are one ring; a small
call asks a node for its neighbours over an open connection. Beside each time stands the processor time of the ring's
processes (of a small call: of the caller and the node), which other programs on this machine disturb less.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from roundelay.chord.effects import Ask
from roundelay.chord.requests import GetNeighbours
from roundelay.client.connection import client_runtime
from roundelay.node.subprocesses import ROOT
from roundelay.testing.cluster import Cluster
from roundelay.testing.process_stats import processor_s

NODES, TURNS, CALLS, ROUNDS = 4, 5, 3000, 8
RINGS = {"plain": False, "with kits": True}
CALL_TIMEOUT_S = 10.0

Found = dict[str, list[tuple[float, float]]]  # by ring: time and processor time of each turn


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench secured", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one line, one JSON object")
    chosen = parser.parse_args(arguments)
    with ExitStack() as stack:
        found = measure(Path(stack.enter_context(tempfile.TemporaryDirectory())), stack)
    if chosen.json:
        print(json.dumps({"bench": "secured", **found}))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    return 0 if found["same_model"] else 1


def measure(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Start both rings in turns, then call and train in turns."""
    starts, rings = _start(folder, stack)
    calls, rounds, models = _turns(), _turns(), set()
    runtimes = {name: client_runtime(ring.kit("operator", "bench")) for name, ring in rings.items()}
    nodes = {name: ring.statuses()[0].node for name, ring in rings.items()}
    for _ in range(TURNS):
        for name, runtime in runtimes.items():
            question = Ask(nodes[name], GetNeighbours(), CALL_TIMEOUT_S)
            pid = rings[name].node_at(nodes[name]).pid
            calls[name].append(_call(partial(runtime.peers.ask, question), pid))
    for _ in range(TURNS):
        for name, ring in rings.items():
            before = _cpu_s(ring)
            report = _train(ring)
            models.add(report["model_sha256"])
            seconds = median(each["seconds"] for each in report["history"])
            rounds[name].append((seconds, (_cpu_s(ring) - before) / ROUNDS))
    for runtime in runtimes.values():
        runtime.stop(1.0)
    started = _compared("start_s", starts)
    return {
        "same_model": len(models) == 1,
        **started,
        "start_more_s": round(started["start_s with kits"] - started["start_s plain"], 3),
        **_compared("small_call_us", calls, 1e6),
        **_compared("round_s", rounds),
    }


def _start(folder: Path, stack: ExitStack) -> tuple[Found, dict[str, Cluster]]:
    """Start both rings in turns; return what the starts took, and the last rings, which the stack stops."""
    starts, rings = _turns(), {}
    for turn in range(TURNS):
        for name, secured in RINGS.items():
            ring = Cluster(folder / f"{turn}-{secured}", secured=secured)
            began = time.perf_counter()
            ring.form(NODES)
            starts[name].append((time.perf_counter() - began, _cpu_s(ring)))
            if turn == TURNS - 1:
                rings[name] = ring
                stack.callback(ring.stop)
            else:
                ring.stop()
    return starts, rings


def _turns() -> Found:
    return {name: [] for name in RINGS}


def _cpu_s(ring: Cluster) -> float:
    return sum(processor_s(process.pid) for process in (ring.supernode, *ring.nodes))


def _compared(what: str, found: Found, unit: float = 1.0) -> dict[str, Any]:
    """Return both medians, and the median of the ratios of a turn: of the times and of the processor times."""
    shown: dict[str, Any] = {}
    for place, kind in enumerate((what, f"{what} of processors")):
        values = {name: [unit * each[place] for each in turns] for name, turns in found.items()}
        shown |= {f"{kind} {name}": round(median(each), 4) for name, each in values.items()}
        pairs = zip(values["plain"], values["with kits"], strict=True)
        shown[f"{kind} ratio"] = round(median(secured / plain for plain, secured in pairs), 3)
    return shown


def _call(call: Callable[[], object], pid: int) -> tuple[float, float]:
    """Return the median time of a call, and the mean processor time here and in the process that answers."""
    times, before = [], time.process_time() + processor_s(pid)
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return median(times), (time.process_time() + processor_s(pid) - before) / CALLS


def _train(ring: Cluster) -> dict[str, Any]:
    client = ring.start_client(
        "train", str(ROOT / "letters"), "validate_letters.txt", "--rounds", str(ROUNDS), "--json"
    )
    if client.wait():
        raise SystemExit(client.text)
    report: dict[str, Any] = json.loads(client.out.read_text().splitlines()[-1])
    return report
