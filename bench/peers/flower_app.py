"""Flower's app for the same job, with our network and trainer, so that only the rounds differ.

It writes one line of JSON per round to the file that BENCH_TELL names. Each client caches its files and their moments,
as ours do. Simulation and deployment use the same app. BENCH_CLIENTS and BENCH_HIDDEN change the numbers of clients and
of hidden units.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

ROOT = Path(os.environ.get("BENCH_ROOT", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT))

from roundelay.ml import exact  # noqa: E402
from roundelay.ml.data import Samples, standardise  # noqa: E402
from roundelay.ml.mlp import Architecture, init  # noqa: E402
from roundelay.ml.readers import letters  # noqa: E402
from roundelay.ml.task import TrainConfig  # noqa: E402
from roundelay.ml.train import train  # noqa: E402

CLIENTS = int(os.environ.get("BENCH_CLIENTS", "4"))
NETWORK = Architecture((16, *map(int, os.environ.get("BENCH_HIDDEN", "256").split(",")), 26))
CONFIG = TrainConfig("sgd", 5, 0.2, 32, 0.9)
BEGAN = float(os.environ.get("BENCH_BEGAN", time.time()))
NODES_TIMEOUT_S = 600.0


@cache
def partition(number: int) -> list[Samples]:
    """Return every fourth file, standardised by its own moments, which costs as much as global ones."""
    paths = [p for p in sorted((ROOT / "letters").iterdir()) if p.suffix == "" and p.is_file()]
    files = [letters.parse(p.name, p.read_bytes(), None, 26) for p in paths[number::CLIENTS]]
    moments = exact.feature_sums(np.concatenate([f.x for f in files])).moments()
    return [Samples(standardise(f.x, moments), f.y) for f in files]


client = ClientApp()


@client.train()  # type: ignore[untyped-decorator]  # flwr is in the peers' environment
def train_files(message: Message, context: Context) -> Message:
    files = partition(int(context.node_config["partition-id"]))
    began = time.monotonic()
    base = message.content["arrays"].to_numpy_ndarrays()[0]
    trained = [train(NETWORK, base, samples, CONFIG, seed) for seed, samples in enumerate(files)]
    weights = np.mean(trained, axis=0, dtype=np.float64).astype(np.float32)
    metrics = {"num-examples": sum(f.rows for f in files), "seconds": time.monotonic() - began}
    content = RecordDict({"arrays": ArrayRecord([weights]), "metrics": MetricRecord(metrics)})
    return Message(content=content, reply_to=message)


class TimedFedAvg(FedAvg):  # type: ignore[misc]
    """FedAvg that reports how long each round took, and its slowest client."""

    def configure_train(self, server_round: int, *rest: Any) -> Iterable[Message]:
        self.began = time.monotonic()
        found: Iterable[Message] = super().configure_train(server_round, *rest)
        return found

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> Any:
        replies = list(replies)
        trained = [float(r.content["metrics"]["seconds"]) for r in replies if r.has_content()]  # others report errors
        made = super().aggregate_train(server_round, replies)
        tell(
            {
                "round": server_round,
                "seconds": time.monotonic() - self.began,
                "slowest": max(trained, default=0.0),
                "sites": len(trained),
                "since_start": time.time() - BEGAN,
            }
        )
        return made


def tell(line: dict[str, object]) -> None:
    with Path(os.environ["BENCH_TELL"]).open("a") as file:
        file.write(json.dumps(line) + "\n")


server = ServerApp()


@server.main()  # type: ignore[untyped-decorator]
def run(grid: Grid, context: Context) -> None:
    strategy = TimedFedAvg(
        fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=CLIENTS, min_available_nodes=CLIENTS
    )
    rounds = int(os.environ["BENCH_ROUNDS"])
    strategy.start(grid, ArrayRecord([init(NETWORK, 0)]), num_rounds=rounds, timeout=NODES_TIMEOUT_S)
