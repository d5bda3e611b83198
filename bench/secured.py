"""What certificates cost: a ring with kits beside one without, measured in turns. `python -m bench secured [--json]`.

Both rings have four nodes and train the shipped letters. A start is the time until four nodes are one ring; a small
call asks a node for its neighbours over an open connection.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
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

NODES, TURNS, CALLS, ROUNDS = 4, 5, 200, 8
RINGS = {"plain": False, "with kits": True}
CALL_TIMEOUT_S = 10.0


def main(arguments: Sequence[str]) -> int:
    with ExitStack() as stack:
        found = measure(Path(stack.enter_context(tempfile.TemporaryDirectory())), stack)
    if "--json" in arguments:
        print(json.dumps({"bench": "secured", **found}))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    return 0 if found["same_model"] else 1


def measure(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Start both rings in turns, then train and call in turns."""
    starts: dict[str, list[float]] = {name: [] for name in RINGS}
    rings: dict[str, Cluster] = {}
    for turn in range(TURNS):
        for name, secured in RINGS.items():
            ring = Cluster(folder / f"{turn}-{secured}", secured=secured)
            began = time.perf_counter()
            ring.form(NODES)
            starts[name].append(time.perf_counter() - began)
            if turn == TURNS - 1:
                rings[name] = ring
                stack.callback(ring.stop)
            else:
                ring.stop()
    calls: dict[str, list[float]] = {name: [] for name in RINGS}
    runtimes = {name: client_runtime(ring.kit("operator", "bench")) for name, ring in rings.items()}
    nodes = {name: ring.statuses()[0].node for name, ring in rings.items()}
    for _ in range(TURNS):
        for name, runtime in runtimes.items():
            question = Ask(nodes[name], GetNeighbours(), CALL_TIMEOUT_S)
            calls[name].append(_call_s(partial(runtime.peers.ask, question)))
    rounds: dict[str, list[float]] = {name: [] for name in RINGS}
    models: set[str] = set()
    for _ in range(TURNS):
        for name, ring in rings.items():
            report = _train(ring)
            models.add(report["model_sha256"])
            rounds[name].append(median(each["seconds"] for each in report["history"]))
    for runtime in runtimes.values():
        runtime.stop(1.0)
    return {
        "same_model": len(models) == 1,
        **_compared("start_s", starts),
        "start_more_s": round(median(starts["with kits"]) - median(starts["plain"]), 3),
        **_compared("small_call_us", {name: [1e6 * each for each in times] for name, times in calls.items()}),
        **_compared("round_s", rounds),
    }


def _compared(what: str, found: dict[str, list[float]]) -> dict[str, Any]:
    """Return both medians, and the median of the ratios of a turn."""
    pairs = zip(found["plain"], found["with kits"], strict=True)
    return {
        **{f"{what} {name}": round(median(values), 4) for name, values in found.items()},
        f"{what} ratio": round(median(secured / plain for plain, secured in pairs), 3),
    }


def _call_s(call: Any) -> float:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return median(times)


def _train(ring: Cluster) -> dict[str, Any]:
    client = ring.start_client(
        "train", str(ROOT / "letters"), "validate_letters.txt", "--rounds", str(ROUNDS), "--json"
    )
    if client.wait():
        raise SystemExit(client.text)
    report: dict[str, Any] = json.loads(client.out.read_text().splitlines()[-1])
    return report
