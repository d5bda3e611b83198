"""Gossip on real nodes: the error of every node's model, and how far the models lie apart, round by round.

    python -m bench gossip [--rounds N] [--nodes N] [--json]

Real nodes train the shipped letters, once undisturbed, and once with every fifth push and every fifth acknowledgement
lost. Writes docs/results/gossip.md and .svg.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from bench.machine import short_sentence
from bench.report import markdown_table, write
from roundelay.federation.settings import Settings
from roundelay.node.subprocesses import ROOT
from roundelay.sim.plot import Plot, PlotSeries, svg
from roundelay.testing.cluster import Cluster

NODES, ROUNDS, FEW = 8, 50, 5
TIMEOUT_S = 600.0
TARGET = 0.08  # the error that every node's model must reach
LOST = "ask.Push.before=20%drop;ask.Push.after=20%drop"
RUNS = {"nothing lost": "", "20 % of the messages lost": LOST}

Run = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("python -m bench gossip", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--nodes", type=int, default=NODES)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    runs = {name: _run(failpoints, chosen.nodes, chosen.rounds) for name, failpoints in RUNS.items()}
    rows = [_row(name, run) for name, run in runs.items()]
    found = {
        "bench": "gossip",
        "nodes": chosen.nodes,
        "rounds": chosen.rounds,
        "runs": rows,
        "held": all(row["held"] for row in rows),
    }
    write("gossip.md", document(found, rows))
    write("gossip.svg", svg(_plot(runs)))
    print(json.dumps(found) if chosen.json else document(found, rows))
    return 0 if found["held"] else 1


def _run(failpoints: str, nodes: int, rounds: int) -> Run:
    """Run one job, and return what the client prints."""
    with tempfile.TemporaryDirectory(prefix="roundelay-gossip-") as folder:
        ring = Cluster(Path(folder), failpoints=failpoints)
        try:
            ring.form(nodes)
            client = ring.start_client(
                "train",
                str(ROOT / "letters"),
                "validate_letters.txt",
                "--topology",
                "gossip",
                "--rounds",
                str(rounds),
                "--json",
            )
            assert client.wait(TIMEOUT_S) == 0, client.text
            shown: Run = json.loads(client.out.read_text())
            return shown
        finally:
            ring.stop()


def _row(name: str, run: Run) -> Run:
    history = run["history"]
    early, late = (mean(each["spread"] for each in rounds) for rounds in (history[:FEW], history[-FEW:]))
    worst = max(run["node_errors"].values())
    return {
        "run": name,
        "models": len(run["node_errors"]),
        "worst_error": worst,
        "best_error": min(run["node_errors"].values()),
        "spread_at_first": early,
        "spread_at_last": late,
        "seconds": run["seconds"],
        "held": worst <= TARGET and late < early,
    }


def document(found: Run, rows: Sequence[Run]) -> str:
    lines = [
        "# Gossip: the error and the spread of the nodes' models",
        "",
        f"`python -m bench gossip`, {short_sentence()}. The shipped letters on {found['nodes']} nodes, "
        f"{found['rounds']} rounds, {Settings().exchanges} exchanges a round. *Spread* is the root mean square "
        f"distance of a weight from the mean of all nodes' models; the exchanges are random, so it is averaged over "
        f"{FEW} rounds. Every node's model must reach an error of {TARGET} or less, and the models must lie closer "
        "together at the end than at the beginning.",
        "",
        *markdown_table(
            (
                "",
                "models",
                "best error",
                "worst error",
                f"spread, first {FEW} rounds",
                f"spread, last {FEW}",
                "seconds",
                "held",
            ),
            [
                (
                    row["run"],
                    row["models"],
                    f"{row['best_error']:.4f}",
                    f"{row['worst_error']:.4f}",
                    f"{row['spread_at_first']:.5f}",
                    f"{row['spread_at_last']:.5f}",
                    f"{row['seconds']:.0f}",
                    "yes" if row["held"] else "no",
                )
                for row in rows
            ],
        ),
        "",
        "A push is *lost* if it, or its acknowledgement, never arrives; it is sent again, and counts once.",
        "",
        "![spread of the models, round by round](gossip.svg)",
        "",
    ]
    return "\n".join(lines)


def _plot(runs: dict[str, Run]) -> Plot:
    series = tuple(
        PlotSeries(name, tuple((float(each["round"]), each["spread"]) for each in run["history"]))
        for name, run in runs.items()
    )
    return Plot("gossip", "How far the nodes' models lie apart", "round", "spread", series)
