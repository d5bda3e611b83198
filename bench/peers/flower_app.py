"""Flower's app for the same job, with our network and trainer, so that only the rounds differ.

It writes one line of JSON per round to the file that BENCH_TELL names. Each client caches its files and their moments,
as ours do. Simulation and deployment use the same app.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

ROOT = Path(os.environ.get("BENCH_ROOT", Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(ROOT))

from bench.peers.letters_share import CLIENTS, first_weights, tell, train_share  # noqa: E402

BEGAN = float(os.environ.get("BENCH_BEGAN", time.time()))
NODES_TIMEOUT_S = 600.0

client = ClientApp()


@client.train()  # type: ignore[untyped-decorator]  # flwr is in the peers' environment
def train_files(message: Message, context: Context) -> Message:
    base = message.content["arrays"].to_numpy_ndarrays()[0]
    weights, rows, seconds = train_share(base, int(context.node_config["partition-id"]))
    metrics = {"num-examples": rows, "seconds": seconds}
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


server = ServerApp()


@server.main()  # type: ignore[untyped-decorator]
def run(grid: Grid, context: Context) -> None:
    strategy = TimedFedAvg(
        fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=CLIENTS, min_available_nodes=CLIENTS
    )
    rounds = int(os.environ["BENCH_ROUNDS"])
    strategy.start(grid, ArrayRecord([first_weights()]), num_rounds=rounds, timeout=NODES_TIMEOUT_S)
