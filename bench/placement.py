"""The length of a round under each placement policy, on nodes that are busy some of the time.

    python -m bench placement [--rounds N] [--delay S] [--json]

Four real nodes are busy with probability 0, 0.2, 0.4 and 0.8 (`compute_node.py --load`): an order is then delayed or,
under a policy that balances load, refused. Writes docs/results/placement.md and .svg. All policies must make the same
model.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from bench.machine import short_sentence
from bench.report import markdown_table, write
from roundelay.federation.placement import BALANCING, POLICIES
from roundelay.node.subprocesses import ROOT
from roundelay.sim.plot import Plot, PlotSeries, svg
from roundelay.testing.cluster import Cluster

LOADS = (0.0, 0.2, 0.4, 0.8)
ROUNDS, DELAY_S = 8, 1.0
HIDDEN = 64
TARGET = 1.5  # how many times faster than hash a policy that balances load must be

Row = dict[str, object]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench placement", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--delay", type=float, default=DELAY_S)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    runs = measure(chosen.rounds, chosen.delay)
    hash_s = mean(runs["hash"][1])
    rows: list[Row] = [
        {
            "policy": policy,
            "balances": policy in BALANCING,
            "makespan_s": round(mean(seconds), 3),
            "worst_s": round(max(seconds), 3),
            "times_faster_than_hash": round(hash_s / mean(seconds), 2),
        }
        for policy, (_, seconds) in runs.items()
    ]
    found = {
        "bench": "placement",
        "loads": LOADS,
        "delay_s": chosen.delay,
        "rounds": chosen.rounds,
        "policies": rows,
        "one_model": len({model for model, _ in runs.values()}) == 1,
        "held": all(float(str(row["times_faster_than_hash"])) >= TARGET for row in rows if row["balances"]),
    }
    write("placement.md", document(found, rows))
    write("placement.svg", svg(_plot({policy: seconds for policy, (_, seconds) in runs.items()})))
    print(json.dumps(found) if chosen.json else document(found, rows))
    return 0 if found["held"] and found["one_model"] else 1


def measure(rounds: int, delay_s: float) -> dict[str, tuple[str, list[float]]]:
    """Run one job per policy; return its model and the seconds of every round, by policy."""
    runs = {}
    with tempfile.TemporaryDirectory(prefix="roundelay-placement-") as folder:
        ring = Cluster(Path(folder))
        try:
            ring.start_supernode()
            for load in LOADS:
                ring.add_node("--load", str(load), "--load-delay", str(delay_s))
            ring.wait_until_converged()
            for policy in POLICIES:
                runs[policy] = _run(ring, policy, rounds)
        finally:
            ring.stop()
    return runs


def _run(ring: Cluster, policy: str, rounds: int) -> tuple[str, list[float]]:
    client = ring.start_client(
        "train",
        str(ROOT / "letters"),
        "validate_letters.txt",
        "--placement",
        policy,
        "--rounds",
        str(rounds),
        "--hidden",
        str(HIDDEN),
        "--json",
    )
    assert client.wait() == 0, client.text
    shown = json.loads(client.out.read_text())
    return shown["model_sha256"], [entry["seconds"] for entry in shown["history"]]


def document(found: Row, rows: Sequence[Row]) -> str:
    lines = [
        "# Placement policies: the length of a round on busy nodes",
        "",
        f"`python -m bench placement`, {short_sentence()}. The shipped letters, {HIDDEN} hidden units, "
        f"{found['rounds']} rounds per policy, four nodes that are busy with probability "
        f"{', '.join(map(str, LOADS))}; an order is then delayed by {found['delay_s']} s or, under a policy that "
        "balances load, refused and given to another node.",
        "",
        *markdown_table(
            ("policy", "a busy node may refuse", "mean round, s", "worst round, s", "times faster than hash"),
            [
                (
                    row["policy"],
                    "yes" if row["balances"] else "no",
                    row["makespan_s"],
                    row["worst_s"],
                    row["times_faster_than_hash"],
                )
                for row in rows
            ],
        ),
        "",
        f"All policies made {'the same model, bit for bit' if found['one_model'] else '**different models**'}.",
        "",
        "![seconds of every round](placement.svg)",
        "",
    ]
    return "\n".join(lines)


def _plot(seconds: dict[str, list[float]]) -> Plot:
    shown = ("hash", "random", "replicas", "bounded", "least-loaded")
    series = tuple(
        PlotSeries(policy, tuple((float(n), s) for n, s in enumerate(seconds[policy], 1))) for policy in shown
    )
    return Plot("placement", "Seconds of every round, four busy nodes", "round", "seconds", series)
