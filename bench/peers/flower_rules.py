"""Flower's aggregation of the updates that the benchmark of rules sends: one request for each round.

A request has the path of an npz file with `base`, `updates` and `rows`, the rule's name and the number of malicious
files; the answer is the weights after the round, from Flower's own functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flwr.server.strategy import aggregate

from bench.peers import serve


def answer(path: str, rule: str, malicious: int) -> list[float]:
    """Return the weights after a round."""
    with np.load(path) as given:
        base, updates, rows = given["base"], given["updates"], given["rows"]
    results = [([base + update], int(count)) for update, count in zip(updates, rows, strict=True)]
    computed: dict[str, Any] = {
        "fedavg": lambda: aggregate.aggregate(results),
        "median": lambda: aggregate.aggregate_median(results),
        "trimmed-mean": lambda: aggregate.aggregate_trimmed_avg(results, malicious / len(results)),
        "krum": lambda: aggregate.aggregate_krum(results, malicious, 0),
        "bulyan": lambda: aggregate.aggregate_bulyan(results, malicious, aggregate.aggregate_krum, to_keep=0),
    }
    weights: list[float] = np.asarray(computed[rule]()[0]).tolist()
    return weights


if __name__ == "__main__":
    serve(answer)
