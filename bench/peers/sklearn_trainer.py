"""scikit-learn's MLPClassifier: one epoch of the letters' network."""

from __future__ import annotations

import os
import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from bench.peers import serve

warnings.simplefilter("ignore", ConvergenceWarning)
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

trainers: dict[tuple[int, int], tuple[MLPClassifier, Any, Any]] = {}


def answer(data: str, hidden: int, batch: int, eta: float, momentum: float) -> Any:
    """Seconds of one epoch: a fit that goes on from where the last one ended."""
    if (hidden, batch) not in trainers:
        arrays = np.load(data)
        model = MLPClassifier((hidden,), solver="sgd", batch_size=batch, learning_rate_init=eta, momentum=momentum,
                              nesterovs_momentum=False, max_iter=1, warm_start=True, alpha=0.0)
        trainers[hidden, batch] = model, arrays["x"], arrays["y"]
    model, x, y = trainers[hidden, batch]
    began = time.process_time()
    model.fit(x, y)
    return time.process_time() - began


if __name__ == "__main__":
    serve(answer)
