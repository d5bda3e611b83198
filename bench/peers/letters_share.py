"""One client's share of the letters, trained with our network and trainer, so that only the rounds of peers differ.

BENCH_CLIENTS and BENCH_HIDDEN are the numbers of clients and of hidden units. BENCH_TELL names the file of the rounds.
"""

from __future__ import annotations

import json
import os
import time
from functools import cache
from pathlib import Path

import numpy as np

from roundelay.ml import exact_moments
from roundelay.ml.data import Floats, Samples, standardise
from roundelay.ml.mlp import Architecture, init
from roundelay.ml.readers import letters
from roundelay.ml.train import train
from roundelay.ml.training_plan import TrainConfig

LETTERS = Path(__file__).resolve().parents[2] / "letters"
CLIENTS = int(os.environ.get("BENCH_CLIENTS", "4"))
NETWORK = Architecture((16, *map(int, os.environ.get("BENCH_HIDDEN", "256").split(",")), 26))
CONFIG = TrainConfig("sgd", 5, 0.2, 32, 0.9)


def first_weights() -> Floats:
    """Return the weights before the first round."""
    return init(NETWORK, 0)


def train_share(base: Floats, number: int) -> tuple[Floats, int, float]:
    """Train the files of a client from `base`. Return the mean of their weights, their rows, and the seconds."""
    files = _share(number)
    began = time.monotonic()
    trained = [train(NETWORK, base, samples, CONFIG, seed) for seed, samples in enumerate(files)]
    weights: Floats = np.asarray(np.mean(trained, axis=0, dtype=np.float64), np.float32)
    return weights, sum(file.rows for file in files), time.monotonic() - began


def tell(line: dict[str, object]) -> None:
    """Append a round to the file of the rounds."""
    with Path(os.environ["BENCH_TELL"]).open("a") as file:
        file.write(json.dumps(line) + "\n")


@cache
def _share(number: int) -> list[Samples]:
    """Return every fourth file, standardised by its own moments, which costs as much as global ones."""
    paths = [p for p in sorted(LETTERS.iterdir()) if p.suffix == "" and p.is_file()]
    files = [letters.parse(p.name, p.read_bytes(), None, 26) for p in paths[number::CLIENTS]]
    moments = exact_moments.feature_sums(np.concatenate([f.x for f in files])).moments()
    return [Samples(standardise(f.x, moments), f.y) for f in files]
